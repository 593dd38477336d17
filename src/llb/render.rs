//! Graphs as text, for people and for snapshots in tests.

use std::collections::HashMap;
use std::fmt::Write as _;

use prost::Message as _;

use crate::llb::definition::CUSTOM_NAME;
use crate::llb::encode::digest_of;
use crate::proto::pb;

/// A definition as text: a block for each vertex, with its inputs by number.
#[must_use]
pub fn render(definition: &pb::Definition) -> String {
    let mut out = String::new();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for (number, bytes) in definition.def.iter().enumerate() {
        let digest = digest_of(bytes);
        let Ok(op) = pb::Op::decode(bytes.as_slice()) else {
            line(&mut out, 0, &format!("#{number} (not an op)"));
            continue;
        };
        let inputs: Vec<String> = op
            .inputs
            .iter()
            .map(|input| match numbers.get(&input.digest) {
                Some(n) if input.index == 0 => format!("#{n}"),
                Some(n) => format!("#{n}.{}", input.index),
                None => format!("{}.{}", input.digest, input.index),
            })
            .collect();
        render_op(&mut out, number, &op, &inputs);
        if let Some(metadata) = definition.metadata.get(&digest) {
            render_metadata(&mut out, metadata);
        }
        render_locations(&mut out, definition, &digest);
        numbers.insert(digest, number);
    }
    out
}

fn line(out: &mut String, indent: usize, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{:indent$}{text}", "");
}

/// A text after its label, or below it if it has several lines.
fn labelled(out: &mut String, label: &str, text: &str) {
    if text.contains('\n') {
        line(out, 4, label);
        for text in text.lines() {
            line(out, 6, &format!("| {text}"));
        }
    } else {
        line(out, 4, &format!("{label} {text}"));
    }
}

fn render_op(out: &mut String, number: usize, op: &pb::Op, inputs: &[String]) {
    use pb::op::Op;
    let platform = op.platform.as_ref().map_or_else(String::new, |p| {
        let variant = if p.variant.is_empty() {
            String::new()
        } else {
            format!("/{}", p.variant)
        };
        format!(" [{}/{}{variant}]", p.os, p.architecture)
    });
    let input = |index: i64| -> &str {
        usize::try_from(index)
            .ok()
            .and_then(|i| inputs.get(i))
            .map_or("scratch", String::as_str)
    };
    match &op.op {
        None => line(out, 0, &format!("result {}", inputs.join(" "))),
        Some(Op::Source(source)) => {
            line(out, 0, &format!("#{number} source {}{platform}", source.identifier));
            for (key, value) in &source.attrs {
                line(out, 4, &format!("{key} = {value}"));
            }
        }
        Some(Op::Merge(merge)) => {
            let trees: Vec<&str> = merge.inputs.iter().map(|i| input(i.input)).collect();
            line(out, 0, &format!("#{number} merge {}", trees.join(" + ")));
        }
        Some(Op::Diff(diff)) => {
            let lower = input(diff.lower.as_ref().map_or(-1, |l| l.input));
            let upper = input(diff.upper.as_ref().map_or(-1, |u| u.input));
            line(out, 0, &format!("#{number} diff {lower} -> {upper}"));
        }
        Some(Op::Exec(exec)) => {
            line(out, 0, &format!("#{number} exec{platform}"));
            render_exec(out, exec, &input);
        }
        Some(Op::File(file)) => {
            line(out, 0, &format!("#{number} file"));
            for action in &file.actions {
                render_action(out, action, inputs);
            }
        }
        Some(Op::Build(_)) => line(out, 0, &format!("#{number} build")),
        Some(Op::Passthrough(_)) => line(out, 0, &format!("#{number} passthrough")),
    }
}

fn render_exec<'a>(out: &mut String, exec: &pb::ExecOp, input: &impl Fn(i64) -> &'a str) {
    if let Some(meta) = &exec.meta {
        for (position, arg) in meta.args.iter().enumerate() {
            labelled(out, &format!("arg {position}:"), arg);
        }
        for variable in &meta.env {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            labelled(out, &format!("env {name} ="), value);
        }
        line(
            out,
            4,
            &format!(
                "cwd {} user {}",
                meta.cwd,
                if meta.user.is_empty() { "root" } else { &meta.user }
            ),
        );
        for host in &meta.extra_hosts {
            line(out, 4, &format!("host {} {}", host.host, host.ip));
        }
    }
    if exec.network != 0 {
        line(out, 4, &format!("network {:?}", exec.network()));
    }
    for mount in &exec.mounts {
        let what = match mount.mount_type() {
            pb::MountType::Bind => format!("bind {}{}", input(mount.input), mount.selector),
            pb::MountType::Cache => {
                let cache = mount.cache_opt.clone().unwrap_or_default();
                format!("cache {} {:?}", cache.id, cache.sharing())
            }
            pb::MountType::Tmpfs => "tmpfs".to_owned(),
            pb::MountType::Secret => {
                let secret = mount.secret_opt.clone().unwrap_or_default();
                let optional = if secret.optional { " optional" } else { "" };
                format!("secret {} mode {:o}{optional}", secret.id, secret.mode)
            }
            pb::MountType::Ssh => "ssh".to_owned(),
        };
        let readonly = if mount.readonly { " readonly" } else { "" };
        line(out, 4, &format!("mount {} <- {what}{readonly}", mount.dest));
    }
}

