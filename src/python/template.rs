/// Why a `tag_format` is no format string with the one name `spec_hash`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{` without `}` or the other way round.
    #[error("`{0}` has a `{{` or `}}` without its partner; a literal brace is written twice")]
    Unbalanced(String),
    /// A name other than `spec_hash`.
    #[error("`{0}` asks for `{1}`, but the only name is `spec_hash`")]
    UnknownName(String, String),
    /// A format or conversion that texts do not have.
    #[error("`{0}` uses `{1}`, which is not a format for text")]
    Format(String, String),
}

/// Checks a `tag_format`: Python's format language with the one name `spec_hash`.
///
/// # Errors
/// Says what Python would refuse.
pub fn check_tag_format(format: &str) -> Result<(), TemplateError> {
    let unbalanced = || TemplateError::Unbalanced(format.to_owned());
    let mut rest = format;
    while let Some(at) = rest.find(['{', '}']) {
        let brace = rest.get(at..=at).unwrap_or("");
        let after = rest.get(at + 1..).unwrap_or("");
        if let Some(doubled) = after.strip_prefix(brace) {
            rest = doubled;
            continue;
        }
        if brace == "}" {
            return Err(unbalanced());
        }
        let end = after.find('}').ok_or_else(unbalanced)?;
        check_field(format, after.get(..end).unwrap_or(""))?;
        rest = after.get(end + 1..).unwrap_or("");
    }
    Ok(())
}

fn check_field(format: &str, field: &str) -> Result<(), TemplateError> {
    let wrong = |part: &str| TemplateError::Format(format.to_owned(), part.to_owned());
    let (target, layout) = field.split_once(':').unwrap_or((field, ""));
    let (target, conversion) = match target.split_once('!') {
        Some((target, conversion)) => (target, Some(conversion)),
        None => (target, None),
    };
    if conversion.is_some_and(|c| !matches!(c, "r" | "s" | "a")) {
        return Err(wrong(field));
    }
    let (name, index) = match target.split_once('[') {
        Some((name, index)) => (name, Some(index)),
        None => (target, None),
    };
    if name != "spec_hash" {
        return Err(TemplateError::UnknownName(format.to_owned(), name.to_owned()));
    }
    let index_ok = index.is_none_or(|index| {
        index
            .strip_suffix(']')
            .is_some_and(|i| !i.is_empty() && i.chars().all(|c| c.is_ascii_digit()))
    });
    if !index_ok || !layout_is_for_text(layout) {
        return Err(wrong(field));
    }
    Ok(())
}

/// `[[fill]align][0][width][.precision][s]` with `<`, `>` and `^`.
fn layout_is_for_text(layout: &str) -> bool {
    let chars: Vec<char> = layout.chars().collect();
    let is_align = |c: Option<&char>| c.is_some_and(|c| matches!(c, '<' | '>' | '^'));
    let skip = if is_align(chars.get(1)) {
        2
    } else {
        usize::from(is_align(chars.first()))
    };
    let rest: String = chars.into_iter().skip(skip).collect();
    let rest = rest.strip_suffix('s').unwrap_or(&rest);
    let (width, precision) = rest.split_once('.').map_or((rest, None), |(w, p)| (w, Some(p)));
    let number = |s: &str| s.chars().all(|c| c.is_ascii_digit());
    number(width) && precision.is_none_or(|p| !p.is_empty() && number(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_that_python_takes_pass_and_others_do_not() {
        for good in [
            "{spec_hash}",
            "dev-{spec_hash}",
            "{{x}}-{spec_hash:.8}",
            "{spec_hash:_>30}",
            "{spec_hash!r}",
            "{spec_hash[0]}",
            "{spec_hash:^40.5s}",
            "fixed",
        ] {
            assert_eq!(check_tag_format(good), Ok(()), "{good}");
        }
        for bad in [
            "{spec_hash",
            "}",
            "{hash}",
            "{}",
            "{0}",
            "{spec_hash:d}",
            "{spec_hash!x}",
            "{spec_hash.a}",
            "{spec_hash:=30}",
        ] {
            assert!(check_tag_format(bad).is_err(), "{bad}");
        }
    }
}
