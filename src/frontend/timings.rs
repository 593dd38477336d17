//! How much time the frontend itself takes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::frontend::gateway::Call;
use crate::frontend::session::Session;

/// The frontend's own time and memory, and the digests it computed, for benchmarks and tests.
pub(super) fn timings(session: &Session, vertices: &BTreeMap<String, String>) -> String {
    let calls = session.client.gateway.calls();
    let now = Instant::now();
    let first_solve = calls
        .iter()
        .find(|call| call.name == "solve")
        .map_or(now, |call| call.sent);
    let peak = std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()
        })
        .unwrap_or(0);
    let milliseconds = |from: Instant, to: Instant| own_time(from, to, &calls).as_secs_f64() * 1000.0;
    json!({
        "version": 1,
        "own_ms_to_first_solve": milliseconds(session.options.started, first_solve),
        "own_ms_to_return": milliseconds(session.options.started, now),
        "total_ms_to_return": now.saturating_duration_since(session.options.started).as_secs_f64() * 1000.0,
        "calls": calls.len(),
        "peak_memory_kib": peak,
        "vertices": vertices,
    })
    .to_string()
}

/// How much of the time between `start` and `end` passed without a call in progress.
fn own_time(start: Instant, end: Instant, calls: &[Call]) -> Duration {
    let mut spans: Vec<(Instant, Instant)> = calls
        .iter()
        .filter(|call| call.sent < end)
        .map(|call| (call.sent, call.answered))
        .collect();
    spans.sort_unstable();
    let mut own = Duration::ZERO;
    let mut free_from = start;
    for (sent, answered) in spans {
        own += sent.saturating_duration_since(free_from);
        free_from = free_from.max(answered);
    }
    own + end.saturating_duration_since(free_from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_time_is_what_no_call_takes() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let call = |sent, answered| Call {
            name: "solve",
            sent: at(sent),
            answered: at(answered),
        };
        // Two at once, then one.
        let calls = [call(10, 30), call(20, 25), call(50, 90)];
        let own = |to: u64| own_time(start, at(to), &calls).as_millis();
        assert_eq!(own(100), 10 + 20 + 10);
        assert_eq!(own(10), 10);
        assert_eq!(own(50), 10 + 20);
    }
}
