//! All options of `uv pip`, `uv sync`, pip and Poetry that a spec may use, and which of them belong to what.

/// The command that an option is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// `uv pip compile`: it decides which versions are chosen.
    Resolve,
    /// `uv pip install`.
    Install,
    /// Both, and builds.
    Both,
    /// All of these, and `uv export`.
    All,
    /// It says which parts of a project are wanted.
    Part(Part),
    /// Neither: it is the default here.
    Ignored,
    /// Neither: which packages go into the image, and where, is not for options to say.
    Refused,
}

/// What an option says of the parts of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Extra,
    AllExtras,
    NoExtra,
    Group,
    AllGroups,
    NoGroup,
    OnlyGroup,
    /// `--dev`, `--no-dev`, `--only-dev`.
    Dev,
    NoDev,
    OnlyDev,
    NoDefaultGroups,
    Member,
    AllMembers,
    /// Packages that are not installed though they are needed.
    LeftOut,
    NoProject,
    Locked,
    Frozen,
}

/// The value that an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Text,
    /// Names with commas or blanks between them, as Poetry takes them.
    Names,
    /// A file of the build context, unless the path is absolute.
    File,
    /// A directory of the build context, or a URL.
    Place,
}

/// An option: its names, the first of which is the one that is passed on; what it is for; what it takes.
pub(super) type KnownOption = (&'static [&'static str], Phase, Takes);

