//! What of a file decides what uv does with it: not its comments, nor how lines end.

use crate::python::requirements::lines::{plain_text, without_comment};

/// A file of requirements without its comments; every line stays where it is, since uv may say the number of one.
#[must_use]
pub(crate) fn content_of_lines(text: &str) -> String {
    let text = plain_text(text);
    let lines: Vec<&str> = text.lines().map(|line| without_comment(line).trim_end()).collect();
    lines.join("\n").trim_end().to_owned()
}

/// A TOML file without its comments; every line stays where it is.
#[must_use]
pub(crate) fn content_of_toml(text: &str) -> String {
    let text = plain_text(text);
    let mut content = String::with_capacity(text.len());
    // The quotes that end the string that a line begins in.
    let mut string: Option<&str> = None;
    for line in text.lines() {
        let mut at = 0;
        let mut end = line.len();
        while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
            let step = match string {
                Some(quotes) if rest.starts_with(quotes) => {
                    string = None;
                    quotes.len()
                }
                Some(quotes) if quotes.starts_with('"') && rest.starts_with('\\') => 2,
                None if rest.starts_with('#') => {
                    end = at;
                    break;
                }
                None => {
                    string = ["\"\"\"", "'''", "\"", "'"]
                        .into_iter()
                        .find(|quotes| rest.starts_with(quotes));
                    string.map_or_else(|| first_length(rest), str::len)
                }
                Some(_) => first_length(rest),
            };
            // A backslash may be the last of its line.
            at += step;
        }
        string = string.filter(|quotes| quotes.len() == 3);
        let kept = line.get(..end).unwrap_or(line);
        content.push_str(if string.is_some() { kept } else { kept.trim_end() });
        content.push('\n');
    }
    content.truncate(content.trim_end().len());
    content
}

fn first_length(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_of_requirements_do_not_count_and_no_line_moves() {
        let commented = "\u{feff}# ours\r\n\r\nsix==1.16  # pinned\r\nx @ https://h/x#egg=x\r\n# end\r\n";
        assert_eq!(content_of_lines(commented), "\n\nsix==1.16\nx @ https://h/x#egg=x");
    }

    #[test]
    fn comments_of_toml_do_not_count_and_no_line_moves() {
        let check = |text: &str, expect: &str| {
            assert_eq!(content_of_toml(text), expect);
            assert_eq!(
                toml::from_str::<toml::Table>(text).unwrap(),
                toml::from_str::<toml::Table>(expect).unwrap()
            );
        };
        check(
            "# a\n[p] # b\nx = 'a # b' # c\r\ny = \"\\\" # d\" # e\n",
            "\n[p]\nx = 'a # b'\ny = \"\\\" # d\"",
        );
        check(
            "x = \"\"\"a # b\nc \\\n  # d\n\"\"\" # e\ny = '''\n# f\n''' # g\n",
            "x = \"\"\"a # b\nc \\\n  # d\n\"\"\"\ny = '''\n# f\n'''",
        );
        check(
            "x = [ # one\n  'é#', # two\n]\nz = \"\" # none\nw = '' # none\n",
            "x = [\n  'é#',\n]\nz = \"\"\nw = ''",
        );
    }

    proptest::proptest! {
        #[test]
        fn a_table_is_what_it_was(text in "([a-c] = (\"[#a\\\\\\\\ ]{0,4}\"|'[#\" ]{0,4}'|\"\"\"[#\n ']{0,6}\"\"\"|1)( *# ?[\"'a]*)?\n){0,3}") {
            if let Ok(table) = toml::from_str::<toml::Table>(&text) {
                let content = content_of_toml(&text);
                proptest::prop_assert_eq!(toml::from_str::<toml::Table>(&content).unwrap(), table);
            }
        }
    }
}
