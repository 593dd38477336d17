//! What the Dockerfiles of each engine have words for.

use std::str::FromStr;

/// The engine that a Dockerfile is for, as far as its words differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Whether it knows texts in a Dockerfile (`<<'END'`).
    pub(super) has_texts: bool,
    /// What patterns of `COPY --exclude` are relative to.
    pub(super) exclusion: Exclusion,
    /// Whether directories that mounts made are left in the image.
    pub(super) leaves_mount_points: bool,
}

/// What patterns of `COPY --exclude` are relative to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exclusion {
    /// The directory that is copied.
    OfSource,
    /// The build context.
    OfContext,
    /// There is no such flag.
    None,
}

impl Dialect {
    /// That of BuildKit, with frontend 1.19 and newer.
    pub const BUILDKIT: Self = Self {
        has_texts: true,
        exclusion: Exclusion::OfSource,
        leaves_mount_points: false,
    };
    /// What all have words for.
    pub const ANY: Self = Self {
        has_texts: false,
        exclusion: Exclusion::None,
        leaves_mount_points: true,
    };

    /// That of a version of buildah.
    fn of_buildah(version: (u32, u32)) -> Self {
        Self {
            has_texts: version >= (1, 33),
            leaves_mount_points: version < (1, 41),
            exclusion: match version {
                (1, ..38) | (0, _) => Exclusion::None,
                (1, 38..44) => Exclusion::OfContext,
                _ => Exclusion::OfSource,
            },
        }
    }
}

/// The buildah that each podman has inside, the oldest first; from 5.0 on each minor version has the next one.
const OF_PODMAN: [((u32, u32), u32); 12] = [
    ((3, 4), 23),
    ((4, 0), 24),
    ((4, 1), 26),
    ((4, 3), 28),
    ((4, 4), 29),
    ((4, 5), 30),
    ((4, 6), 31),
    ((4, 7), 32),
    ((4, 8), 33),
    ((5, 0), 35),
    ((5, 1), 36),
    ((5, 2), 37),
];

fn buildah_of(podman: (u32, u32)) -> (u32, u32) {
    if podman >= (5, 3) {
        return match podman {
            (5, minor) => (1, 35 + minor),
            _ => (1, 45),
        };
    }
    let known = OF_PODMAN.iter().rev().find(|(first, _)| podman >= *first);
    (1, known.map_or(0, |(_, minor)| *minor))
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not buildkit, podman-VERSION or buildah-VERSION, such as podman-5.4");
        if text == "buildkit" {
            return Ok(Self::BUILDKIT);
        }
        let (engine, version) = text.split_once('-').ok_or_else(wrong)?;
        let mut numbers = version.split('.').map(str::parse::<u32>);
        let major = numbers.next().and_then(Result::ok).ok_or_else(wrong)?;
        let minor = numbers.next().unwrap_or(Ok(0)).map_err(|_| wrong())?;
        match engine {
            "podman" => Ok(Self::of_buildah(buildah_of((major, minor)))),
            "buildah" => Ok(Self::of_buildah((major, minor))),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_words() {
        let check = |text: &str, has_texts: bool, exclusion: Exclusion| {
            let found: Dialect = text.parse().unwrap();
            assert_eq!((found.has_texts, found.exclusion), (has_texts, exclusion), "{text}");
        };
        check("buildkit", true, Exclusion::OfSource);
        check("podman-4.3", false, Exclusion::None);
        check("podman-4.9", true, Exclusion::None);
        check("podman-4.9.3", true, Exclusion::None);
        check("podman-5", true, Exclusion::None);
        check("podman-5.3", true, Exclusion::OfContext);
        check("podman-5.8", true, Exclusion::OfContext);
        check("podman-6", true, Exclusion::OfSource);
        check("podman-6.1", true, Exclusion::OfSource);
        check("podman-2.0", false, Exclusion::None);
        check("buildah-1.32", false, Exclusion::None);
        check("buildah-1.39", true, Exclusion::OfContext);
        check("buildah-1.44", true, Exclusion::OfSource);
        let leaves = |text: &str| text.parse::<Dialect>().unwrap().leaves_mount_points;
        assert!(leaves("podman-5.4") && !leaves("podman-5.6") && !leaves("buildkit"));
        for wrong in ["podman", "podman-x", "kaniko-1", "buildah-1.x", ""] {
            assert!(wrong.parse::<Dialect>().is_err(), "{wrong}");
        }
    }
}
