//! Characters that PyYAML accepts and the parser does not: lone surrogates in escapes, such as `\ud83d`, which no Rust
//! string can hold, and U+FEFF within the text.
//!
//! Before parsing they are replaced by private characters, `\ue83d` and U+E7FF, which keeps all positions; afterwards
//! they are put back.

use crate::text::diagnostic::Diagnostic;

/// The files' own private characters must not be mistaken for hidden surrogates.
const HIDDEN: std::ops::RangeInclusive<u32> = 0xe800..=0xefff;
/// The distance from a surrogate to the character that hides it.
const SHIFT: u32 = 0x1000;
/// The character that hides a byte order mark.
const HIDDEN_MARK: char = '\u{e7ff}';
const MARK: char = '\u{feff}';

/// The text to parse; `None` if nothing had to be hidden.
pub(super) fn hide(text: &str) -> Result<Option<String>, Diagnostic> {
    let places: Vec<usize> = escapes(text, b'd').collect();
    let has_mark = text.contains(MARK);
    if places.is_empty() && !has_mark {
        return Ok(None);
    }
    let is_hidden = |c: char| HIDDEN.contains(&u32::from(c)) || c == HIDDEN_MARK;
    if text.chars().any(is_hidden) || escapes(text, b'e').next().is_some() {
        return Err(Diagnostic::error(
            "yaml-syntax",
            "the file has escapes of surrogates (\\ud800 to \\udfff) or U+FEFF together with private characters (U+E7FF to U+EFFF)",
        )
        .help("write characters beyond U+FFFF as they are, or as \\U0001F600"));
    }
    let mut hidden = text.as_bytes().to_vec();
    for place in places {
        if let Some(digit) = hidden.get_mut(place) {
            // `d` to `e`, and `D` to `E`.
            *digit += 1;
        }
    }
    let hidden = String::from_utf8(hidden).ok();
    Ok(hidden.map(|hidden| hidden.replace(MARK, HIDDEN_MARK.encode_utf8(&mut [0; 4]))))
}

/// The places of the first significant digit in `\uXXXX` and `\U0000XXXX` that stand for a range of 2048
/// characters: those whose first digit is `first`, in either case, and whose second is 8 or more.
fn escapes(text: &str, first: u8) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    text.match_indices('\\').filter_map(move |(at, _)| {
        let rest = bytes.get(at + 1..)?;
        let skip = match rest.first()? {
            b'u' => 1,
            b'U' if rest.get(1..5) == Some(b"0000") => 5,
            _ => return None,
        };
        let digits = rest.get(skip..skip + 4)?;
        let fits = digits.first()?.to_ascii_lowercase() == first
            && matches!(digits.get(1)?, b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F')
            && digits.iter().all(u8::is_ascii_hexdigit);
        fits.then_some(at + 1 + skip)
    })
}

/// The true text of a scalar, and its code points when they are no text.
pub(super) fn restore(text: &str) -> (String, Option<Vec<u32>>) {
    // Where they were no escapes, the parser left them as they were.
    let mut bytes = text.as_bytes().to_vec();
    for place in escapes(text, b'e') {
        if let Some(digit) = bytes.get_mut(place) {
            *digit -= 1;
        }
    }
    let text = String::from_utf8(bytes).unwrap_or_default();
    let text = text.replace(HIDDEN_MARK, MARK.encode_utf8(&mut [0; 4]));
    if !text.chars().any(|c| HIDDEN.contains(&u32::from(c))) {
        return (text, None);
    }
    let points: Vec<u32> = text
        .chars()
        .map(u32::from)
        .map(|point| if HIDDEN.contains(&point) { point - SHIFT } else { point })
        .collect();
    let units = points.iter().flat_map(|point| {
        let mut buffer = [0; 2];
        match char::from_u32(*point) {
            Some(c) => c.encode_utf16(&mut buffer).to_vec(),
            None => vec![u16::try_from(*point).unwrap_or(u16::MAX)],
        }
    });
    let units: Vec<u16> = units.collect();
    (String::from_utf16_lossy(&units), Some(points))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogates_survive_a_parser_that_knows_none() {
        let check = |text: &str, hidden: &str| assert_eq!(hide(text).unwrap().as_deref(), Some(hidden));
        check("\\ud83d\\uDE00", "\\ue83d\\uEE00");
        check("'\\UD800' \\U0000dfff", "'\\UD800' \\U0000efff");
        assert_eq!(hide("\\ud7ff \\u00e9 \\ud8 d800").unwrap(), None);
        assert!(hide("\\ud800 \u{e900}").is_err());
        check("a\u{feff}", "a\u{e7ff}");
        assert_eq!(restore("a\u{e7ff}"), ("a\u{feff}".into(), None));
        assert_eq!(
            restore("a\u{e83d}\u{ee00}"),
            ("a😀".into(), Some(vec![0x61, 0xd83d, 0xde00]))
        );
        assert_eq!(restore("\u{e800}x"), ("\u{fffd}x".into(), Some(vec![0xd800, 0x78])));
        assert_eq!(restore("\\ue83d"), ("\\ud83d".into(), None));
    }
}