/// The options of uv and pip.
pub(super) const OPTIONS: [KnownOption; 86] = {
    use Phase::{All, Both, Ignored, Install, Refused, Resolve};
    use Takes::{File, Nothing, Place, Text};
    [
        (&["--constraints", "--constraint", "-c"], Resolve, File),
        (&["--overrides", "--override"], Resolve, File),
        (&["--excludes", "--exclude"], Resolve, File),
        (&["--build-constraints", "--build-constraint", "-b"], Both, File),
        (&["--no-deps"], Resolve, Nothing),
        (&["--resolution"], Resolve, Text),
        (&["--prerelease"], Resolve, Text),
        (&["--prerelease-package"], Resolve, Text),
        (&["--pre"], Resolve, Nothing),
        (&["--upgrade", "-U"], Resolve, Nothing),
        (&["--upgrade-package", "-P"], Resolve, Text),
        (&["--upgrade-group"], Resolve, Text),
        (&["--no-upgrade"], Resolve, Nothing),
        (&["--fork-strategy"], Resolve, Text),
        (&["--exclude-newer"], All, Text),
        (&["--exclude-newer-package"], All, Text),
        (&["--no-sources"], All, Nothing),
        (&["--no-sources-package"], All, Text),
        (&["--no-build"], Both, Nothing),
        (&["--no-build-package"], Both, Text),
        (&["--no-binary", "--no-binary-package"], Both, Text),
        (&["--only-binary"], Both, Text),
        (&["--config-setting", "--config-settings", "-C"], All, Text),
        (&["--config-settings-package"], All, Text),
        (&["--no-build-isolation"], All, Nothing),
        (&["--no-build-isolation-package"], All, Text),
        (&["--build-isolation"], Both, Nothing),
        (&["--torch-backend"], Both, Text),
        (&["--index"], All, Text),
        (&["--default-index"], All, Text),
        (&["--index-url", "-i"], All, Text),
        (&["--extra-index-url"], All, Text),
        (&["--find-links", "-f"], All, Place),
        (&["--no-index"], All, Nothing),
        (&["--index-strategy"], All, Text),
        (&["--keyring-provider"], All, Text),
        (&["--allow-insecure-host", "--trusted-host"], All, Text),
        (&["--native-tls", "--system-certs"], All, Nothing),
        (&["--offline"], All, Nothing),
        (&["--no-cache", "-n", "--no-cache-dir"], All, Nothing),
        (&["--refresh"], All, Nothing),
        (&["--refresh-package"], All, Text),
        (&["--no-config"], All, Nothing),
        (&["--no-progress"], All, Nothing),
        (&["--color"], All, Text),
        (&["--quiet", "-q", "-qq"], Both, Nothing),
        (&["--verbose", "-v", "-vv"], All, Nothing),
        (&["--reinstall", "--force-reinstall"], Install, Nothing),
        (&["--reinstall-package"], Install, Text),
        (&["--no-verify-hashes"], Install, Nothing),
        (&["--verify-hashes"], Install, Nothing),
        // Every install does.
        (&["--require-hashes"], Ignored, Nothing),
        (&["--link-mode"], Install, Text),
        (&["--compile-bytecode", "--compile"], Install, Nothing),
        (&["--no-compile-bytecode", "--no-compile"], Install, Nothing),
        (&["--strict"], Install, Nothing),
        (&["--break-system-packages"], Install, Nothing),
        (&["--system"], Install, Nothing),
        (&["--requirements", "--requirement", "-r"], Refused, Text),
        (&["--editable", "-e"], Refused, Text),
        (&["--python", "-p"], Refused, Text),
        (&["--target", "-t", "--prefix"], Refused, Text),
        (&["--extra"], Phase::Part(Part::Extra), Text),
        (&["--all-extras"], Phase::Part(Part::AllExtras), Nothing),
        (&["--no-extra"], Phase::Part(Part::NoExtra), Text),
        (&["--group"], Phase::Part(Part::Group), Text),
        (&["--all-groups"], Phase::Part(Part::AllGroups), Nothing),
        (&["--no-group"], Phase::Part(Part::NoGroup), Text),
        (&["--only-group"], Phase::Part(Part::OnlyGroup), Text),
        (&["--dev"], Phase::Part(Part::Dev), Nothing),
        (&["--no-dev"], Phase::Part(Part::NoDev), Nothing),
        (&["--only-dev"], Phase::Part(Part::OnlyDev), Nothing),
        (&["--no-default-groups"], Phase::Part(Part::NoDefaultGroups), Nothing),
        (&["--package"], Phase::Part(Part::Member), Text),
        (&["--all-packages"], Phase::Part(Part::AllMembers), Nothing),
        (&["--no-install-workspace"], Phase::Part(Part::LeftOut), Nothing),
        (&["--no-install-local"], Phase::Part(Part::LeftOut), Nothing),
        (&["--no-install-package"], Phase::Part(Part::LeftOut), Text),
        (&["--no-install-project"], Phase::Part(Part::NoProject), Nothing),
        (&["--locked", "--check"], Phase::Part(Part::Locked), Nothing),
        (&["--frozen"], Phase::Part(Part::Frozen), Nothing),
        // Nothing is editable, and an environment is made anew.
        (&["--no-editable"], Ignored, Nothing),
        (&["--no-editable-package"], Ignored, Text),
        (&["--exact"], Ignored, Nothing),
        (&["--inexact"], Ignored, Nothing),
        (&["--active"], Ignored, Nothing),
    ]
};

/// The options of `poetry install`, which mean something beside a poetry.lock only. They go before uv's.
pub(super) const POETRY_OPTIONS: [KnownOption; 9] = {
    use Takes::{Names, Nothing};
    [
        (&["--extras", "-E"], Phase::Part(Part::Extra), Names),
        (&["--with"], Phase::Part(Part::Group), Names),
        (&["--without"], Phase::Part(Part::NoGroup), Names),
        (&["--only"], Phase::Part(Part::OnlyGroup), Names),
        (&["--no-root"], Phase::Part(Part::NoProject), Nothing),
        (&["--sync"], Phase::Ignored, Nothing),
        (&["--no-interaction", "-n"], Phase::Ignored, Nothing),
        (&["--no-ansi", "--ansi"], Phase::Ignored, Nothing),
        (&["--no-plugins"], Phase::Ignored, Nothing),
    ]
};
