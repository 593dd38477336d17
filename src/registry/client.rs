//! Requests that are sent again when a server has no time or no luck.

use std::time::{Duration, Instant, SystemTime};

use ureq::http::{Method, StatusCode, header};

use crate::registry::answer::{Refusal, Unknown, UnknownKind, refusal};
use crate::registry::retry_after::retry_after;
use crate::registry::secret::Secret;
use crate::registry::transport::{Request, Response, Transport};

/// The wait before the first repetition; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Sends requests, several times if need be.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) transport: Transport,
    /// How many times a request is sent again.
    pub(super) retries: u32,
}

impl Client {
    /// Sends a request until there is an answer that will not change by itself, the repetitions are used up, or the time is.
    ///
    /// A HEAD request has no words in its refusals: what is not its success is asked for with GET.
    pub(super) fn send(&self, request: &Request, deadline: Instant) -> Result<Response, Unknown> {
        let mut request = request.clone();
        let mut wait = FIRST_WAIT;
        let mut repetitions = 0;
        loop {
            let answer = self.transport.send(&request, deadline);
            let may_pass = match &answer {
                Ok(response) => is_passing(response.status),
                // Silence lasted until there was no more time.
                Err(unknown) => unknown.may_pass && unknown.kind != UnknownKind::Silence,
            };
            let was_head = request.method == Method::HEAD;
            if was_head {
                match &answer {
                    Ok(response) if response.status.is_success() || response.status == StatusCode::UNAUTHORIZED => {
                        return answer;
                    }
                    _ => request.method = Method::GET,
                }
                if !may_pass && answer.is_ok() {
                    continue;
                }
            }
            if !may_pass || repetitions == self.retries {
                return answer;
            }
            let asked = answer.as_ref().ok().and_then(waiting_time);
            let pause = asked.unwrap_or_default().max(wait);
            if Instant::now() + pause >= deadline {
                return answer;
            }
            std::thread::sleep(pause);
            repetitions += 1;
            wait *= 2;
        }
    }
}

/// Whether the same request may be answered otherwise soon.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// How long a server asks to wait.
fn waiting_time(response: &Response) -> Option<Duration> {
    retry_after(response.header(header::RETRY_AFTER), SystemTime::now())
}

/// What an answer means that is not the one that was asked for, without the secrets that it repeats.
pub(super) fn refused(response: &Response, secrets: &[Secret]) -> Refusal {
    let status = response.status.as_u16();
    let refusal = refusal(&response.host, status, response.status_text(), &response.body, secrets);
    match (refusal, waiting_time(response)) {
        (Refusal::Unknown(unknown), Some(time)) if !time.is_zero() && unknown.may_pass => {
            let reason = format!("{} (it asks to wait {} seconds)", unknown.reason, time.as_secs());
            Refusal::Unknown(Unknown { reason, ..unknown })
        }
        (refusal, _) => refusal,
    }
}
