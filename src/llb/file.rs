//! Steps that change a file tree without running a process: copies, directories, files.

use std::borrow::Cow;

use crate::llb::capability::Capability;
use crate::llb::metadata::Metadata;
use crate::llb::vertex::{Inputs, Output, Vertex};
use crate::proto::pb;

/// The owner of a created file. Names are looked up in the file tree that is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// A user name or number.
    pub user: String,
    /// A group name or number.
    pub group: String,
}

/// Files to copy from another file tree.
#[derive(Debug, Clone)]
pub(crate) struct Copy {
    pub from: Output,
    /// The path in `from`.
    pub source: String,
    /// The path in the tree that is written to.
    pub target: String,
    /// `None` keeps the owner that the source has.
    pub owner: Option<Owner>,
    /// Follow a link at the source path.
    pub follow_symlink: bool,
    /// Copy what is in a source directory instead of the directory.
    pub contents: bool,
    /// Unpack the source when it is an archive.
    pub unpack: bool,
    /// Create the directories above the target.
    pub create_target_parents: bool,
    /// The modification time of everything copied, in Unix seconds; `None` keeps the source's.
    pub time: Option<i64>,
    /// Docker's patterns of what is left out.
    pub exclude: Vec<String>,
    /// What becomes of modes, as `chmod` takes it; `None` keeps those of the source. Engines that do not know it keep
    /// them in silence: see [`MODE_TEXTS`](crate::llb::MODE_TEXTS).
    pub mode: Option<Cow<'static, str>>,
}

impl Copy {
    /// A copy with no flags set.
    #[must_use]
    pub(crate) fn new(from: &Output, source: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            from: from.clone(),
            source: source.into(),
            target: target.into(),
            owner: None,
            follow_symlink: false,
            contents: false,
            unpack: false,
            create_target_parents: false,
            time: None,
            exclude: Vec::new(),
            mode: None,
        }
    }
}

/// A directory to create, or to give this owner and mode where it exists. What it holds stays as it is.
#[derive(Debug, Clone)]
pub(crate) struct SetDirectory {
    /// Absolute, and not the root.
    pub path: String,
    pub mode: i32,
    /// `None` keeps the owner of one that exists.
    pub owner: Option<Owner>,
    /// The modification time in Unix seconds.
    pub time: i64,
}

/// A file to create.
#[derive(Debug, Clone)]
pub(crate) struct MakeFile {
    pub path: String,
    pub mode: i32,
    pub data: Vec<u8>,
    /// `None` for root.
    pub owner: Option<Owner>,
    /// The modification time in Unix seconds; `None` for the time of the build.
    pub time: Option<i64>,
}

#[derive(Debug, Clone)]
enum FileAction {
    Copy(Copy),
    SetDirectory(SetDirectory),
    MakeFile(MakeFile),
}

/// Changes that are made to one file tree, one after another.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileActions(Vec<FileAction>);

impl FileActions {
    /// No actions yet.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a copy.
    #[must_use]
    pub(crate) fn copy(mut self, copy: Copy) -> Self {
        self.0.push(FileAction::Copy(copy));
        self
    }

    /// Adds a directory, or the owner and mode of one that exists.
    #[must_use]
    pub(crate) fn set_directory(mut self, directory: SetDirectory) -> Self {
        self.0.push(FileAction::SetDirectory(directory));
        self
    }

    /// Adds a file.
    #[must_use]
    pub(crate) fn make_file(mut self, file: MakeFile) -> Self {
        self.0.push(FileAction::MakeFile(file));
        self
    }

    /// The tree after all actions on `root`; `None` is an empty tree.
    #[must_use]
    pub(crate) fn apply(&self, root: Option<&Output>, metadata: Metadata) -> Output {
        let mut inputs = Inputs::default();
        let mut capabilities = vec!["file.base"];
        let root_index = inputs.index(root);
        for action in &self.0 {
            if let FileAction::Copy(copy) = action {
                inputs.index(Some(&copy.from));
            }
        }
        let mut wire = WireActions {
            actions: Vec::with_capacity(self.0.len()),
            input_count: inputs.len(),
        };
        let mut target = root_index;
        for action in &self.0 {
            target = match action {
                FileAction::Copy(copy) => {
                    let from = inputs.index(Some(&copy.from));
                    wire.push(target, from, encode_copy(copy, root_index, &mut capabilities))
                }
                FileAction::SetDirectory(directory) => {
                    if directory.owner.is_none() {
                        capabilities.push(PATTERNS);
                    }
                    wire.set_directory(target, directory, root_index)
                }
                FileAction::MakeFile(file) => wire.push(target, EMPTY, encode_file(file, root_index)),
            };
        }
        if let Some(last) = wire.actions.last_mut() {
            last.output = 0;
        }
        Vertex::new(
            pb::op::Op::File(pb::FileOp { actions: wire.actions }),
            None,
            inputs,
            metadata,
            capabilities,
        )
        .output(0)
    }
}

