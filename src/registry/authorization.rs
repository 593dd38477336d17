//! How a registry wants to be convinced, and the `Authorization` that does it.

use std::time::Instant;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use ureq::http::{HeaderMap, Method, header};

use crate::registry::answer::{Refusal, Unknown, UnknownKind};
use crate::registry::client::{Client, refused};
use crate::registry::credentials::{Credentials, Login, Proof, basic};
use crate::registry::place::Place;
use crate::registry::secret::Secret;
use crate::registry::transport::Request;

/// The largest answer of a token server, in bytes.
const MAX_TOKEN: u64 = 1 << 20;
/// What addresses and forms do not have as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Challenge {
    /// A user and a password with each request.
    Basic,
    /// A token, which a server at `realm` gives.
    Bearer { realm: String, service: Option<String> },
}

/// A value of `Authorization`, and all secrets that took part in getting it.
#[derive(Debug, Clone)]
pub(super) struct Authorization {
    pub(super) header: Secret,
    /// None of them may show up in what is told of answers.
    pub(super) secrets: Vec<Secret>,
    /// Where the credentials were found; `None` without any.
    pub(super) from: Option<String>,
}

/// Gets the authorization that an answer with these headers asks for.
pub(super) fn authorize(
    client: &Client,
    credentials: &Credentials,
    place: &Place,
    headers: &HeaderMap,
    deadline: Instant,
) -> Result<Authorization, Unknown> {
    let denied = |reason: &str| Unknown::new(UnknownKind::Denied, &place.registry, reason);
    let challenge = challenge(headers).ok_or_else(|| {
        denied("401 Unauthorized, without saying how to log in (no challenge that this program knows)")
    })?;
    let login = credentials
        .login(&place.registry, &place.repository)
        .map_err(|reason| Unknown::new(UnknownKind::Credentials, &place.registry, reason))?;
    match (challenge, login) {
        (Challenge::Basic, None) => Err(denied("401 Unauthorized, and there are no credentials for it")),
        (
            Challenge::Basic,
            Some(Login {
                proof: Proof::IdentityToken(_),
                from,
            }),
        ) => Err(denied(&format!(
            "it asks for a password, and {from} has an identity token, which only token servers take"
        ))),
        (
            Challenge::Basic,
            Some(Login {
                proof: Proof::Password(user, password),
                from,
            }),
        ) => {
            let encoded = basic(&user, &password);
            Ok(Authorization {
                header: Secret::new(format!("Basic {}", encoded.expose())),
                secrets: vec![encoded, password],
                from: Some(from),
            })
        }
        (Challenge::Bearer { realm, service }, login) => {
            let grant = Grant {
                realm: &realm,
                service: service.as_deref(),
                repository: &place.repository,
            };
            let from = login.as_ref().map(|login| login.from.clone());
            let mut secrets = secrets_of(login.as_ref());
            let token = grant.token(client, login.as_ref(), &secrets, deadline);
            let token = token.map_err(|unknown| unknown.about(place, from.as_deref()))?;
            let header = Secret::new(format!("Bearer {}", token.expose()));
            secrets.push(token);
            Ok(Authorization { header, secrets, from })
        }
    }
}

impl Unknown {
    /// The same of a registry: who was asked is its token server.
    fn about(self, place: &Place, from: Option<&str>) -> Self {
        let with = from.map_or("without credentials".into(), |from| {
            format!("with credentials from {from}")
        });
        let reason = format!("no token from {} {with}: {}", self.host, self.reason);
        Self {
            host: place.registry.clone(),
            reason,
            ..self
        }
    }
}

fn secrets_of(login: Option<&Login>) -> Vec<Secret> {
    match login.map(|login| &login.proof) {
        Some(Proof::Password(user, password)) => vec![basic(user, password), password.clone()],
        Some(Proof::IdentityToken(token)) => vec![token.clone(), Secret::new(escaped(token.expose()))],
        None => Vec::new(),
    }
}

/// What a token is wanted for.
struct Grant<'a> {
    realm: &'a str,
    service: Option<&'a str>,
    repository: &'a str,
}

