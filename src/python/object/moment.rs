//! Dates and times, from YAML 1.1's notation to Python's `repr`.

/// A date or time in parts.
pub(super) struct Moment {
    year: u32,
    month: u32,
    day: u32,
    /// Hour, minute, second, microsecond, and the offset of the zone in seconds.
    time: Option<(u32, u32, u32, u32, Option<i64>)>,
    /// A date without a time whose month or day has one digit. YAML takes it for a date only if a tag says so.
    pub(super) is_short_date: bool,
}

/// Takes a run of digits off a text.
fn digits<'a>(rest: &mut &'a str, lengths: std::ops::RangeInclusive<usize>) -> Option<&'a str> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (found, left) = rest.split_at(end.min(*lengths.end()));
    *rest = left;
    lengths.contains(&found.len()).then_some(found)
}

fn literal(rest: &mut &str, literal: char) -> Option<()> {
    *rest = rest.strip_prefix(literal)?;
    Some(())
}

impl Moment {
    /// Reads a timestamp of YAML 1.1, without checking that the day exists.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // Python's `$` also matches before a final line feed.
        let text = text.strip_suffix('\n').unwrap_or(text);
        let mut rest = text;
        let year = digits(&mut rest, 4..=4)?;
        literal(&mut rest, '-')?;
        let month = digits(&mut rest, 1..=2)?;
        literal(&mut rest, '-')?;
        let day = digits(&mut rest, 1..=2)?;
        let mut moment = Self {
            year: year.parse().ok()?,
            month: month.parse().ok()?,
            day: day.parse().ok()?,
            time: None,
            is_short_date: month.len() + day.len() < 4,
        };
        if rest.is_empty() {
            return Some(moment);
        }
        moment.is_short_date = false;
        rest = match rest.strip_prefix(['T', 't']) {
            Some(rest) => rest,
            None if rest.starts_with([' ', '\t']) => rest.trim_start_matches([' ', '\t']),
            None => return None,
        };
        let hour = digits(&mut rest, 1..=2)?.parse().ok()?;
        literal(&mut rest, ':')?;
        let minute = digits(&mut rest, 2..=2)?.parse().ok()?;
        literal(&mut rest, ':')?;
        let second = digits(&mut rest, 2..=2)?.parse().ok()?;
        let mut micros = 0;
        if let Some(fraction) = rest.strip_prefix('.') {
            rest = fraction;
            let fraction = digits(&mut rest, 0..=usize::MAX)?;
            micros = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
        }
        rest = rest.trim_start_matches([' ', '\t']);
        let zone = match rest.chars().next() {
            None if text.ends_with([' ', '\t']) => return None,
            None => None,
            Some('Z') => {
                literal(&mut rest, 'Z')?;
                Some(0)
            }
            Some(sign @ ('+' | '-')) => {
                literal(&mut rest, sign)?;
                let hours: i64 = digits(&mut rest, 1..=2)?.parse().ok()?;
                let minutes: i64 = match rest.strip_prefix(':') {
                    Some(minutes) => {
                        rest = minutes;
                        digits(&mut rest, 2..=2)?.parse().ok()?
                    }
                    None => 0,
                };
                let seconds = hours * 3600 + minutes * 60;
                Some(if sign == '-' { -seconds } else { seconds })
            }
            Some(_) => return None,
        };
        moment.time = Some((hour, minute, second, micros, zone));
        rest.is_empty().then_some(moment)
    }

    /// Python's `repr`; `None` if there is no such day or time.
    pub(super) fn repr(&self) -> Option<String> {
        let Self { year, month, day, .. } = self;
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let length = match month {
            4 | 6 | 9 | 11 => 30,
            2 => 28 + u32::from(leap),
            _ => 31,
        };
        if *year == 0 || !(1..=12).contains(month) || !(1..=length).contains(day) {
            return None;
        }
        let Some((hour, minute, second, micros, zone)) = self.time else {
            return Some(format!("datetime.date({year}, {month}, {day})"));
        };
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let mut out = format!("datetime.datetime({year}, {month}, {day}, {hour}, {minute}");
        if second != 0 || micros != 0 {
            out.push_str(&format!(", {second}"));
        }
        if micros != 0 {
            out.push_str(&format!(", {micros}"));
        }
        match zone {
            None => {}
            Some(0) => out.push_str(", tzinfo=datetime.timezone.utc"),
            Some(s) if s.abs() >= 86400 => return None,
            Some(s) if s > 0 => out.push_str(&format!(", tzinfo=datetime.timezone(datetime.timedelta(seconds={s}))")),
            Some(s) => out.push_str(&format!(
                ", tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds={}))",
                86400 + s
            )),
        }
        out.push(')');
        Some(out)
    }
}
