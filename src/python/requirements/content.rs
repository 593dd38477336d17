//! What of a requirements file decides what uv does with it: not its comments, nor how lines end.

use crate::python::requirements::lines::{logical_lines, plain_text, without_comment};
use crate::python::requirements::requirement::{Requirement, Source};

/// Options of which uv never says in which line they are.
const KNOWN_OPTIONS: [&str; 16] = [
    "-r",
    "--requirement",
    "-c",
    "--constraint",
    "-i",
    "--index-url",
    "--extra-index-url",
    "-f",
    "--find-links",
    "--no-index",
    "--pre",
    "--prefer-binary",
    "--no-binary",
    "--only-binary",
    "--require-hashes",
    "--trusted-host",
];

/// A file of requirements without its comments. Lines stay where they are if uv may say the number of one.
#[must_use]
pub(crate) fn content_of_lines(text: &str) -> String {
    let text = plain_text(text);
    let keeps_places = logical_lines(&text).iter().any(|line| may_be_numbered(line.trim()));
    let mut content = String::with_capacity(text.len());
    let mut goes_on = false;
    for line in text.lines() {
        let bare = without_comment(line).trim_end();
        // In the middle of an entry an empty line, and to uv a comment too, ends it.
        let kept = if goes_on && bare.is_empty() { line } else { bare };
        if keeps_places || goes_on || !kept.is_empty() {
            content.push_str(kept);
            content.push('\n');
        }
        goes_on = kept.ends_with('\\');
    }
    content.truncate(content.trim_end().len());
    content
}

/// Whether uv may refuse a line with its number: options that it does not know, and what it cannot install in place.
fn may_be_numbered(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or_default();
    let (option, value) = first.split_once('=').unwrap_or((first, ""));
    match option {
        "-e" | "--editable" => {
            let place = if value.is_empty() {
                words.next().unwrap_or_default()
            } else {
                value
            };
            let parsed = Requirement::parse(place);
            !parsed.is_ok_and(|requirement| matches!(requirement.source, Source::Path(_)))
        }
        _ if option.starts_with('-') => !KNOWN_OPTIONS.contains(&option),
        _ => words.any(|word| word.starts_with("--") && !word.starts_with("--hash")),
    }
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
    fn comments_of_requirements_do_not_count() {
        let plain = "six==1.16\npandas>=2 ; python_version > '3'\nx @ https://h/x#egg=x\n-c bounds.txt\n\
                     numpy==1 \\\n    --hash=sha256:aa";
        assert_eq!(content_of_lines(plain), plain);
        let commented = "\u{feff}# ours\r\n\r\nsix==1.16  # pinned\r\n  # more\r\npandas>=2 ; python_version > '3'\t# x\r\n\
                         x @ https://h/x#egg=x\r\n\r\n-c bounds.txt\r\nnumpy==1 \\\r\n    --hash=sha256:aa\r\n    # via us\r\n\r\n";
        assert_eq!(content_of_lines(commented), plain);
        // Nothing joins lines that were apart.
        assert_eq!(content_of_lines("six \\\n\npandas\n"), "six \\\n\npandas");
        assert_eq!(content_of_lines("# a\n\n"), "");
    }

    #[test]
    fn lines_stay_where_uv_may_name_them() {
        for line in [
            "--bogus",
            "-rbase.txt",
            "-e git+https://h/x@v1",
            "-e x @ git+https://h/x",
            "six --config-settings a=b",
        ] {
            assert_eq!(
                content_of_lines(&format!("# a\n\nsix # b\n{line}\n")),
                format!("\n\nsix\n{line}")
            );
        }
        for line in [
            "-e ./x",
            "--editable=../x",
            "-r base.txt",
            "--pre",
            "--index-url=https://i",
            "--no-binary=six",
        ] {
            assert_eq!(
                content_of_lines(&format!("# a\n\nsix\n{line}\n")),
                format!("six\n{line}")
            );
        }
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