fn render_action(out: &mut String, action: &pb::FileAction, inputs: &[String]) {
    use pb::file_action::Action;
    let tree = |index: i64| match usize::try_from(index) {
        Err(_) => "scratch".to_owned(),
        Ok(i) => inputs
            .get(i)
            .cloned()
            .unwrap_or_else(|| format!("action {}", i - inputs.len())),
    };
    let on = tree(action.input);
    let text = match &action.action {
        Some(Action::Copy(copy)) => {
            let mut flags = String::new();
            for (set, name) in [
                (copy.follow_symlink, "follow-symlink"),
                (copy.dir_copy_contents, "contents"),
                (copy.attempt_unpack_docker_compatibility, "unpack"),
                (copy.create_dest_path, "create-parents"),
            ] {
                if set {
                    flags.push(' ');
                    flags.push_str(name);
                }
            }
            let mut text = format!(
                "copy {}:{} -> {}{flags}",
                tree(action.secondary_input),
                copy.src,
                copy.dest
            );
            if !copy.mode_str.is_empty() {
                let _ = write!(text, " mode {}", copy.mode_str);
            } else if copy.mode != -1 {
                let _ = write!(text, " mode {:o}", copy.mode);
            }
            if copy.timestamp != -1 {
                let _ = write!(text, " time {}", copy.timestamp / 1_000_000_000);
            }
            if !copy.exclude_patterns.is_empty() {
                let _ = write!(text, " exclude {}", copy.exclude_patterns.join(","));
            }
            text + &owner(copy.owner.as_ref())
        }
        Some(Action::Mkfile(file)) => format!(
            "mkfile {} mode {:o} {} bytes{}",
            file.path,
            file.mode,
            file.data.len(),
            owner(file.owner.as_ref())
        ),
        Some(Action::Mkdir(directory)) => format!(
            "mkdir {} mode {:o}{}",
            directory.path,
            directory.mode,
            owner(directory.owner.as_ref())
        ),
        Some(Action::Rm(rm)) => format!("rm {}", rm.path),
        Some(Action::Symlink(link)) => format!("symlink {} -> {}", link.newpath, link.oldpath),
        None => "nothing".to_owned(),
    };
    line(out, 4, &format!("on {on}: {text}"));
}

fn owner(owner: Option<&pb::ChownOpt>) -> String {
    use pb::user_opt::User;
    let account = |account: Option<&pb::UserOpt>| match account.and_then(|a| a.user.as_ref()) {
        Some(User::ByName(named)) => named.name.clone(),
        Some(User::ById(id)) => id.to_string(),
        None => String::new(),
    };
    owner.map_or_else(String::new, |o| {
        format!(" owner {}:{}", account(o.user.as_ref()), account(o.group.as_ref()))
    })
}

fn render_metadata(out: &mut String, metadata: &pb::OpMetadata) {
    if let Some(name) = metadata.description.get(CUSTOM_NAME) {
        line(out, 4, &format!("name {name}"));
    }
    if metadata.ignore_cache {
        line(out, 4, "ignore cache");
    }
}

fn render_locations(out: &mut String, definition: &pb::Definition, digest: &str) {
    let Some(source) = &definition.source else { return };
    let Some(locations) = source.locations.get(digest) else {
        return;
    };
    for location in &locations.locations {
        let file = usize::try_from(location.source_index)
            .ok()
            .and_then(|i| source.infos.get(i))
            .map_or("?", |info| info.filename.as_str());
        let ranges: Vec<String> = location
            .ranges
            .iter()
            .map(|range| {
                let first = range.start.as_ref().map_or(0, |p| p.line);
                let last = range.end.as_ref().map_or(0, |p| p.line);
                if first == last {
                    format!("{first}")
                } else {
                    format!("{first}-{last}")
                }
            })
            .collect();
        line(out, 4, &format!("from {file}:{}", ranges.join(",")));
    }
}
