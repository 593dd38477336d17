//! Values of typed options: what is accepted, and how it is written.

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// Any text.
    Text,
    /// A file or directory, as it is written.
    Path,
    /// An integer.
    Integer,
    /// A number of bytes, which may have a unit.
    Size,
    /// The same, or -1 for no limit.
    Swap,
    /// A time with units, `1h30m`.
    Duration,
    /// The same, or a number of seconds.
    Seconds,
    /// One of some words.
    Word(&'static [&'static str]),
    /// `NAME=VALUE`.
    Pair,
    /// A file, which may have a passphrase behind a colon.
    Key,
    /// `NAME=SOFT:HARD`.
    Limit,
    /// `HOST:PLACE:OPTIONS`.
    Volume,
    /// `INSIDE:OUTSIDE:SIZE`.
    IdMap,
}

impl Value {
    /// The words of the value, or nothing if it is none.
    pub(super) fn written(self, value: &str) -> Option<String> {
        let is_right = match self {
            Self::Text | Self::Path => !value.is_empty(),
            Self::Integer => value.parse::<i64>().is_ok(),
            Self::Size => is_size(value),
            Self::Swap => value == "-1" || is_size(value),
            Self::Duration => is_duration(value),
            // The program wants a unit, and BentoML's type has none.
            Self::Seconds if value.parse::<u32>().is_ok() => return Some(format!("{value}s")),
            Self::Seconds => is_duration(value),
            Self::Word(words) => words.contains(&value),
            Self::Pair => value.split_once('=').is_some_and(|(name, _)| !name.is_empty()),
            Self::Key => return key(value),
            Self::Limit => is_limit(value),
            Self::Volume => is_volume(value),
            Self::IdMap => is_id_map(value),
        };
        is_right.then(|| value.to_owned())
    }

    /// What it has to be, in words.
    pub(super) fn expected(self) -> String {
        let words = match self {
            Self::Text => "a text",
            Self::Path => "a path",
            Self::Integer => "an integer",
            Self::Size => "a size, such as 67108864 or 64m",
            Self::Swap => "a size, such as 64m, or -1",
            Self::Duration => "a time, such as 24h",
            Self::Seconds => "seconds, such as 5 or 2s",
            Self::Word(words) => return words.join(" or "),
            Self::Pair => "NAME=VALUE",
            Self::Key => "a file, or FILE:PASSPHRASE",
            Self::Limit => "NAME=SOFT:HARD, such as nofile=1024:2048",
            Self::Volume => "HOST:PLACE or HOST:PLACE:OPTIONS, one in each entry",
            Self::IdMap => "INSIDE:OUTSIDE:SIZE, such as 0:100000:65536",
        };
        words.to_owned()
    }

    /// How the documentation writes it behind a flag.
    pub(super) fn placeholder(self) -> String {
        let words = match self {
            Self::Text => "…",
            Self::Path => "PATH",
            Self::Integer => "N",
            Self::Size | Self::Swap => "SIZE",
            Self::Duration | Self::Seconds => "TIME",
            Self::Word(words) => return words.join("/"),
            Self::Pair => "NAME=VALUE",
            Self::Key => "FILE:PASSPHRASE",
            Self::Limit => "NAME=SOFT:HARD",
            Self::Volume => "HOST:PLACE:OPTIONS",
            Self::IdMap => "INSIDE:OUTSIDE:SIZE",
        };
        words.to_owned()
    }
}

/// An entry of a dict, `FILE=PASSPHRASE`, is what the program has with a colon.
fn key(value: &str) -> Option<String> {
    let entry = value
        .split_once('=')
        .filter(|(file, _)| !file.is_empty() && !file.contains(':'));
    match entry {
        Some((file, passphrase)) => Some(format!("{file}:{passphrase}")),
        None => (!value.is_empty()).then(|| value.to_owned()),
    }
}

fn is_size(value: &str) -> bool {
    let end = value.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = value.split_at(end.unwrap_or(value.len()));
    let unit = unit.to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let unit = unit.strip_suffix('i').filter(|unit| !unit.is_empty()).unwrap_or(unit);
    number.parse::<f64>().is_ok() && matches!(unit, "" | "k" | "m" | "g" | "t")
}

fn is_duration(value: &str) -> bool {
    let mut rest = value;
    while !rest.is_empty() {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = rest.strip_suffix(digits).unwrap_or_default();
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"]
            .into_iter()
            .find_map(|unit| digits.strip_prefix(unit));
        match unit {
            Some(behind) if number.parse::<f64>().is_ok() => rest = behind,
            _ => return false,
        }
    }
    !value.is_empty()
}

fn is_limit(value: &str) -> bool {
    let Some((name, limits)) = value.split_once('=') else {
        return false;
    };
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    match (soft.parse::<i64>(), hard.parse::<i64>()) {
        // -1 is no limit.
        (Ok(soft), Ok(hard)) => !name.is_empty() && soft >= -1 && (hard == -1 || (soft != -1 && soft <= hard)),
        _ => false,
    }
}

fn is_volume(value: &str) -> bool {
    let pieces: Vec<&str> = value.split(':').collect();
    // More pieces are several volumes in one text.
    matches!(pieces.len(), 2 | 3) && pieces.iter().all(|piece| !piece.is_empty())
}

fn is_id_map(value: &str) -> bool {
    let pieces: Vec<&str> = value.split(':').collect();
    pieces.len() == 3 && pieces.iter().all(|piece| piece.parse::<u32>().is_ok())
}
