//! What Python knows of characters, by the version of its Unicode tables.

use std::fmt;
use std::str::FromStr;

use unicode_general_category::{GeneralCategory, get_general_category};

/// The Unicode tables of a Python release. It does not know characters assigned later, which changes their `repr`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unicode {
    /// Unicode 13.0.
    Python310,
    /// Unicode 14.0.
    #[default]
    Python311,
    /// Unicode 15.0.
    Python312,
}

/// A Python release whose tables are unknown here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of 3.10, 3.11, 3.12")]
pub struct UnknownPython(String);

impl FromStr for Unicode {
    type Err = UnknownPython;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "3.10" => Ok(Self::Python310),
            "3.11" => Ok(Self::Python311),
            "3.12" => Ok(Self::Python312),
            other => Err(UnknownPython(other.to_owned())),
        }
    }
}

impl fmt::Display for Unicode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Python310 => "3.10",
            Self::Python311 => "3.11",
            Self::Python312 => "3.12",
        })
    }
}

impl Unicode {
    fn category(self, c: char) -> GeneralCategory {
        let since = match self {
            Self::Python310 => [IN_14, IN_15, LATER].as_slice(),
            Self::Python311 => [IN_15, LATER].as_slice(),
            Self::Python312 => [LATER].as_slice(),
        };
        if since.iter().any(|ranges| contains(ranges, c)) {
            GeneralCategory::Unassigned
        } else {
            get_general_category(c)
        }
    }

    /// `str.isprintable` of a character.
    #[must_use]
    pub fn is_printable(self, c: char) -> bool {
        use GeneralCategory as G;
        c == ' '
            || !matches!(
                self.category(c),
                G::Control
                    | G::Format
                    | G::Surrogate
                    | G::PrivateUse
                    | G::Unassigned
                    | G::LineSeparator
                    | G::ParagraphSeparator
                    | G::SpaceSeparator
            )
    }

    /// What `\d` matches in a regular expression of Python's.
    #[must_use]
    pub fn is_decimal(self, c: char) -> bool {
        self.category(c) == GeneralCategory::DecimalNumber
    }

    /// What `\w` matches in a regular expression of Python's.
    #[must_use]
    pub fn is_word(self, c: char) -> bool {
        use GeneralCategory as G;
        c == '_'
            || matches!(
                self.category(c),
                G::UppercaseLetter
                    | G::LowercaseLetter
                    | G::TitlecaseLetter
                    | G::ModifierLetter
                    | G::OtherLetter
                    | G::DecimalNumber
                    | G::LetterNumber
                    | G::OtherNumber
            )
    }

    /// `str.lower`.
    #[must_use]
    pub fn lower(self, text: &str) -> String {
        // The standard library knows the final sigma, which depends on its neighbours. Characters that the release does
        // not know stay as they are and separate the texts around them.
        let mut lower = String::with_capacity(text.len());
        let mut known = 0;
        for (at, c) in text.char_indices() {
            if !c.is_ascii() && self.category(c) == GeneralCategory::Unassigned {
                lower.push_str(&text.get(known..at).unwrap_or("").to_lowercase());
                lower.push(c);
                known = at + c.len_utf8();
            }
        }
        lower.push_str(&text.get(known..).unwrap_or("").to_lowercase());
        lower
    }

    /// `str.lower` of a string with lone surrogates, which have no case.
    #[must_use]
    pub(crate) fn lower_points(self, points: &[u32]) -> Vec<u32> {
        let mut lower = Vec::with_capacity(points.len());
        for run in points.chunk_by(|a, b| char::from_u32(*a).is_some() == char::from_u32(*b).is_some()) {
            match run
                .iter()
                .map(|point| char::from_u32(*point))
                .collect::<Option<String>>()
            {
                Some(text) => lower.extend(self.lower(&text).chars().map(u32::from)),
                None => lower.extend(run),
            }
        }
        lower
    }
}

/// Whether `str.strip` removes a character.
#[must_use]
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Whether a character is in one of the ranges, which are sorted pairs of first and last.
fn contains(ranges: &[u32], c: char) -> bool {
    let code = u32::from(c);
    let at = ranges.partition_point(|bound| *bound < code);
    // Between a first and its last, or on the first.
    at % 2 == 1 || ranges.get(at) == Some(&code)
}

