//! The ports that an image exposes, as a Dockerfile's EXPOSE has them.

/// The protocols that there are.
const PROTOCOLS: [&str; 3] = ["tcp", "udp", "sctp"];
/// The most ports of a range.
const MAX_RANGE: u16 = 1000;

/// The ports of an entry, each `NUMBER/PROTOCOL`: `3000`, `53/udp`, `8000-8010`.
///
/// # Errors
/// Why the entry is none.
pub(super) fn ports(entry: &str) -> Result<Vec<String>, &'static str> {
    let (numbers, protocol) = entry.split_once('/').unwrap_or((entry, "tcp"));
    let protocol = protocol.to_lowercase();
    if !PROTOCOLS.contains(&protocol.as_str()) {
        return Err("the protocol is tcp, udp or sctp");
    }
    let number = |text: &str| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u16>().ok().filter(|number| is_number && *number > 0);
        number.ok_or("a port is a number from 1 to 65535")
    };
    let (first, last) = match numbers.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(numbers)?, number(numbers)?),
    };
    match last.checked_sub(first) {
        None => Err("the first port of a range is not above the last"),
        Some(more) if more >= MAX_RANGE => Err("a range has at most 1000 ports"),
        Some(_) => Ok((first..=last).map(|port| format!("{port}/{protocol}")).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_ports() {
        let check = |entry: &str, expect: Result<&[&str], &str>| {
            let found = ports(entry);
            let found = found
                .as_ref()
                .map(|ports| ports.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(found.map_err(|reason| *reason), expect.map(<[&str]>::to_vec), "{entry}");
        };
        check("3000", Ok(&["3000/tcp"]));
        check("53/udp", Ok(&["53/udp"]));
        check("53/UDP", Ok(&["53/udp"]));
        check("8000-8002/sctp", Ok(&["8000/sctp", "8001/sctp", "8002/sctp"]));
        for wrong in ["0", "65536", "+80", "", "http", "80-", "-80", " 80"] {
            check(wrong, Err("a port is a number from 1 to 65535"));
        }
        check("80/http", Err("the protocol is tcp, udp or sctp"));
        check("80/", Err("the protocol is tcp, udp or sctp"));
        check("9-8", Err("the first port of a range is not above the last"));
        check("1-1001", Err("a range has at most 1000 ports"));
        assert_eq!(ports("1-1000").unwrap().len(), 1000);
    }
}
