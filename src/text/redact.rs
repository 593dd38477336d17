//! Credentials in URLs, which must not reach a log, an image or an error message.

/// The byte ranges of the user-info parts of all URLs in a text that hold a credential: a password,
/// or a lone token for schemes where the user part is one. References to variables are no credentials.
///
/// Takes time linear in the text: specs are input from strangers.
fn credentials(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    // Locks have megabytes of URLs without any.
    if !text.contains('@') {
        return found;
    }
    let mut start = 0;
    for word in text.split_inclusive(|c: char| c.is_whitespace() || c.is_control()) {
        in_word(word, start, &mut found);
        start += word.len();
    }
    found
}

/// The credentials in a word that starts at byte `offset`.
fn in_word(word: &str, offset: usize, found: &mut Vec<std::ops::Range<usize>>) {
    let last_at = word.rfind('@');
    let mut from = 0;
    while let Some(at) = word.get(from..).and_then(|rest| rest.find("://")) {
        let before = word.get(from..from + at).unwrap_or("");
        let start = from + at + 3;
        from = start;
        let scheme_start = before
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || "+.-".contains(c)))
            .map_or(0, |at| at + 1);
        let scheme = before.get(scheme_start..).unwrap_or("").to_lowercase();
        let Some(end) = user_info_end(word, start, last_at) else {
            continue;
        };
        let user_info = word.get(start..end).unwrap_or("");
        let secret = match user_info.split_once(':') {
            Some((user, "")) => !is_variable(user),
            Some((_, password)) => !is_variable(password),
            None => !scheme.ends_with("ssh") && !is_variable(user_info) && !matches!(user_info, "" | "git"),
        };
        if secret {
            found.push(offset + start..offset + end);
            from = end;
        }
    }
}

/// Where the user-info part of a URL ends, if it has one; `start` is the byte after its scheme.
fn user_info_end(word: &str, start: usize, last_at: Option<usize>) -> Option<usize> {
    let url = word.get(start..)?;
    let head = url.get(..url.find(['/', '?', '#']).unwrap_or(url.len()))?;
    if let Some(at) = head.rfind('@') {
        return Some(start + at);
    }
    // A password with an unescaped slash: what follows the colon is not a port.
    let (_, port) = head.split_once(':')?;
    if port.is_empty() || port.chars().all(|c| c.is_ascii_digit()) || port.contains(']') {
        return None;
    }
    last_at.filter(|at| *at > start)
}

/// `$NAME` or `${NAME}` in capitals, which a shell or uv replaces. `$ecret` is a password.
fn is_variable(text: &str) -> bool {
    let name = text
        .strip_prefix("${")
        .and_then(|t| t.strip_suffix('}'))
        .or_else(|| text.strip_prefix('$'));
    name.is_some_and(|name| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    })
}

/// Whether a text has a URL with a credential in it.
#[must_use]
pub(crate) fn has_credential(text: &str) -> bool {
    !credentials(text).is_empty()
}

/// The text with every credential in a URL replaced by `*`; its length in bytes stays the same, so spans still fit.
#[must_use]
pub(crate) fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for range in credentials(text) {
        out.push_str(text.get(from..range.start).unwrap_or(""));
        out.extend(std::iter::repeat_n('*', range.len()));
        from = range.end;
    }
    out.push_str(text.get(from..).unwrap_or(""));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_hidden_and_nothing_else() {
        let check = |input: &str, expect: &str| assert_eq!(redact(input), expect);
        check("https://u:pw@host/x", "https://****@host/x");
        check("a https://tok@h b http://u:p@h", "a https://***@h b http://***@h");
        check("git+https://oauth2:tok@h/r.git@v1", "git+https://**********@h/r.git@v1");
        check("https://u:p/w@host", "https://*****@host");
        check("https://u:p@w@host", "https://*****@host");
        check("'https://u:p@h'", "'https://***@h'");
        check("https://user:it's@host/simple", "https://*********@host/simple");
        check("https://u:a\"b<c>d|e`f@h", "https://*************@h");
        check("https://u:$ecret@h", "https://********@h");
        for same in [
            "https://host:8080/a@b",
            "git+https://github.com/a/b@v3",
            "ssh://git@github.com/a/b",
            "git+ssh://me@host/x",
            "git@github.com:a/b.git",
            "https://$USER:${TOKEN}@host/",
            "mail a@b",
            "://",
            "http://[::1]:80/x@y",
        ] {
            check(same, same);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_password_never_survives(password in "[a-zA-Z0-9!#%&*:/?@=+.'\"`<>|$-]{6,24}", around in "[ a-z\n]{0,9}") {
            let marked = format!("Zq{password}qZ");
            let text = format!("{around} https://user:{marked}@host/path {around}");
            let hidden = redact(&text);
            proptest::prop_assert!(!hidden.contains(&marked));
            proptest::prop_assert_eq!(hidden.len(), text.len());
        }
    }
}