/// First and last of each range of characters new in Unicode 14.0.
const IN_14: &[u32] = &[
    0x61d, 0x61d, 0x870, 0x88e, 0x890, 0x891, 0x898, 0x89f, 0x8b5, 0x8b5, 0x8c8, 0x8d2, 0xc3c, 0xc3c, 0xc5d, 0xc5d,
    0xcdd, 0xcdd, 0x170d, 0x170d, 0x1715, 0x1715, 0x171f, 0x171f, 0x180f, 0x180f, 0x1ac1, 0x1ace, 0x1b4c, 0x1b4c,
    0x1b7d, 0x1b7e, 0x1dfa, 0x1dfa, 0x20c0, 0x20c0, 0x2c2f, 0x2c2f, 0x2c5f, 0x2c5f, 0x2e53, 0x2e5d, 0x9ffd, 0x9fff,
    0xa7c0, 0xa7c1, 0xa7d0, 0xa7d1, 0xa7d3, 0xa7d3, 0xa7d5, 0xa7d9, 0xa7f2, 0xa7f4, 0xfbc2, 0xfbc2, 0xfd40, 0xfd4f,
    0xfdcf, 0xfdcf, 0xfdfe, 0xfdff, 0x10570, 0x1057a, 0x1057c, 0x1058a, 0x1058c, 0x10592, 0x10594, 0x10595, 0x10597,
    0x105a1, 0x105a3, 0x105b1, 0x105b3, 0x105b9, 0x105bb, 0x105bc, 0x10780, 0x10785, 0x10787, 0x107b0, 0x107b2,
    0x107ba, 0x10f70, 0x10f89, 0x11070, 0x11075, 0x110c2, 0x110c2, 0x116b9, 0x116b9, 0x11740, 0x11746, 0x11ab0,
    0x11abf, 0x12f90, 0x12ff2, 0x16a70, 0x16abe, 0x16ac0, 0x16ac9, 0x1aff0, 0x1aff3, 0x1aff5, 0x1affb, 0x1affd,
    0x1affe, 0x1b11f, 0x1b122, 0x1cf00, 0x1cf2d, 0x1cf30, 0x1cf46, 0x1cf50, 0x1cfc3, 0x1d1e9, 0x1d1ea, 0x1df00,
    0x1df1e, 0x1e290, 0x1e2ae, 0x1e7e0, 0x1e7e6, 0x1e7e8, 0x1e7eb, 0x1e7ed, 0x1e7ee, 0x1e7f0, 0x1e7fe, 0x1f6dd,
    0x1f6df, 0x1f7f0, 0x1f7f0, 0x1f979, 0x1f979, 0x1f9cc, 0x1f9cc, 0x1fa7b, 0x1fa7c, 0x1faa9, 0x1faac, 0x1fab7,
    0x1faba, 0x1fac3, 0x1fac5, 0x1fad7, 0x1fad9, 0x1fae0, 0x1fae7, 0x1faf0, 0x1faf6, 0x2a6de, 0x2a6df, 0x2b735,
    0x2b738,
];

/// New in Unicode 15.0.
const IN_15: &[u32] = &[
    0xcf3, 0xcf3, 0xece, 0xece, 0x10efd, 0x10eff, 0x1123f, 0x11241, 0x11b00, 0x11b09, 0x11f00, 0x11f10, 0x11f12,
    0x11f3a, 0x11f3e, 0x11f59, 0x1342f, 0x1342f, 0x13439, 0x13455, 0x1b132, 0x1b132, 0x1b155, 0x1b155, 0x1d2c0,
    0x1d2d3, 0x1df25, 0x1df2a, 0x1e030, 0x1e06d, 0x1e08f, 0x1e08f, 0x1e4d0, 0x1e4f9, 0x1f6dc, 0x1f6dc, 0x1f774,
    0x1f776, 0x1f77b, 0x1f77f, 0x1f7d9, 0x1f7d9, 0x1fa75, 0x1fa77, 0x1fa87, 0x1fa88, 0x1faad, 0x1faaf, 0x1fabb,
    0x1fabd, 0x1fabf, 0x1fabf, 0x1face, 0x1facf, 0x1fada, 0x1fadb, 0x1fae8, 0x1fae8, 0x1faf7, 0x1faf8, 0x2b739,
    0x2b739, 0x31350, 0x323af,
];

/// Newer ones that the table of categories knows.
const LATER: &[u32] = &[
    0x897, 0x897, 0x1b4e, 0x1b4f, 0x1b7f, 0x1b7f, 0x1c89, 0x1c8a, 0x2427, 0x2429, 0x2ffc, 0x2fff, 0x31e4, 0x31e5,
    0x31ef, 0x31ef, 0xa7cb, 0xa7cd, 0xa7da, 0xa7dc, 0x105c0, 0x105f3, 0x10d40, 0x10d65, 0x10d69, 0x10d85, 0x10d8e,
    0x10d8f, 0x10ec2, 0x10ec4, 0x10efc, 0x10efc, 0x11380, 0x11389, 0x1138b, 0x1138b, 0x1138e, 0x1138e, 0x11390,
    0x113b5, 0x113b7, 0x113c0, 0x113c2, 0x113c2, 0x113c5, 0x113c5, 0x113c7, 0x113ca, 0x113cc, 0x113d5, 0x113d7,
    0x113d8, 0x113e1, 0x113e2, 0x116d0, 0x116e3, 0x11bc0, 0x11be1, 0x11bf0, 0x11bf9, 0x11f5a, 0x11f5a, 0x13460,
    0x143fa, 0x16100, 0x16139, 0x16d40, 0x16d79, 0x18cff, 0x18cff, 0x1cc00, 0x1ccf9, 0x1cd00, 0x1ceb3, 0x1e5d0,
    0x1e5fa, 0x1e5ff, 0x1e5ff, 0x1f8b2, 0x1f8bb, 0x1f8c0, 0x1f8c1, 0x1fa89, 0x1fa89, 0x1fa8f, 0x1fa8f, 0x1fabe,
    0x1fabe, 0x1fac6, 0x1fac6, 0x1fadc, 0x1fadc, 0x1fadf, 0x1fadf, 0x1fae9, 0x1fae9, 0x1fbcb, 0x1fbef, 0x2ebf0,
    0x2ee5d,
];
