//! A plan's script as one text, for builders that cannot mount its files.

use crate::plan::{MISSING_SECRET_STATUS, SCRATCH, SCRIPTS, Script, StepMount, quote, script_file};

/// The longest piece of a script that goes into one environment variable, in bytes.
const MAX_VARIABLE: usize = 120 * 1024;
/// Ends each file in the text. No file contains it.
const END: &str = "IMAGESPEC_FILE";

/// The script with its files, variables and arguments, for a shell that has an empty scratch directory.
pub(super) fn script_text(script: &Script, mounts: &[StepMount]) -> String {
    let mut text: String = mounts.iter().filter_map(check_of_secret).collect();
    text.push_str(&format!(
        "_scripts={}\nmkdir -p \"$_scripts\"\n",
        scripts_directory(mounts)
    ));
    for file in script.files() {
        text.push_str(&format!(
            "cat > \"$_scripts/{file}\" <<'{END}'\n{}{END}\n",
            script_file(file)
        ));
    }
    text.push_str(&inputs_and_start(script, mounts));
    text
}

/// Where a step finds its scripts: in its scratch directory, since some write beside them.
pub(super) fn scripts_directory(mounts: &[StepMount]) -> String {
    let scratch = mounts.iter().find_map(|mount| match mount {
        StepMount::Scratch { target } => Some(*target),
        _ => None,
    });
    format!("{}/{SCRIPTS}", scratch.unwrap_or(SCRATCH))
}

/// The variables and arguments of a script whose files are there, and its start.
pub(super) fn inputs_and_start(script: &Script, mounts: &[StepMount]) -> String {
    let around = mount_directories(mounts).join("\n");
    let mut text = format!("_around={}\n", quote(&around));
    let secrets = secret_files(mounts);
    if !secrets.is_empty() {
        text.push_str(&format!("_secret_files={}\n", quote(&secrets.join("\n"))));
    }
    for (name, value) in &script.variables {
        text.push_str(&format!("{name}={}\n", quote(value)));
    }
    text.push_str("set --");
    for argument in &script.arguments {
        text.push_str(&format!(" {}", quote(argument)));
    }
    let runner = script.runner();
    text.push('\n');
    if runner != script.file {
        text.push_str(&format!("_main=\"$_scripts/{}\"\n", script.file));
    }
    text.push_str(&format!(". \"$_scripts/{runner}\"\n"));
    text
}

/// Fails without a secret that the step must have; whoever reports the failure can give advice that BuildKit cannot.
pub(super) fn check_of_secret(mount: &StepMount) -> Option<String> {
    let (is_there, id) = match mount {
        StepMount::Secret {
            target,
            id,
            required: true,
        } => (format!("-e {}", quote(target)), id),
        StepMount::SecretVariable {
            variable,
            id,
            required: true,
            // BuildKit makes one that is not given an empty variable.
        } => (format!("-n \"${{{variable}:-}}\""), id),
        _ => return None,
    };
    let message = quote(&format!("missing secret: {id}"));
    Some(format!(
        "[ {is_there} ] || {{ echo {message} >&2; exit {MISSING_SECRET_STATUS}; }}\n"
    ))
}

/// Where secrets are files in what the step writes, as patterns of `find` that match those alone.
fn secret_files(mounts: &[StepMount]) -> Vec<String> {
    let target = |mount: &StepMount| match mount {
        StepMount::Secret { target, .. } if !target.starts_with("/tmp/") => Some(escaped(target)),
        _ => None,
    };
    mounts.iter().filter_map(target).collect()
}

fn escaped(path: &str) -> String {
    let escape = |c: char| matches!(c, '*' | '?' | '[' | ']' | '\\').then_some('\\');
    path.chars().flat_map(|c| escape(c).into_iter().chain([c])).collect()
}

/// The directories whose times BuildKit's mount points change: those above the targets, and above the files that
/// every container gets.
fn mount_directories(mounts: &[StepMount]) -> Vec<String> {
    let mut directories = vec!["/".to_owned(), "/etc".to_owned()];
    for target in mounts.iter().filter_map(StepMount::target) {
        if target == "/tmp" || target.starts_with("/tmp/") {
            continue;
        }
        for (at, _) in target.match_indices('/').skip(1) {
            let directory = target.get(..at).unwrap_or("").to_owned();
            if !directories.contains(&directory) {
                directories.push(directory);
            }
        }
    }
    directories
}

/// A script in pieces that fit into environment variables, of which Linux takes 128 KiB each.
pub(super) fn pieces(script: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = script;
    while rest.len() > MAX_VARIABLE {
        let mut at = MAX_VARIABLE;
        while !rest.is_char_boundary(at) {
            at -= 1;
        }
        let (piece, tail) = rest.split_at(at);
        pieces.push(piece);
        rest = tail;
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directories_above_mount_points_are_known() {
        let mounts = [StepMount::Secret {
            target: "/root/.config/pip/pip.conf".into(),
            id: "x".into(),
            required: false,
        }];
        assert_eq!(
            mount_directories(&mounts),
            ["/", "/etc", "/root", "/root/.config", "/root/.config/pip"]
        );
    }

    #[test]
    fn pieces_are_cut_between_characters() {
        let text = "é".repeat(MAX_VARIABLE);
        let pieces = pieces(&text);
        assert_eq!(pieces.concat(), text);
        assert!(pieces.iter().all(|piece| piece.len() <= MAX_VARIABLE));
    }
}
