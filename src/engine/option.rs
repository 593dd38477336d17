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
const ENGINES: [&str; 6] = ["buildx", "docker", "buildctl", "nerdctl", "podman", "buildah"];

/// One line of the table.
struct Row(BuildOption, &'static str, [Form; 6]);

/// `docker build` is buildx with the default builder; podman has buildah inside.
const TABLE: [Row; 23] = [
    Row(
        BuildOption::Push,
        "--push",
        [
            Form::Switch("--push"),
            Form::Switch("--push"),
            Form::Translated("`push=true` in `--output`"),
            Form::Translated("`nerdctl push` after the build"),
            Form::Translated("`podman push`, `podman manifest push` after the build"),
            Form::Translated("`buildah push`, `buildah manifest push` after the build"),
        ],
    ),
    Row(
        BuildOption::Load,
        "--load",
        [
            Form::Switch("--load"),
            Form::Switch("--load"),
            Form::Cannot,
            Form::Translated("always"),
            Form::Translated("always: where it builds"),
            Form::Translated("always: where it builds"),
        ],
    ),
    Row(
        BuildOption::Output,
        "--output",
        [
            Form::Flag("--output"),
            Form::Flag("--output"),
            Form::Flag("--output"),
            Form::Flag("--output"),
            Form::Translated("`--output` for `local` and `tar`, `podman push oci-archive:…` for `oci`, `docker`"),
            Form::Translated("`--output` for `local` and `tar`, `buildah push oci-archive:…` for `oci`, `docker`"),
        ],
    ),
    Row(
        BuildOption::Platform,
        "--platform",
        [
            Form::Flag("--platform"),
            Form::Flag("--platform"),
            Form::Frontend("platform"),
            Form::Flag("--platform"),
            Form::Translated("`--platform …`; for several a build each, with `--manifest`"),
            Form::Translated("`--platform …`; for several a build each, with `--manifest`"),
        ],
    ),
    Row(
        BuildOption::Target,
        "--target",
        [
            Form::Flag("--target"),
            Form::Flag("--target"),
            Form::Frontend("target"),
            Form::Flag("--target"),
            Form::Cannot,
            Form::Cannot,
        ],
    ),
    Row(
        BuildOption::BuildArgument,
        "--build-arg",
        [
            Form::Flag("--build-arg"),
            Form::Flag("--build-arg"),
            Form::Entry("build-arg"),
            Form::Flag("--build-arg"),
            Form::Translated("what is in the Dockerfile, `--source-date-epoch`, proxies; others are an error"),
            Form::Translated("what is in the Dockerfile, `--source-date-epoch`, proxies; others are an error"),
        ],
    ),
    Row(
        BuildOption::BuildContext,
        "--build-context",
        [
            Form::Flag("--build-context"),
            Form::Flag("--build-context"),
            Form::Translated("`--opt context:NAME=…`, with `--local` or `--oci-layout`"),
            Form::Flag("--build-context"),
            Form::Translated("`docker-image://…` is the image in the Dockerfile"),
            Form::Translated("`docker-image://…` is the image in the Dockerfile"),
        ],
    ),
    Row(
        BuildOption::Label,
        "--label",
        [
            Form::Flag("--label"),
            Form::Flag("--label"),
            Form::Entry("label"),
            Form::Flag("--label"),
            Form::Translated("in the Dockerfile"),
            Form::Translated("in the Dockerfile"),
        ],
    ),
    Row(
        BuildOption::Secret,
        "--secret",
        [
            Form::Flag("--secret"),
            Form::Flag("--secret"),
            Form::Flag("--secret"),
            Form::Flag("--secret"),
            Form::Flag("--secret"),
            Form::Flag("--secret"),
        ],
    ),
    Row(
        BuildOption::Ssh,
        "--ssh",
        [
            Form::Flag("--ssh"),
            Form::Flag("--ssh"),
            Form::Flag("--ssh"),
            Form::Flag("--ssh"),
            Form::Flag("--ssh"),
            Form::Flag("--ssh"),
        ],
    ),
    Row(
        BuildOption::CacheFrom,
        "--cache-from",
        [
            Form::Flag("--cache-from"),
            Form::Flag("--cache-from"),
            Form::Flag("--import-cache"),
            Form::Flag("--cache-from"),
            Form::Translated("`--cache-from REPOSITORY`"),
            Form::Translated("`--cache-from REPOSITORY`"),
        ],
    ),
    Row(
        BuildOption::CacheTo,
        "--cache-to",
        [
            Form::Flag("--cache-to"),
            Form::Flag("--cache-to"),
            Form::Flag("--export-cache"),
            Form::Flag("--cache-to"),
            Form::Translated("`--cache-to REPOSITORY`"),
            Form::Translated("`--cache-to REPOSITORY`"),
        ],
    ),
    Row(
        BuildOption::NoCache,
        "--no-cache",
        [
            Form::Switch("--no-cache"),
            Form::Switch("--no-cache"),
            Form::Translated("`--opt no-cache=`"),
            Form::Switch("--no-cache"),
            Form::Switch("--no-cache"),
            Form::Switch("--no-cache"),
        ],
    ),
    Row(
        BuildOption::NoCacheFilter,
        "--no-cache-filter",
        [
            Form::Flag("--no-cache-filter"),
            Form::Flag("--no-cache-filter"),
            Form::Frontend("no-cache"),
            Form::Cannot,
            Form::Cannot,
            Form::Cannot,
        ],
    ),
    Row(
        BuildOption::Pull,
        "--pull",
        [
            Form::Switch("--pull"),
            Form::Switch("--pull"),
            Form::Translated("`--opt image-resolve-mode=pull`"),
            Form::Switch("--pull"),
            Form::Switch("--pull=always"),
            Form::Switch("--pull=always"),
        ],
    ),
    Row(
        BuildOption::Progress,
        "--progress",
        [
            Form::Flag("--progress"),
            Form::Flag("--progress"),
            Form::Flag("--progress"),
            Form::Flag("--progress"),
            Form::Translated("always plain, `--quiet` for `quiet`"),
            Form::Translated("always plain, `--quiet` for `quiet`"),
        ],
    ),
    Row(
        BuildOption::MetadataFile,
        "--metadata-file",
        [
            Form::Flag("--metadata-file"),
            Form::Flag("--metadata-file"),
            Form::Flag("--metadata-file"),
            Form::Translated("written after the build"),
            Form::Translated("written after the build"),
            Form::Translated("written after the build"),
        ],
    ),
    Row(
        BuildOption::IidFile,
        "--iidfile",
        [
            Form::Flag("--iidfile"),
            Form::Flag("--iidfile"),
            Form::Translated("written from `--metadata-file`"),
            Form::Flag("--iidfile"),
            Form::Translated("`--iidfile …`"),
            Form::Translated("`--iidfile …`"),
        ],
    ),
    Row(
        BuildOption::Network,
        "--network",
        [
            Form::Flag("--network"),
            Form::Flag("--network"),
            Form::Translated("`--opt force-network-mode=…`, for `host` with `--allow network.host`"),
            Form::Flag("--network"),
            Form::Flag("--network"),
            Form::Flag("--network"),
        ],
    ),
    Row(
        BuildOption::AddHost,
        "--add-host",
        [
            Form::Flag("--add-host"),
            Form::Flag("--add-host"),
            Form::Translated("`--opt add-hosts=HOST=ADDRESS,…`"),
            Form::Flag("--add-host"),
            Form::Flag("--add-host"),
            Form::Flag("--add-host"),
        ],
    ),
    Row(
        BuildOption::Builder,
        "--builder",
        [
            Form::Flag("--builder"),
            Form::Cannot,
            Form::Cannot,
            Form::Cannot,
            Form::Cannot,
            Form::Cannot,
        ],
    ),
    Row(
        BuildOption::Sbom,
        "--sbom",
        [
            Form::Flag("--sbom"),
            Form::Flag("--sbom"),
            Form::Translated("`--opt attest:sbom=…`"),
            Form::Flag("--sbom"),
            Form::Cannot,
            Form::Cannot,
        ],
    ),
    Row(
        BuildOption::Provenance,
        "--provenance",
        [
            Form::Flag("--provenance"),
            Form::Flag("--provenance"),
            Form::Translated("`--opt attest:provenance=…`"),
            Form::Flag("--provenance"),
            Form::Cannot,
            Form::Cannot,
        ],
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

/// The table as docs/engines.md has it.
#[must_use]
pub fn table() -> String {
    let mut text = format!("| | {} |\n|{}\n", ENGINES.join(" | "), "---|".repeat(ENGINES.len() + 1));
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