/// The capability that patterns need.
const PATTERNS: Capability = "file.copy.includeexcludepatterns";
/// An empty tree, or no second one.
const EMPTY: i64 = -1;

/// Actions on the wire, of which each names the results of earlier ones.
struct WireActions {
    actions: Vec<pb::FileAction>,
    input_count: i64,
}

impl WireActions {
    /// Adds an action and returns the number of its result: they are numbered after the inputs.
    fn push(&mut self, input: i64, secondary_input: i64, action: pb::file_action::Action) -> i64 {
        self.actions.push(pb::FileAction {
            input,
            secondary_input,
            output: -1,
            action: Some(action),
        });
        self.input_count + i64::try_from(self.actions.len()).unwrap_or(i64::MAX) - 1
    }

    /// No action changes a directory that exists, but a copy over it gives it what the copied one has: so another is made
    /// elsewhere, and the directory that holds it is copied to where it belongs. The mode comes last, since some engines
    /// apply their umask to what they make.
    fn set_directory(&mut self, target: i64, directory: &SetDirectory, root: i64) -> i64 {
        use pb::file_action::Action::{Copy, Mkdir};
        let path = directory.path.trim_end_matches('/');
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let elsewhere = format!("/made/{name}");
        let timestamp = nanoseconds(Some(directory.time));
        let make = |path: &str, owner| {
            Mkdir(pb::FileActionMkDir {
                path: path.to_owned(),
                mode: 0o755,
                make_parents: true,
                owner,
                timestamp,
            })
        };
        let copy = |source: &str, target: &str| pb::FileActionCopy {
            src: source.to_owned(),
            dest: target.to_owned(),
            mode: directory.mode,
            create_dest_path: true,
            timestamp,
            ..pb::FileActionCopy::default()
        };
        let target = self.push(target, EMPTY, make(path, None));
        let made = if directory.owner.is_some() {
            self.push(EMPTY, EMPTY, make(&elsewhere, chown(directory.owner.as_ref(), root)))
        } else {
            let alone = pb::FileActionCopy {
                exclude_patterns: vec!["*".into()],
                ..copy(path, &elsewhere)
            };
            self.push(EMPTY, target, Copy(alone))
        };
        let into = pb::FileActionCopy {
            dir_copy_contents: true,
            ..copy("/made", if above.is_empty() { "/" } else { above })
        };
        self.push(target, made, Copy(into))
    }
}

fn encode_copy(copy: &Copy, root: i64, capabilities: &mut Vec<Capability>) -> pb::file_action::Action {
    if !copy.exclude.is_empty() {
        capabilities.push(PATTERNS);
    }
    pb::file_action::Action::Copy(pb::FileActionCopy {
        src: copy.source.clone(),
        dest: copy.target.clone(),
        owner: chown(copy.owner.as_ref(), root),
        // Keeps what the source has.
        mode: -1,
        mode_str: copy.mode.clone().unwrap_or_default().into_owned(),
        follow_symlink: copy.follow_symlink,
        dir_copy_contents: copy.contents,
        attempt_unpack_docker_compatibility: copy.unpack,
        create_dest_path: copy.create_target_parents,
        timestamp: nanoseconds(copy.time),
        exclude_patterns: copy.exclude.clone(),
        ..pb::FileActionCopy::default()
    })
}

fn encode_file(file: &MakeFile, root: i64) -> pb::file_action::Action {
    pb::file_action::Action::Mkfile(pb::FileActionMkFile {
        path: file.path.clone(),
        mode: file.mode,
        data: file.data.clone(),
        owner: chown(file.owner.as_ref(), root),
        timestamp: nanoseconds(file.time),
    })
}

/// A time on the wire: nanoseconds, or -1 for none.
fn nanoseconds(seconds: Option<i64>) -> i64 {
    seconds.map_or(-1, |seconds| seconds.saturating_mul(1_000_000_000))
}

fn chown(owner: Option<&Owner>, root: i64) -> Option<pb::ChownOpt> {
    let account = |text: &str| {
        let user = match text.parse() {
            Ok(id) => pb::user_opt::User::ById(id),
            Err(_) => pb::user_opt::User::ByName(pb::NamedUserOpt {
                name: text.to_owned(),
                input: root,
            }),
        };
        Some(pb::UserOpt { user: Some(user) })
    };
    owner.map(|owner| pb::ChownOpt {
        user: account(&owner.user),
        group: account(&owner.group),
    })
}
