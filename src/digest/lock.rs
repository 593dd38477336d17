//! Requirements files that say exactly what is installed: every requirement with the hashes of its files.

/// The requirements, one a line, in an order of their own; options that do not change what is installed are
/// left out.
///
/// # Errors
/// Says what leaves room for choice.
pub(super) fn locked_requirements(text: &str, must_have: Option<&str>) -> Result<Vec<String>, String> {
    let text = text
        .trim_start_matches('\u{feff}')
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    // Comments go first: a backslash at the end of one continues nothing.
    let uncommented = text.lines().map(without_comment).collect::<Vec<_>>().join("\n");
    // Lines that were continued leave empty ones, so that the rest keep their numbers.
    let mut lines: Vec<String> = Vec::new();
    let mut continued = 0;
    for line in uncommented.lines() {
        let (text, goes_on) = line.strip_suffix('\\').map_or((line, false), |text| (text, true));
        match lines.last_mut().filter(|_| continued > 0) {
            Some(last) => *last = format!("{last} {text}"),
            None => lines.push(text.to_owned()),
        }
        if goes_on {
            continued += 1;
        } else {
            lines.extend(std::iter::repeat_n(String::new(), continued));
            continued = 0;
        }
    }
    let mut requirements = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(first) = words.first() else {
            continue;
        };
        if first.starts_with('-') {
            let is_index = [
                "-i",
                "-f",
                "--index-url",
                "--extra-index-url",
                "--find-links",
                "--trusted-host",
            ]
            .iter()
            .any(|option| first == option || first.starts_with(&format!("{option}=")));
            if is_index || *first == "--require-hashes" {
                continue;
            }
            return Err(format!(
                "`{first}` on line {} leaves open what is installed",
                number + 1
            ));
        }
        if !words.iter().any(|word| word.starts_with("--hash=")) {
            return Err(format!("`{first}` on line {} has no --hash", number + 1));
        }
        requirements.push(words.join(" "));
    }
    if let Some(name) = must_have
        && !requirements.iter().any(|line| normalised(name_of(line)) == name)
    {
        return Err(format!("it does not have {name}, which the flyte profile installs"));
    }
    requirements.sort();
    Ok(requirements)
}

/// A comment begins at the start of a line or after white space.
fn without_comment(line: &str) -> &str {
    let begins = |at: usize| {
        at == 0
            || line
                .get(..at)
                .is_some_and(|before| before.ends_with(char::is_whitespace))
    };
    let comment = line.match_indices('#').map(|(at, _)| at).find(|at| begins(*at));
    comment.map_or(line, |at| line.get(..at).unwrap_or(line))
}

/// A name as PEP 503 compares it.
fn normalised(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_lowercase()
}

/// The name that a requirement begins with.
fn name_of(requirement: &str) -> &str {
    let end = requirement.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
    requirement
        .get(..end.unwrap_or(requirement.len()))
        .unwrap_or(requirement)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_what_it_says_not_how() {
        let one = "# made by uv\nb==2 \\\n    --hash=sha256:bb\na==1 --hash=sha256:aa  # via b\n";
        let other = "\u{feff}--index-url https://i/simple\r\na==1 --hash=sha256:aa\r\nb==2 --hash=sha256:bb";
        let lines = locked_requirements(one, None);
        assert_eq!(lines, locked_requirements(other, None));
        assert_eq!(
            lines,
            Ok(vec!["a==1 --hash=sha256:aa".into(), "b==2 --hash=sha256:bb".into()])
        );
        for (open, says) in [
            ("a==1", "`a==1` on line 1 has no --hash"),
            ("\n-r other.txt", "`-r` on line 2 leaves open what is installed"),
        ] {
            assert_eq!(locked_requirements(open, None), Err(says.into()));
        }
        // Comments hide nothing.
        for hidden in ["# note \\\nevil==6", "# x\revil==6"] {
            assert!(locked_requirements(hidden, None).is_err(), "{hidden:?}");
        }
        assert_eq!(
            locked_requirements("a==1 --hash=sha256:aa\t# x", None).unwrap(),
            ["a==1 --hash=sha256:aa"]
        );
        assert_eq!(
            locked_requirements("a==1 \\\n  --hash=x\nb", None),
            Err("`b` on line 3 has no --hash".into())
        );
        assert!(locked_requirements("Fly_Tekit==1 --hash=x", Some("fly-tekit")).is_ok());
        assert!(locked_requirements(one, Some("flytekit")).is_err());
        assert!(locked_requirements(one, Some("a")).is_ok());
    }
}
