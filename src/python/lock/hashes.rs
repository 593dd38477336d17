//! The hashes of a file of a lock.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

/// The algorithms of which one is enough, the one that nearly every index has first.
const KNOWN: [&str; 3] = ["sha256:", "sha512:", "sha384:"];

/// The hashes of a file, each as `algorithm:digest`. A list, not a map: locks have tens of thousands of files with
/// one hash each.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Hashes(Vec<String>);

impl Hashes {
    /// One hash; SHA-256 if it does not say.
    pub(super) fn of(text: &str) -> Self {
        let has_name = text.contains(':');
        Self(vec![if has_name {
            text.to_owned()
        } else {
            format!("sha256:{text}")
        }])
    }

    pub(super) fn all(&self) -> &[String] {
        &self.0
    }

    /// The best hash, if it has one that can be checked.
    pub(super) fn best(&self) -> Option<&String> {
        let of = |algorithm: &&str| self.0.iter().find(|hash| hash.starts_with(*algorithm));
        KNOWN.iter().find_map(of)
    }
}

impl<'de> Deserialize<'de> for Hashes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digests;

        impl<'de> Visitor<'de> for Digests {
            type Value = Hashes;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a table of hashes")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Hashes, A::Error> {
                let mut hashes = Vec::with_capacity(1);
                while let Some((algorithm, digest)) = table.next_entry::<String, String>()? {
                    hashes.push(format!("{algorithm}:{digest}"));
                }
                Ok(Hashes(hashes))
            }
        }

        deserializer.deserialize_map(Digests)
    }
}
