//! Finds and hides credentials in URLs.

/// The byte ranges of the user-info parts of all URLs in a text that hold a credential: a password,
/// or a lone token for schemes where the user part is one. References to variables are no credentials.
fn credentials(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("://")) {
        let colon = from + at;
        let start = colon + 3;
        from = start;
        let rest = text.get(start..).unwrap_or("");
        let stop = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '|'))
            .unwrap_or(rest.len());
        let url = rest.get(..stop).unwrap_or("");
        let scheme_start = text
            .get(..colon)
            .and_then(|before| before.rfind(|c: char| !(c.is_ascii_alphanumeric() || "+.-".contains(c))))
            .map_or(0, |at| at + 1);
        let scheme = text.get(scheme_start..colon).unwrap_or("").to_lowercase();
        let Some(end) = user_info_end(url) else { continue };
        let user_info = url.get(..end).unwrap_or("");
        let (user, password) = match user_info.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (user_info, None),
        };
        let secret = match password {
            Some(password) => !password.is_empty() && !is_variable(password) || (password.is_empty() && !is_variable(user)),
            None => !scheme.ends_with("ssh") && !is_variable(user) && !user.is_empty() && user != "git",
        };
        if secret {
            found.push(start..start + end);
            from = start + end;
        }
    }
    found
}

/// Where the user-info part of a URL without its scheme ends, if it has one.
fn user_info_end(url: &str) -> Option<usize> {
    let authority = url.find(['/', '?', '#']).unwrap_or(url.len());
    let head = url.get(..authority)?;
    if let Some(at) = head.rfind('@') {
        return Some(at);
    }
    // A password with an unescaped slash: what follows the colon is no port.
    let (_, port) = head.split_once(':')?;
    if port.is_empty() || port.chars().all(|c| c.is_ascii_digit()) || port.contains(']') {
        return None;
    }
    url.rfind('@')
}

fn is_variable(text: &str) -> bool {
    let name = text
        .strip_prefix("${")
        .and_then(|t| t.strip_suffix('}'))
        .or_else(|| text.strip_prefix('$'));
    name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// Whether a text has a URL with a credential in it.
#[must_use]
pub fn has_credential(text: &str) -> bool {
    !credentials(text).is_empty()
}

/// The text with every credential in a URL hidden; its length in bytes stays.
#[must_use]
pub fn redact(text: &str) -> String {
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
        fn a_password_never_survives(password in "[a-zA-Z0-9!#%&*:/?@=+.-]{6,24}", around in "[ a-z\n]{0,9}") {
            proptest::prop_assume!(!password.starts_with(|c: char| c.is_ascii_digit()));
            let marked = format!("Zq{password}qZ");
            let text = format!("{around} https://user:{marked}@host/path {around}");
            let hidden = redact(&text);
            proptest::prop_assert!(!hidden.contains(&marked));
            proptest::prop_assert_eq!(hidden.len(), text.len());
        }
    }
}
