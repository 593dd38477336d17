//! The secrets of a build: those that the spec names, those that settings have, those of the command line.

use std::collections::BTreeMap;
use std::path::Path;

use crate::image_spec::ImageSpec;
use crate::text::{Diagnostic, ProblemKind, Span};

/// All secrets as engines take them, `id=…,src=…`: the command line goes before settings, and those before the spec.
/// Files that the spec names are relative to the spec.
///
/// # Errors
/// When a file is not there: all of those at once.
pub(crate) fn secrets(
    spec: &ImageSpec,
    directory: &Path,
    settings: &BTreeMap<String, String>,
    given: &[String],
) -> Result<Vec<String>, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let given_ids: Vec<Option<&str>> = given.iter().map(|secret| field(secret, "id")).collect();
    let is_given = |id: &str| given_ids.contains(&Some(id));
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    let mut of_spec: BTreeMap<&str, &str> = BTreeMap::new();
    for mount in spec.all().flat_map(ImageSpec::named_secrets) {
        let Some(source) = mount.source.filter(|_| !is_given(mount.id)) else {
            continue;
        };
        if settings.contains_key(mount.id) {
            continue;
        }
        if let Some(other) = of_spec.insert(mount.id, source) {
            if other != source {
                problems.push(two_files(mount.id, [other, source], mount.span));
            }
            continue;
        }
        let path = directory.join(expanded(source));
        if !mount.is_required && !path.exists() {
            continue;
        }
        problems.extend(missing(mount.id, &path, Some(mount.span)));
        all.insert(mount.id.to_owned(), as_field(mount.id, &path));
    }
    for (id, path) in settings.iter().filter(|(id, _)| !is_given(id)) {
        let path = Path::new(&expanded(path)).to_owned();
        problems.extend(missing(id, &path, None));
        all.insert(id.clone(), as_field(id, &path));
    }
    for secret in given {
        let source = field(secret, "src").or(field(secret, "source"));
        if let Some(source) = source {
            problems.extend(missing(field(secret, "id").unwrap_or(source), Path::new(source), None));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(all.into_values().chain(given.iter().cloned()).collect())
}

/// Two files for one secret: stacked specs count theirs from 0 each.
fn two_files(id: &str, files: [&str; 2], span: Span) -> Diagnostic {
    let [first, second] = files;
    let message = format!("the secret `{id}` is {first} in one place and {second} in another");
    let problem = Diagnostic::build_error("secret-of-two", message).at(span);
    problem.help("give one of them an id of its own: {id: NAME, src: FILE, target: PATH}")
}

fn missing(id: &str, path: &Path, span: Option<Span>) -> Option<Diagnostic> {
    if path.exists() {
        return None;
    }
    let problem = Diagnostic::build_error(
        "missing-secret",
        format!("the secret `{id}` has no file {}", path.display()),
    );
    let problem = problem.kind(ProblemKind::Missing).at_known(span);
    Some(problem.help(format!("make the file, or give another: --secret id={id},src=FILE")))
}

/// `~` is the user's home, as a shell would have it.
fn expanded(path: &str) -> String {
    match (path.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(rest), Ok(home)) => format!("{home}/{rest}"),
        _ => path.to_owned(),
    }
}

/// A field of `id=…,src=…`.
fn field<'a>(secret: &'a str, name: &str) -> Option<&'a str> {
    let fields = secret.split(',').map(|field| field.trim_matches('"'));
    let mut pairs = fields.filter_map(|field| field.split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn as_field(id: &str, path: &Path) -> String {
    let source = format!("src={}", path.display());
    match source.contains([',', '"']) {
        true => format!("id={id},\"{}\"", source.replace('"', "\"\"")),
        false => format!("id={id},{source}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_spec::parse;
    use crate::text::Text;

    #[test]
    fn files_of_the_spec_are_given_unless_somebody_gives_others() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        for name in ["a", "b", "with, comma"] {
            std::fs::write(at(name), "s").unwrap();
        }
        let check = |mounts: &str, settings: &[(&str, String)], given: &[&str], expect: Result<Vec<String>, &str>| {
            let spec = parse(&Text::new("s.yaml", format!("pip_secret_mounts: {mounts}\n").as_str()))
                .spec
                .unwrap();
            let settings = settings
                .iter()
                .map(|(id, path)| ((*id).to_owned(), path.clone()))
                .collect();
            let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
            let found = secrets(&spec, directory.path(), &settings, &given);
            match (found, expect) {
                (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{mounts}"),
                (Err(problems), Err(words)) => assert!(problems[0].message.contains(words), "{problems:?}"),
                (found, expect) => panic!("{mounts}: {found:?}, not {expect:?}"),
            }
        };
        let one = "[[a, /root/.netrc]]";
        check(one, &[], &[], Ok(vec![format!("id=secret_0,src={}", at("a"))]));
        check(one, &[], &["id=secret_0,env=X"], Ok(vec!["id=secret_0,env=X".into()]));
        check(
            one,
            &[("secret_0", at("b"))],
            &[],
            Ok(vec![format!("id=secret_0,src={}", at("b"))]),
        );
        check(
            "[{id: n, src: \"with, comma\", target: /x}]",
            &[("ca-certificates", at("b"))],
            &[],
            Ok(vec![
                format!("id=ca-certificates,src={}", at("b")),
                format!("id=n,\"src={}\"", at("with, comma")),
            ]),
        );
        // Only its id: who builds gives it.
        check("[{id: n, target: /x}]", &[], &[], Ok(vec![]));
        let nested = "[[a, /x]]\nbase_image: {pip_secret_mounts: [[b, /y]]}";
        check(
            nested,
            &[],
            &[],
            Err("the secret `secret_0` is a in one place and b in another"),
        );
        check("[[gone, /x]]", &[], &[], Err("the secret `secret_0` has no file"));
        check("[[gone, /x]]", &[], &["id=secret_0,src=/none"], Err("no file /none"));
        // Those of `secrets`, too.
        let of_steps = |secret: &str| format!("[[a, /x]]\nsecrets: [{secret}]");
        check(
            &of_steps("{id: t, src: b, env: T}"),
            &[],
            &[],
            Ok(vec![
                format!("id=secret_0,src={}", at("a")),
                format!("id=t,src={}", at("b")),
            ]),
        );
        check(
            &of_steps("{id: t, src: gone, required: false}"),
            &[],
            &[],
            Ok(vec![format!("id=secret_0,src={}", at("a"))]),
        );
        check(
            &of_steps("{id: t, src: gone}"),
            &[],
            &[],
            Err("the secret `t` has no file"),
        );
        check(
            &of_steps("{id: secret_0, src: b}"),
            &[],
            &[],
            Err("is a in one place and b in another"),
        );
    }
}
