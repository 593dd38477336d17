//! Where whoever runs an image may go and write: an image's user need not be the one that owns its files.

use crate::image_spec::{ImageSpec, Profile, TextValue};
use crate::plan::inputs::{TASK_HOME, TASK_USER};
use crate::plan::python_place::PythonPlace;
use crate::text::{Span, relative_to};

/// The home of root, where the files of a spec go unless it says otherwise. Images close it to everybody else.
pub(crate) const ROOT_HOME: &str = "/root";

/// Where images list their users.
pub(crate) const PASSWD: &str = "/etc/passwd";

/// Directories that are everybody's: no image is expected to give them to its user.
const SYSTEM: [&str; 17] = [
    "", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin", "/sys", "/tmp",
    "/usr", "/var", "/var/tmp",
];

/// Whether files of a spec lie in root's home and no spec below has opened it. The user step of the `flyte` profile does.
pub(crate) fn opens_root(spec: &ImageSpec, python: Option<&PythonPlace>) -> bool {
    let is_open = |below: &ImageSpec| below.profile == Profile::Flyte || lies_in_root(below);
    let has_venv = python.is_some_and(|python| python.is_venv && !python.is_inherited);
    spec.profile == Profile::Plain && (lies_in_root(spec) || has_venv) && !spec.all().skip(1).any(is_open)
}

fn lies_in_root(spec: &ImageSpec) -> bool {
    let is_inside = |path: &str| relative_to(path, ROOT_HOME).is_some();
    let copies_there = spec.copies().any(|entry| is_inside(&spec.place_of(entry)))
        || (spec.copied_source().is_some() && is_inside(spec.copy_target()));
    let is_workdir = |path: &TextValue| is_inside(&path.value);
    spec.python_exec.is_some() || copies_there || spec.workdir.as_ref().is_some_and(is_workdir)
}

/// A directory that belongs to the image's user.
pub(crate) struct Workdir<'a> {
    pub(crate) path: &'a str,
    /// The user, in the form of an owner: of group 0, which users without a name are in.
    pub(crate) owner: String,
    /// Whether the user is made by the last commands only.
    pub(crate) is_owned_last: bool,
    pub(crate) spans: Vec<Span>,
}

/// The working directory of a spec, if it is the spec that decides on it or on who needs it.
pub(crate) fn workdir(spec: &ImageSpec) -> Option<Workdir<'_>> {
    if spec.workdir.is_none() && spec.user.is_none() {
        return None;
    }
    let is_flyte = |spec: &ImageSpec| spec.profile == Profile::Flyte;
    let path = spec
        .all()
        .find_map(|spec| text(&spec.workdir).or_else(|| is_flyte(spec).then_some(ROOT_HOME)))?;
    let path = path.trim_end_matches('/');
    if SYSTEM.contains(&path) {
        return None;
    }
    let name = spec
        .all()
        .find_map(|spec| text(&spec.user).or_else(|| is_flyte(spec).then_some(TASK_USER)));
    let name = name.and_then(|name| name.split(':').next()).unwrap_or("root");
    Some(Workdir {
        path,
        owner: format!("{name}:0"),
        is_owned_last: is_made_last(spec, name),
        spans: [&spec.workdir, &spec.user]
            .into_iter()
            .flatten()
            .map(|value| value.span)
            .collect(),
    })
}

/// The home of an image's user where nobody has read who its users are: that of tasks, or the working directory of a
/// number, who most likely has none.
pub(crate) fn likely_home(spec: &ImageSpec, user: &str, workdir: Option<&str>) -> Option<String> {
    let user = user.split(':').next().unwrap_or_default();
    let is_flyte = |spec: &ImageSpec| spec.profile == Profile::Flyte;
    match user.parse::<u32>() {
        Ok(0) => None,
        Ok(_) => workdir.filter(|path| *path != "/").map(str::to_owned),
        Err(_) if user == TASK_USER && spec.all().any(is_flyte) => Some(TASK_HOME.to_owned()),
        Err(_) => None,
    }
}

fn text(value: &Option<TextValue>) -> Option<&str> {
    value.as_ref().map(|value| value.value.as_str())
}

