//! Steps that change a file tree without running a process: copies, directories, files.

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
        }
    }
}

/// A directory to create.
#[derive(Debug, Clone)]
pub(crate) struct MakeDirectory {
    pub path: String,
    pub mode: i32,
    /// Create the directories above it, and accept that it exists.
    pub parents: bool,
    /// `None` for root.
    pub owner: Option<Owner>,
    /// The modification time in Unix seconds; `None` for the time of the build.
    pub time: Option<i64>,
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
    MakeDirectory(MakeDirectory),
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

    /// Adds a directory.
    #[must_use]
    pub(crate) fn make_directory(mut self, directory: MakeDirectory) -> Self {
        self.0.push(FileAction::MakeDirectory(directory));
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
        // Results of earlier actions are numbered after the inputs.
        let input_count = inputs.len();
        let mut target = root_index;
        let mut actions = Vec::with_capacity(self.0.len());
        for (position, action) in self.0.iter().enumerate() {
            let position = i64::try_from(position).unwrap_or(i64::MAX);
            let last = position + 1 == i64::try_from(self.0.len()).unwrap_or(i64::MAX);
            let secondary_input = match action {
                FileAction::Copy(copy) => inputs.index(Some(&copy.from)),
                _ => -1,
            };
            actions.push(pb::FileAction {
                input: target,
                secondary_input,
                output: if last { 0 } else { -1 },
                action: Some(encode(action, root_index, &mut capabilities)),
            });
            target = input_count + position;
        }
        Vertex::new(
            pb::op::Op::File(pb::FileOp { actions }),
            None,
            inputs,
            metadata,
            capabilities,
        )
        .output(0)
    }
}

fn encode(action: &FileAction, root: i64, capabilities: &mut Vec<Capability>) -> pb::file_action::Action {
    use pb::file_action::Action as Wire;
    match action {
        FileAction::Copy(copy) => {
            if !copy.exclude.is_empty() {
                capabilities.push("file.copy.includeexcludepatterns");
            }
            Wire::Copy(pb::FileActionCopy {
                src: copy.source.clone(),
                dest: copy.target.clone(),
                owner: chown(copy.owner.as_ref(), root),
                // Keeps what the source has.
                mode: -1,
                follow_symlink: copy.follow_symlink,
                dir_copy_contents: copy.contents,
                attempt_unpack_docker_compatibility: copy.unpack,
                create_dest_path: copy.create_target_parents,
                timestamp: nanoseconds(copy.time),
                exclude_patterns: copy.exclude.clone(),
                ..pb::FileActionCopy::default()
            })
        }
        FileAction::MakeDirectory(directory) => Wire::Mkdir(pb::FileActionMkDir {
            path: directory.path.clone(),
            mode: directory.mode,
            make_parents: directory.parents,
            owner: chown(directory.owner.as_ref(), root),
            timestamp: nanoseconds(directory.time),
        }),
        FileAction::MakeFile(file) => Wire::Mkfile(pb::FileActionMkFile {
            path: file.path.clone(),
            mode: file.mode,
            data: file.data.clone(),
            owner: chown(file.owner.as_ref(), root),
            timestamp: nanoseconds(file.time),
        }),
    }
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
