//! The variables that flytekit reads when it builds images.

/// What they say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Variables {
    /// `FLYTE_FORCE_PUSH_IMAGE_SPEC`: build and push without asking.
    pub(crate) forces: bool,
    /// `FLYTE_IMG_FAST_FAIL`: fail if nobody can tell whether the image exists.
    pub(crate) fails_fast: bool,
    /// `FLYTE_PUSH_IMAGE_SPEC`: whether images may be pushed.
    pub(crate) keeps_from_pushing: bool,
    /// What else the user should know.
    pub(crate) notes: Vec<String>,
}

/// Reads them as flytekit 1.16 does, and says where that may surprise.
pub(crate) fn read(variable: &dyn Fn(&str) -> Option<String>) -> Variables {
    let mut notes = Vec::new();
    let mut is_on = |name: &str| {
        let value = variable(name)?;
        if value.is_empty() {
            notes.push(format!("{name} is set to nothing, which means yes, as with flytekit"));
        }
        Some(!matches!(value.to_lowercase().as_str(), "false" | "0" | "off" | "no"))
    };
    let forces = is_on("FLYTE_FORCE_PUSH_IMAGE_SPEC").unwrap_or(false);
    let fails_fast = is_on("FLYTE_IMG_FAST_FAIL").unwrap_or(false);
    let push = variable("FLYTE_PUSH_IMAGE_SPEC");
    let keeps = push
        .as_ref()
        .is_some_and(|value| !matches!(value.to_lowercase().as_str(), "true" | "1"));
    if let Some(value) = push.filter(|value| keeps && matches!(value.to_lowercase().as_str(), "yes" | "on" | "y" | "t"))
    {
        notes.push(format!(
            "FLYTE_PUSH_IMAGE_SPEC={value} keeps from pushing, as with flytekit: only `true` and `1` push"
        ));
    }
    if forces && fails_fast {
        notes.push("FLYTE_FORCE_PUSH_IMAGE_SPEC goes before FLYTE_IMG_FAST_FAIL: nobody is asked whether the image exists (flytekit would ask, and fail)".to_owned());
    }
    Variables {
        forces,
        fails_fast,
        keeps_from_pushing: keeps,
        notes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_mean_what_they_mean_to_flytekit() {
        let check = |given: &[(&str, &str)], expect: (bool, bool, bool), notes: usize| {
            let find = |name: &str| {
                given
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| (*value).to_owned())
            };
            let read = read(&find);
            assert_eq!(
                (read.forces, read.fails_fast, read.keeps_from_pushing),
                expect,
                "{given:?}"
            );
            assert_eq!(read.notes.len(), notes, "{given:?} {:?}", read.notes);
        };
        let (force, fail, push) = (
            "FLYTE_FORCE_PUSH_IMAGE_SPEC",
            "FLYTE_IMG_FAST_FAIL",
            "FLYTE_PUSH_IMAGE_SPEC",
        );
        check(&[], (false, false, false), 0);
        for no in ["false", "0", "OFF", "no"] {
            check(&[(force, no), (fail, no), (push, no)], (false, false, true), 0);
        }
        check(&[(force, "1"), (fail, "0"), (push, "True")], (true, false, false), 0);
        check(&[(fail, "nope")], (false, true, false), 0);
        check(&[(force, "")], (true, false, false), 1);
        check(&[(push, "")], (false, false, true), 0);
        check(&[(push, "yes")], (false, false, true), 1);
        check(&[(force, "1"), (fail, "1")], (true, true, false), 1);
    }
}
