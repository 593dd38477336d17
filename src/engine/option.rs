//! What may be asked of a build, and what each engine makes of it: one table.

/// Something that may be asked of a build, under the name that the command line has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuildOption {
    /// Push the image to the registry in its name.
    Push,
    /// Load the image into the engine's image store.
    Load,
    /// Write the result elsewhere: `type=…,dest=…`, or a directory.
    Output,
    /// The platforms to build for, separated by commas.
    Platform,
    /// Build a part only.
    Target,
    /// `NAME=VALUE`, or the name of a variable.
    BuildArgument,
    /// `NAME=WHAT`: what stands in for an image or directory.
    BuildContext,
    /// `NAME=VALUE`.
    Label,
    /// `id=ID,src=FILE` or `id=ID,env=VARIABLE`.
    Secret,
    /// `default`, or `ID=SOCKET|KEY`.
    Ssh,
    /// A cache to import: `type=…`, or an image.
    CacheFrom,
    /// A cache to export.
    CacheTo,
    /// Run all steps again.
    NoCache,
    /// Run the steps of these parts again, separated by commas.
    NoCacheFilter,
    /// Ask registries for images that the engine has.
    Pull,
    /// How progress is shown: `auto`, `plain`, `tty`, `quiet`, `rawjson`.
    Progress,
    /// A file for what the engine says of the result.
    MetadataFile,
    /// A file for the image's id.
    IidFile,
    /// The network of steps: `default`, `none`, `host`.
    Network,
    /// `HOST:ADDRESS`.
    AddHost,
    /// The builder.
    Builder,
    /// Attach a list of what is in the image.
    Sbom,
    /// Attach how the image was made.
    Provenance,
}

/// What an engine makes of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A flag with the value behind it.
    Flag(&'static str),
    /// A flag without a value.
    Switch(&'static str),
    /// An option of the frontend: `--opt NAME=VALUE`.
    Frontend(&'static str),
    /// An option of the frontend for each entry: `--opt PREFIX:VALUE`.
    Entry(&'static str),
    /// Something else, in words.
    Translated(&'static str),
    /// It cannot be done.
    Cannot,
}

/// The engines of the table, in its order.
const ENGINES: [&str; 3] = ["buildx", "docker", "buildctl"];

/// One line of the table.
struct Row(BuildOption, &'static str, [Form; 3]);

const fn both(flag: &'static str) -> (Form, Form) {
    (Form::Flag(flag), Form::Flag(flag))
}

const fn row(option: BuildOption, name: &'static str, docker: (Form, Form), buildctl: Form) -> Row {
    Row(option, name, [docker.0, docker.1, buildctl])
}

/// `docker build` is buildx with the default builder.
const TABLE: [Row; 23] = [
    row(
        BuildOption::Push,
        "--push",
        (Form::Switch("--push"), Form::Switch("--push")),
        Form::Translated("`push=true` in `--output`"),
    ),
    row(
        BuildOption::Load,
        "--load",
        (Form::Switch("--load"), Form::Switch("--load")),
        Form::Cannot,
    ),
    row(
        BuildOption::Output,
        "--output",
        both("--output"),
        Form::Flag("--output"),
    ),
    row(
        BuildOption::Platform,
        "--platform",
        both("--platform"),
        Form::Frontend("platform"),
    ),
    row(
        BuildOption::Target,
        "--target",
        both("--target"),
        Form::Frontend("target"),
    ),
    row(
        BuildOption::BuildArgument,
        "--build-arg",
        both("--build-arg"),
        Form::Entry("build-arg"),
    ),
    row(
        BuildOption::BuildContext,
        "--build-context",
        both("--build-context"),
        Form::Translated("`--opt context:NAME=…`, with `--local` or `--oci-layout`"),
    ),
    row(BuildOption::Label, "--label", both("--label"), Form::Entry("label")),
    row(
        BuildOption::Secret,
        "--secret",
        both("--secret"),
        Form::Flag("--secret"),
    ),
    row(BuildOption::Ssh, "--ssh", both("--ssh"), Form::Flag("--ssh")),
    row(
        BuildOption::CacheFrom,
        "--cache-from",
        both("--cache-from"),
        Form::Flag("--import-cache"),
    ),
    row(
        BuildOption::CacheTo,
        "--cache-to",
        both("--cache-to"),
        Form::Flag("--export-cache"),
    ),
    row(
        BuildOption::NoCache,
        "--no-cache",
        (Form::Switch("--no-cache"), Form::Switch("--no-cache")),
        Form::Translated("`--opt no-cache=`"),
    ),
    row(
        BuildOption::NoCacheFilter,
        "--no-cache-filter",
        both("--no-cache-filter"),
        Form::Frontend("no-cache"),
    ),
    row(
        BuildOption::Pull,
        "--pull",
        (Form::Switch("--pull"), Form::Switch("--pull")),
        Form::Translated("`--opt image-resolve-mode=pull`"),
    ),
    row(
        BuildOption::Progress,
        "--progress",
        both("--progress"),
        Form::Flag("--progress"),
    ),
    row(
        BuildOption::MetadataFile,
        "--metadata-file",
        both("--metadata-file"),
        Form::Flag("--metadata-file"),
    ),
    row(
        BuildOption::IidFile,
        "--iidfile",
        both("--iidfile"),
        Form::Translated("written from `--metadata-file`"),
    ),
    row(
        BuildOption::Network,
        "--network",
        both("--network"),
        Form::Translated("`--opt force-network-mode=…`, for `host` with `--allow network.host`"),
    ),
    row(
        BuildOption::AddHost,
        "--add-host",
        both("--add-host"),
        Form::Translated("`--opt add-hosts=HOST=ADDRESS,…`"),
    ),
    row(
        BuildOption::Builder,
        "--builder",
        (Form::Flag("--builder"), Form::Cannot),
        Form::Cannot,
    ),
    row(
        BuildOption::Sbom,
        "--sbom",
        both("--sbom"),
        Form::Translated("`--opt attest:sbom=…`"),
    ),
    row(
        BuildOption::Provenance,
        "--provenance",
        both("--provenance"),
        Form::Translated("`--opt attest:provenance=…`"),
    ),
];

impl BuildOption {
    /// All of them, in the order in which command lines have them.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    /// What the command line calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().map_or("", |row| row.1)
    }

    /// What an engine of the table makes of it; engines that it does not know can do nothing.
    #[must_use]
    pub fn form(self, engine: &str) -> Form {
        let column = ENGINES.iter().position(|known| *known == engine);
        let form = column.and_then(|column| self.row()?.2.get(column).copied());
        form.unwrap_or(Form::Cannot)
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.0 == self)
    }
}

/// The table as docs/cli.md has it.
#[must_use]
pub fn table() -> String {
    let mut text = format!("| | {} |\n|---|---|---|---|\n", ENGINES.join(" | "));
    for Row(_, name, forms) in &TABLE {
        let cells = forms.map(|form| match form {
            Form::Flag(flag) => format!("`{flag} …`"),
            Form::Switch(flag) => format!("`{flag}`"),
            Form::Frontend(option) => format!("`--opt {option}=…`"),
            Form::Entry(prefix) => format!("`--opt {prefix}:…`"),
            Form::Translated(words) => words.to_owned(),
            Form::Cannot => "cannot".to_owned(),
        });
        text.push_str(&format!("| `{name}` | {} |\n", cells.join(" | ")));
    }
    text
}