/// Whether only the last commands speak of a user.
fn is_made_last(spec: &ImageSpec, name: &str) -> bool {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let names_it = |command: &TextValue| command.value.split(|c| !is_part(c)).any(|word| word == name);
    let is_in = |list| ImageSpec::strings(list).any(names_it);
    let is_known = is_in(&spec.setup_commands) || spec.all().skip(1).any(|below| is_in(&below.commands));
    !is_number && is_in(&spec.commands) && !is_known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_spec::parse;
    use crate::plan::needs;
    use crate::text::Text;

    fn spec(yaml: &str) -> ImageSpec {
        parse(&Text::new("s.yaml", yaml)).spec.unwrap()
    }

    #[test]
    fn the_workdir_is_that_of_whoever_runs_the_image() {
        let check = |yaml: &str, expect: Option<(&str, &str, bool)>| {
            let spec = spec(yaml);
            let found = workdir(&spec);
            let found = found.as_ref().map(|it| (it.path, it.owner.as_str(), it.is_owned_last));
            assert_eq!(found, expect, "{yaml}");
        };
        check("packages: [x]\n", None);
        check("workdir: /w/\n", Some(("/w", "flytekit:0", false)));
        check("user: \"1001\"\n", Some(("/root", "1001:0", false)));
        check("profile: plain\nuser: \"1001\"\n", None);
        check("profile: plain\nworkdir: /w\n", Some(("/w", "root:0", false)));
        check(
            "profile: plain\nworkdir: /w\nuser: app:web\n",
            Some(("/w", "app:0", false)),
        );
        for system in ["/", "/tmp", "/etc/", "/usr"] {
            check(&format!("profile: plain\nworkdir: {system}\nuser: app\n"), None);
        }
        // Of specs below, what they set counts up to the first that decides it by its profile.
        let below = "base_image: {profile: plain, user: low, workdir: /low}\n";
        check(
            &format!("{below}profile: plain\nworkdir: /w\n"),
            Some(("/w", "low:0", false)),
        );
        check(
            &format!("{below}profile: plain\nuser: top\n"),
            Some(("/low", "top:0", false)),
        );
        check(&format!("{below}workdir: /w\n"), Some(("/w", "flytekit:0", false)));
    }

    #[test]
    fn a_user_may_be_made_by_the_last_commands() {
        let check = |more: &str, expect: bool| {
            let spec = spec(&format!("profile: plain\nworkdir: /w\n{more}"));
            assert_eq!(workdir(&spec).unwrap().is_owned_last, expect, "{more}");
        };
        check("user: app\ncommands: [\"useradd -u 5 app\"]\n", true);
        check("user: app\ncommands: [\"adduser \\\"app\\\"; ls\"]\n", true);
        check("user: app\ncommands: [\"useradd application\"]\n", false);
        check(
            "user: app\nsetup_commands: [useradd app]\ncommands: [\"chown -R app /w\"]\n",
            false,
        );
        check("user: \"5\"\ncommands: [\"useradd -u 5 app\"]\n", false);
        check(
            "base_image: {profile: plain, commands: [useradd app]}\nuser: app\ncommands: [\"id app\"]\n",
            false,
        );
    }

    #[test]
    fn root_is_opened_where_something_lies_in_it() {
        let check = |yaml: &str, expect: bool| {
            let spec = spec(yaml);
            let python = needs(&spec).top().and_then(|needs| needs.python);
            assert_eq!(opens_root(&spec, python.as_ref()), expect, "{yaml}");
        };
        check("profile: plain\ncopy: [x]\n", true);
        check("profile: plain\ncopy: [x]\ncopy_to: /root/deep\n", true);
        check("profile: plain\ncopy: [x]\ncopy_to: /rooted\n", false);
        check("profile: plain\npackages: [x]\n", false);
        check("profile: plain\npython_exec: python3\n", true);
        check("profile: plain\nworkdir: /root/w\n", true);
        check("copy: [x]\n", false);
        check("profile: plain\nbase_image: {name: x}\ncopy: [x]\n", false);
        check(
            "profile: plain\nbase_image: {profile: plain, python_exec: python3}\ncopy: [x]\n",
            false,
        );
        check(
            "profile: plain\nbase_image: {profile: plain, packages: [x]}\ncopy: [x]\n",
            true,
        );
    }
}