impl Grant<'_> {
    /// A token that may pull from the repository: by the password, by the identity token, or for anybody.
    fn token(
        &self,
        client: &Client,
        login: Option<&Login>,
        secrets: &[Secret],
        deadline: Instant,
    ) -> Result<Secret, Unknown> {
        let scope = format!("repository:{}:pull", self.repository);
        let mut fields = vec![("scope", scope.as_str())];
        fields.extend(self.service.map(|service| ("service", service)));
        let request = match login.map(|login| &login.proof) {
            Some(Proof::IdentityToken(token)) => {
                let grant = [
                    ("grant_type", "refresh_token"),
                    ("client_id", "imagespec"),
                    ("refresh_token", token.expose()),
                ];
                fields.extend(grant);
                Request {
                    method: Method::POST,
                    form: Some(Secret::new(encoded(&fields))),
                    ..Request::get(self.realm.to_owned(), "application/json", MAX_TOKEN)
                }
            }
            proof => {
                let password = match proof {
                    Some(Proof::Password(user, password)) => Some((user, password)),
                    _ => None,
                };
                fields.extend(password.map(|(user, _)| ("account", user.as_str())));
                let joint = if self.realm.contains('?') { '&' } else { '?' };
                let address = format!("{}{joint}{}", self.realm, encoded(&fields));
                let header = |(user, password): (&String, &Secret)| {
                    Secret::new(format!("Basic {}", basic(user, password).expose()))
                };
                Request {
                    authorization: password.map(header),
                    ..Request::get(address, "application/json", MAX_TOKEN)
                }
            }
        };
        let response = client.send(&request, deadline)?;
        if !response.status.is_success() {
            return Err(match refused(&response, secrets) {
                Refusal::Unknown(unknown) => unknown,
                // A token server has no images.
                Refusal::Absent(absent) => Unknown::new(UnknownKind::Other, &response.host, absent.reason),
            });
        }
        let value: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let token = ["token", "access_token"]
            .iter()
            .find_map(|name| value.get(name).and_then(Value::as_str))
            .filter(|token| !token.is_empty());
        token
            .map(Secret::new)
            .ok_or_else(|| Unknown::new(UnknownKind::Other, &response.host, "its answer has no token"))
    }
}

/// Fields as forms and addresses have them.
fn encoded(fields: &[(&str, &str)]) -> String {
    let pairs = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn escaped(value: &str) -> String {
    utf8_percent_encode(value, ESCAPED).to_string()
}

/// What is asked for; a token before a password, which it keeps off the registry.
fn challenge(headers: &HeaderMap) -> Option<Challenge> {
    let values = headers.get_all(header::WWW_AUTHENTICATE).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let found: Vec<Challenge> = texts
        .filter_map(|text| http_auth::parse_challenges(text).ok())
        .flatten()
        .filter_map(|challenge| {
            let parameter = |name: &str| {
                let mut all = challenge.params.iter();
                let found = all.find(|(known, _)| known.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.to_unescaped())
            };
            match challenge.scheme.to_lowercase().as_str() {
                "basic" => Some(Challenge::Basic),
                "bearer" => Some(Challenge::Bearer {
                    realm: parameter("realm")?,
                    service: parameter("service"),
                }),
                _ => None,
            }
        })
        .collect();
    let bearer = found.iter().find(|challenge| **challenge != Challenge::Basic);
    bearer.or(found.first()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_in_all_their_forms() {
        let check = |values: &[&str], expect: Option<Challenge>| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::WWW_AUTHENTICATE, value.parse().unwrap());
            }
            assert_eq!(challenge(&headers), expect, "{values:?}");
        };
        let bearer = |service: Option<&str>| {
            Some(Challenge::Bearer {
                realm: "https://auth.example/token?a=1".into(),
                service: service.map(str::to_owned),
            })
        };
        let with = r#"Bearer realm="https://auth.example/token?a=1",service="r",scope="repository:a:pull""#;
        check(&[with], bearer(Some("r")));
        check(&[r#"BEARER Realm="https://auth.example/token?a=1""#], bearer(None));
        check(&["Basic realm=\"x\"", with], bearer(Some("r")));
        check(&[&format!("Basic realm=\"x, y\", {with}")], bearer(Some("r")));
        check(&["Basic realm=\"x\""], Some(Challenge::Basic));
        check(&["Basic"], Some(Challenge::Basic));
        check(&["Bearer service=\"r\""], None);
        check(&["Negotiate", "Digest realm=\"x\""], None);
        check(&[], None);
    }

    #[test]
    fn fields_are_escaped() {
        assert_eq!(
            encoded(&[("scope", "repository:a/b:pull"), ("x_y", "ä &-._~")]),
            "scope=repository%3Aa%2Fb%3Apull&x_y=%C3%A4%20%26-._~"
        );
    }
}
