//! Passwords and tokens, which nothing prints.

use std::fmt;

/// A password or token. Has no `Display`, and its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for whom it is meant.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A server's words without the secrets that it repeats in them.
pub(super) fn hide(secrets: &[Secret], mut words: String) -> String {
    for secret in secrets.iter().filter(|secret| !secret.0.is_empty()) {
        words = words.replace(&secret.0, "***");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Some(Secret::new("hunter22"))), "Some(Secret)");
    }

    #[test]
    fn what_a_server_repeats_is_hidden() {
        let secrets = [Secret::new("hunter22"), Secret::new("")];
        assert_eq!(hide(&secrets, "no: hunter22 is wrong".into()), "no: *** is wrong");
    }
}
