//! Which parts of a project are wanted: its extras and dependency groups, as fields and options choose them.

use crate::python::requirements::requirement::normalised;

/// The parts of a project that are wanted, in the words of `uv sync`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// Extras, besides the project's own dependencies.
    pub extras: Vec<String>,
    /// Whether all extras are wanted.
    pub all_extras: bool,
    /// Extras that are left out, whatever else says.
    pub no_extras: Vec<String>,
    /// Dependency groups; the lock's own choice when empty.
    pub groups: Vec<String>,
    /// Whether all groups are wanted.
    pub all_groups: bool,
    /// Groups that are left out, whatever else says.
    pub no_groups: Vec<String>,
    /// Groups that are wanted without the project's own dependencies.
    pub only_groups: Vec<String>,
    /// Whether the groups that a project installs by default are left out.
    pub no_default_groups: bool,
    /// Whether the groups that Poetry installs by default are wanted, too: Poetry's own words add to them or take away.
    pub as_poetry: bool,
    /// The members of a workspace that are wanted; its root when empty.
    pub members: Vec<String>,
    /// Whether all members are wanted.
    pub all_members: bool,
}

/// Whether a list has a name, however it is written.
pub(crate) fn has_name(names: &[String], name: &str) -> bool {
    names.iter().any(|other| normalised(other) == normalised(name))
}

impl Parts {
    /// Whether it is said which projects of a workspace are wanted.
    pub(crate) fn chooses_members(&self) -> bool {
        self.all_members || !self.members.is_empty() || !self.only_groups.is_empty()
    }

    /// The extras that are wanted of those that there are.
    #[must_use]
    pub(crate) fn extras_of(&self, known: &[String]) -> Vec<String> {
        let all = if self.all_extras { known } else { &self.extras };
        let kept = all.iter().filter(|extra| !has_name(&self.no_extras, extra));
        kept.cloned().collect()
    }

    /// The groups that are wanted of those that there are, where a project has some that it installs by default.
    #[must_use]
    pub(crate) fn groups_of(&self, known: &[String], default: &[String]) -> Vec<String> {
        let all = match self {
            _ if !self.only_groups.is_empty() => &self.only_groups,
            _ if self.all_groups => known,
            _ if self.groups.is_empty() && !self.no_default_groups => default,
            _ => &self.groups,
        };
        let kept = all.iter().filter(|group| !has_name(&self.no_groups, group));
        kept.cloned().collect()
    }

    /// Whether the project's own dependencies are wanted, too.
    #[must_use]
    pub(crate) fn has_main(&self) -> bool {
        self.only_groups.is_empty()
    }

    /// The names of all extras that are spoken of.
    pub(crate) fn named_extras(&self) -> impl Iterator<Item = &String> {
        self.extras.iter().chain(&self.no_extras)
    }

    /// The names of all groups that are spoken of. `dev` may be left out of a project without it.
    pub(crate) fn named_groups(&self) -> impl Iterator<Item = &String> {
        let left_out = self.no_groups.iter().filter(|group| normalised(group) != "dev");
        self.groups.iter().chain(&self.only_groups).chain(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_is_left_out_goes_before_what_is_named() {
        let parts = Parts {
            all_extras: true,
            no_extras: names(&["Big_Data"]),
            groups: names(&["train", "dev"]),
            no_groups: names(&["Train"]),
            ..Parts::default()
        };
        assert_eq!(parts.extras_of(&names(&["big-data", "color"])), ["color"]);
        assert_eq!(parts.groups_of(&names(&["train", "dev", "docs"]), &[]), ["dev"]);
        let all = Parts {
            all_groups: true,
            ..parts.clone()
        };
        assert_eq!(all.groups_of(&names(&["train", "dev", "docs"]), &[]), ["dev", "docs"]);
        let only = Parts {
            only_groups: names(&["docs"]),
            ..parts
        };
        assert_eq!(only.groups_of(&names(&["train", "docs"]), &names(&["dev"])), ["docs"]);
        assert!(!only.has_main());
    }

    #[test]
    fn groups_that_are_named_stand_in_for_the_default_ones() {
        let default = names(&["dev"]);
        assert_eq!(Parts::default().groups_of(&default, &default), ["dev"]);
        let none = Parts {
            no_default_groups: true,
            ..Parts::default()
        };
        assert!(none.groups_of(&default, &default).is_empty());
        let train = Parts {
            groups: names(&["train"]),
            ..Parts::default()
        };
        assert_eq!(train.groups_of(&default, &default), ["train"]);
    }
}
