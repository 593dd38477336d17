//! Computes the digests that jobs ask for: which files count, in which order, by which hash.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::Path;

use base16ct::lower::encode_string as hex;
use fast_md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::files::gitignore::GitIgnore;
use crate::files::glob::{Patterns, literal_pattern};
use crate::files::job::{Answer, Choice, Chosen, ContentOf, Copying, Doubt, Fault, Job, Outcome, Problem, Request};
use crate::files::left_out::{Git, LeftOut, Rules, base_name, is_never_copied};
use crate::files::repository::Repository;
use crate::files::selection::{Copied, shortest};
use crate::files::snapshot::{Counted, snapshot};
use crate::files::stream::{Piece, ReadError, open, read_in_order};
use crate::files::tree::{Context, ListedFile, Listing, Notes, TreeEntry};
use crate::python::locked;
use crate::text::relative_to;

/// The names, relative to a directory, that `git ls-files -io --exclude-standard` prints there; `None` when
/// git cannot be asked.
pub type AskGit<'a> = dyn Fn(&Path) -> Option<BTreeSet<String>> + 'a;

/// The most missing targets of links that are reported.
const MAX_MISSING: usize = 1000;
/// The part of an ignore file that is read, in bytes.
const MAX_IGNORE: u64 = 1024 * 1024;
/// The largest requirements file, in bytes.
pub(crate) const MAX_REQUIREMENTS: usize = 32 * 1024 * 1024;

/// Computes the digests of a request over the files of a context.
pub fn compute(request: &Request, context: &Context, git: &AskGit<'_>) -> Answer {
    let computer = Computer { context, git };
    let mut missing = BTreeSet::new();
    let outcome = |job: &Job| {
        let mut notes = Notes::default();
        let digest = computer.digest(job, &mut notes);
        missing.append(&mut notes.missing);
        let doubts = if matches!(job, Job::Content { .. }) {
            // Our own digest need not agree with flytekit's.
            Vec::new()
        } else {
            notes.into_doubts()
        };
        Outcome { digest, doubts }
    };
    let outcomes = request.jobs.iter().map(outcome).collect();
    let choose = |copying: &Copying| {
        let mut notes = Notes::default();
        let chosen = computer.chosen(copying, &mut notes);
        missing.append(&mut notes.missing);
        chosen
    };
    let chosen = request.copies.iter().map(choose).collect();
    Answer {
        outcomes,
        chosen,
        missing: missing.into_iter().take(MAX_MISSING).collect(),
    }
}

struct Computer<'a> {
    context: &'a Context,
    git: &'a AskGit<'a>,
}

impl Computer<'_> {
    fn digest(&self, job: &Job, notes: &mut Notes) -> Result<String, Problem> {
        match job {
            Job::Copy { paths } => {
                let mut hash = Md5::new();
                for path in paths {
                    let place = self.context.place(path);
                    match self.context.find(&place, notes)? {
                        TreeEntry::Directory(real) => {
                            let files = self.directory(&real, notes)?;
                            self.add(&mut hash, &files)?;
                        }
                        TreeEntry::File(real) => {
                            let name = base_name(path).to_owned();
                            self.add(&mut hash, &[ListedFile { real, name }])?;
                        }
                        TreeEntry::Special(what) => return Err(self.context.special(&place, what)),
                        TreeEntry::Nothing | TreeEntry::Socket => {}
                    }
                }
                Ok(hex(&hash.finalize()))
            }
            Job::Directory { root } => match self.context.find(&self.context.place(root), notes)? {
                TreeEntry::Directory(real) => {
                    let files = self.directory(&real, notes)?;
                    self.md5(&files)
                }
                _ => self.md5(&[]),
            },
            Job::Source { root } => self.source(root, Rules::Current, notes),
            Job::Filtered { root } => self.source(root, Rules::Old, notes),
            Job::Modules { root, files } => self.modules(root, files),
            Job::Requirements { path, strip } => self.requirements(path, *strip, notes),
            Job::Lock { path, must_have } => self.lock(path, must_have.as_deref(), notes),
            Job::Content {
                path,
                exclude,
                keeps_root,
                keeps_modes,
                of,
            } => {
                let mut exclude = exclude.clone();
                if let ContentOf::Source { is_prefixed } = of {
                    let choice = self.source_choice(path, Rules::of_copies(*is_prefixed), notes)?;
                    exclude.extend(choice.without.iter().map(|path| literal_pattern(path)));
                }
                let how = Counted {
                    root: *keeps_root,
                    modes: *keeps_modes,
                    targets: *of != ContentOf::Project,
                };
                snapshot(self.context, path, &exclude, how, notes)
            }
        }
    }

    /// A directory in the order of Python's `os.walk`.
    fn directory(&self, real: &Path, notes: &mut Notes) -> Result<Vec<ListedFile>, Problem> {
        self.context.walk(
            real,
            |_| true,
            notes,
            |directory, listing, notes| {
                if listing.directories.len() > 1 {
                    let path = self.context.relative(directory);
                    notes.doubt(Doubt::Order { path });
                }
            },
        )
    }

    /// What of a spec's copies does not go into its image as it is.
    fn chosen(&self, copying: &Copying, notes: &mut Notes) -> Result<Chosen, Problem> {
        let mut chosen = Chosen::default();
        let find = |path: &str, notes: &mut Notes| {
            Ok(match self.context.find(&self.context.place(path), notes)? {
                TreeEntry::Directory(real) | TreeEntry::File(real) => Some(real),
                _ => None,
            })
        };
        let context = self.context;
        let mut copied = Vec::new();
        for entry in &copying.copy {
            let mut choice = Choice::default();
            if let Some(real) = find(&entry.path, notes)? {
                let copy = Copied::of_entry(context, real, entry)?;
                copy.choose(copying, &mut choice, notes)?;
                copied.push(copy);
            }
            chosen.copy.push(choice);
        }
        let Some(source) = &copying.source else {
            return Ok(chosen);
        };
        chosen.source = self.source_choice(source, Rules::of_copies(copying.is_prefixed), notes)?;
        if let Some(real) = find(source, notes)? {
            for copy in copied {
                copy.replace(&real, &copying.target, &mut chosen.source);
            }
            Copied::of_source(context, real, copying).choose(copying, &mut chosen.source, notes)?;
        }
        Ok(chosen)
    }

    /// What a source tree leaves out.
    fn source_choice(&self, root: &str, rules: Rules, notes: &mut Notes) -> Result<Choice, Problem> {
        let source = self.source_files(root, rules, notes)?;
        let files = source.files.iter().filter(|(file, _)| !is_never_copied(&file.name));
        let files = files.map(|(file, is_out)| (file.name.as_str(), *is_out));
        let links = source.links.iter().map(|(link, is_out)| (link.as_str(), *is_out));
        let mut choice = Choice {
            without: shortest(files.chain(links)),
            ..Choice::default()
        };
        source.repositories.iter().for_each(|git| choice.leave_out(git));
        Ok(choice)
    }

    /// flytekit's `ls_files` or, for 1.13, its walk.
    fn source(&self, root: &str, rules: Rules, notes: &mut Notes) -> Result<String, Problem> {
        let source = self.source_files(root, rules, notes)?;
        let kept = source.files.into_iter().filter(|(_, is_out)| !is_out);
        self.md5(&kept.map(|(file, _)| file).collect::<Vec<_>>())
    }

    /// All files of a source tree, and whether each is left out.
    fn source_files(&self, root: &str, rules: Rules, notes: &mut Notes) -> Result<SourceFiles, Problem> {
        let place = self.context.place(root);
        let real = match self.context.find(&place, notes)? {
            TreeEntry::Directory(real) => real,
            TreeEntry::Nothing => {
                return Err(Fault::Missing.at(root));
            }
            _ => {
                return Err(Fault::NotADirectory.at(root));
            }
        };
        let mut repositories = Vec::new();
        let mut links: Vec<String> = Vec::new();
        let mut seen = Notes::default();
        let mut files = if rules == Rules::Old {
            self.directory(&real, &mut seen)?
        } else {
            let note = |directory: &Path, listing: &Listing, _: &mut Notes| {
                let Ok(inside) = directory.strip_prefix(&real) else {
                    return;
                };
                let path = |name: &OsString| inside.join(name).to_string_lossy().into_owned();
                if listing.directories.iter().any(|name| name == ".git") {
                    repositories.push(path(&".git".into()));
                }
                let others = listing.files.iter().filter(|(_, is_regular)| !is_regular);
                links.extend(others.map(|(name, _)| name).chain(&listing.leads).map(path));
            };
            self.context.walk(&real, |name| name != ".git", &mut seen, note)?
        };
        let git = self.git_rules(&real, &files, notes);
        if rules != Rules::Old {
            files.sort_by(|a, b| a.name.cmp(&b.name));
        }
        let out = LeftOut {
            context: self.context.root(),
            source: &real,
            prefix: rules.prefix(root),
            rules,
            git,
            patterns: self.docker_ignore(&real, notes)?,
            repositories: &repositories,
        };
        let mut all: Vec<(ListedFile, bool)> = Vec::with_capacity(files.len());
        for file in files {
            let is_out = out.has(&file.name);
            all.push((file, is_out));
        }
        // What has no content here is copied or left out all the same.
        let files: BTreeSet<&str> = all.iter().map(|(file, _)| file.name.as_str()).collect();
        links.retain(|link| !files.contains(link.as_str()));
        let links = links.into_iter().map(|link| (out.has(&link), link));
        let links: Vec<(String, bool)> = links.map(|(is_out, link)| (link, is_out)).collect();
        // What is left out anyway is no reason for doubts.
        let at = self.context.relative(&real);
        let names = seen.doubtful().filter_map(|path| relative_to(path, &at));
        let left_out: BTreeSet<String> = names.filter(|name| out.has(name)).map(str::to_owned).collect();
        notes.absorb(seen, |path| {
            relative_to(path, &at).is_none_or(|name| !left_out.contains(name))
        });
        let unknown = all.iter().filter(|(file, _)| out.would_have(&file.name));
        let mut unknown = unknown.map(|(file, _)| file.name.clone()).peekable();
        if let Some(path) = unknown.peek().cloned() {
            let count = unknown.count();
            notes.doubt(Doubt::GitIgnore { path, count });
        }
        Ok(SourceFiles {
            files: all,
            links,
            repositories,
        })
    }

    /// What git ignores in a directory.
    fn git_rules(&self, real: &Path, files: &[ListedFile], notes: &mut Notes) -> Git {
        if let Some(listed) = (self.git)(real) {
            return Git::Asked(listed);
        }
        let mut rules = GitIgnore::default();
        let repository = Repository::find(self.context, real, &mut rules, notes);
        let below = files.iter().filter(|file| base_name(&file.name) == ".gitignore");
        for file in below.filter(|file| file.name != ".gitignore") {
            let path = real.join(&file.name);
            if let Some(directory) = path.parent() {
                rules.add_file(directory, &path);
            }
        }
        match repository {
            Some(repository) => Git::Read(repository, rules),
            None => Git::Unknown(rules),
        }
    }

    /// The rules of `.dockerignore` in the source's own directory.
    fn docker_ignore(&self, root: &Path, notes: &mut Notes) -> Result<Patterns, Problem> {
        let path = root.join(".dockerignore");
        // Where it is not copied, it is among git's files.
        let aside = path.strip_prefix(self.context.root()).ok();
        let real = match (
            self.context.find(&path, notes)?,
            aside.and_then(|path| self.context.git_file(path)),
        ) {
            (TreeEntry::File(real), _) | (_, Some(real)) => real,
            _ => return Patterns::docker_py("").map_err(|error| self.not_text(&path, &error.to_string())),
        };
        let mut bytes = Vec::new();
        open(&real)
            .and_then(|file| file.take(MAX_IGNORE).read_to_end(&mut bytes))
            .map_err(|error| self.context.unreadable(&path, &error))?;
        let text = String::from_utf8(bytes).map_err(|_| self.not_text(&path, "it is not UTF-8 text"))?;
        Patterns::docker_py(&text).map_err(|error| self.not_text(&path, &error.to_string()))
    }

    fn not_text(&self, path: &Path, reason: &str) -> Problem {
        Fault::Unreadable(reason.to_owned()).at(self.context.relative(path))
    }

    fn modules(&self, root: &str, files: &[String]) -> Result<String, Problem> {
        // flytekit compares text: nothing is below a relative root, or below one with a slash at its end.
        let below = |file: &&String| {
            let rest = file.strip_prefix(root).filter(|_| root.starts_with('/'));
            rest.is_some_and(|rest| rest.starts_with('/') && rest.len() > 1)
        };
        let mut files: Vec<ListedFile> = files
            .iter()
            .filter(below)
            .map(|file| ListedFile {
                real: self.context.place(file),
                name: file.get(root.len() + 1..).unwrap_or("").to_owned(),
            })
            .collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        self.md5(&files)
    }

    fn md5(&self, files: &[ListedFile]) -> Result<String, Problem> {
        let mut hash = Md5::new();
        self.add(&mut hash, files)?;
        Ok(hex(&hash.finalize()))
    }

    /// One MD5 over all: the content of each file, then its name without separators.
    fn add(&self, hash: &mut Md5, files: &[ListedFile]) -> Result<(), Problem> {
        let paths: Vec<&Path> = files.iter().map(|file| file.real.as_path()).collect();
        read_in_order(&paths, |piece| match piece {
            Piece::Data(data) => hash.update(data),
            Piece::End(position) => {
                let name = files.get(position).map_or("", |file| file.name.as_str());
                name.split('/').for_each(|part| hash.update(part.as_bytes()));
            }
        })
        .map_err(|failed| self.read_error(&paths, &failed))
    }

    fn read_error(&self, paths: &[&Path], failed: &ReadError) -> Problem {
        let path = paths.get(failed.position).copied().unwrap_or(Path::new(""));
        self.context.unreadable(path, &failed.error)
    }

    fn requirements(&self, path: &str, strip: bool, notes: &mut Notes) -> Result<String, Problem> {
        let bytes = self.read_requirements(path, notes)?;
        let bytes: &[u8] = if strip { stripped(&bytes) } else { &bytes };
        Ok(hex(&Sha1::digest(bytes)))
    }

    fn lock(&self, path: &str, must_have: Option<&str>, notes: &mut Notes) -> Result<String, Problem> {
        let text = String::from_utf8(self.read_requirements(path, notes)?)
            .map_err(|_| self.not_text(&self.context.place(path), "it is not UTF-8 text"))?;
        let lines = locked(path, &text, must_have).map_err(|reason| Fault::NotLocked(reason).at(path))?;
        Ok(hex(&Sha256::digest(lines.join("\n"))))
    }

    fn read_requirements(&self, path: &str, notes: &mut Notes) -> Result<Vec<u8>, Problem> {
        let place = self.context.place(path);
        let real = match self.context.find(&place, notes)? {
            TreeEntry::File(real) => real,
            TreeEntry::Directory(_) => return Err(Fault::NotAFile.at(path)),
            TreeEntry::Special(what) => return Err(self.context.special(&place, what)),
            TreeEntry::Nothing | TreeEntry::Socket => return Err(Fault::Missing.at(path)),
        };
        let error = |error| self.context.unreadable(&place, &error);
        let mut bytes = Vec::new();
        open(&real)
            .and_then(|file| file.take(MAX_REQUIREMENTS as u64 + 1).read_to_end(&mut bytes))
            .map_err(error)?;
        if bytes.len() > MAX_REQUIREMENTS {
            return Err(self.not_text(&place, &format!("it has more than {MAX_REQUIREMENTS} bytes")));
        }
        Ok(bytes)
    }
}

/// The files of a source tree.
struct SourceFiles {
    /// Each with whether it is left out.
    files: Vec<(ListedFile, bool)>,
    /// The same for links that lead to no file.
    links: Vec<(String, bool)>,
    /// Git's own directories in it.
    repositories: Vec<String>,
}

/// The bytes without white space around them, as Python's `bytes.strip` defines it.
fn stripped(bytes: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
    let start = bytes.iter().position(|byte| !is_space(byte)).unwrap_or(bytes.len());
    let end = bytes
        .iter()
        .rposition(|byte| !is_space(byte))
        .map_or(start, |last| last + 1);
    bytes.get(start..end).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn outcome(root: &Path, job: Job) -> Outcome {
        let request = Request {
            jobs: vec![job],
            copies: Vec::new(),
        };
        let answer = compute(&request, &Context::new(root, Patterns::default()), &|_| None);
        answer.outcomes.into_iter().next().unwrap()
    }

    #[test]
    fn a_file_that_goes_away_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_str().unwrap().to_owned();
        let names: Vec<String> = (0..1000).map(|number| format!("{root}/f{number:03}")).collect();
        for name in &names {
            fs::write(name, "x").unwrap();
        }
        let job = || Job::Modules {
            root: root.clone(),
            files: names.clone(),
        };
        assert!(outcome(directory.path(), job()).digest.is_ok());
        // Between the list and the reading, as far as the digest is concerned.
        fs::remove_file(format!("{root}/f777")).unwrap();
        fs::remove_file(format!("{root}/f888")).unwrap();
        assert_eq!(outcome(directory.path(), job()).digest, Err(Fault::Vanished.at("f777")));
    }

    #[test]
    fn what_links_lead_to_is_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir(root.join("d")).unwrap();
        std::os::unix::fs::symlink("../other/file", root.join("d/l")).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", root.join("d/out")).unwrap();
        let request = Request {
            jobs: vec![Job::Copy {
                paths: vec!["d".into()],
            }],
            copies: Vec::new(),
        };
        let answer = compute(&request, &Context::new(root, Patterns::default()), &|_| None);
        assert_eq!(answer.missing, ["other/file"]);
        let path = "d/out".to_owned();
        assert_eq!(answer.outcomes[0].doubts, [Doubt::Link { path }]);
    }

    #[test]
    fn what_is_left_out_raises_no_doubt_and_is_not_copied() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for (link, to) in [
            ("venv/bin", "/usr/bin/python3"),
            ("data/big", "/mnt/big"),
            ("data/other", "/mnt/other"),
            ("kept/lib", "../lib"),
        ] {
            fs::create_dir_all(root.join(link).parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(to, root.join(link)).unwrap();
        }
        fs::write(root.join(".dockerignore"), "venv\n").unwrap();
        fs::write(root.join("venv/pyvenv.cfg"), "").unwrap();
        // Beside a link to a directory, what is left out is no whole directory.
        fs::create_dir(root.join("lib")).unwrap();
        fs::write(root.join("lib/a.py"), "").unwrap();
        fs::write(root.join("kept/junk"), "").unwrap();
        let request = Request {
            jobs: vec![Job::Source { root: ".".into() }],
            copies: vec![Copying {
                source: Some(".".into()),
                owned: vec!["root/venv".into()],
                target: "root".into(),
                ..Copying::default()
            }],
        };
        let context = Context::new(root, Patterns::docker(["venv"]).unwrap());
        // git ignores one of the two links.
        let git = |_: &Path| Some(BTreeSet::from(["data/big".to_owned(), "kept/junk".to_owned()]));
        let answer = compute(&request, &context, &git);
        let path = "data/other".to_owned();
        assert_eq!(answer.outcomes[0].doubts, [Doubt::Link { path: path.clone() }]);
        let chosen = answer.chosen[0].as_ref().unwrap();
        assert_eq!(chosen.source.broken, [path]);
        assert_eq!(chosen.source.without, ["data/big", "kept/junk", "venv"]);
        assert_eq!(chosen.source.kept_out, Vec::<String>::new());
    }

    proptest::proptest! {
        #[test]
        fn the_fast_hash_is_the_well_known_one(pieces in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), 0..9)) {
            use md5::Digest as _;
            let (mut fast, mut known) = (Md5::new(), md5::Md5::new());
            for piece in &pieces {
                fast.update(piece);
                known.update(piece);
            }
            let known: [u8; 16] = known.finalize().into();
            proptest::prop_assert_eq!(fast.finalize(), known);
        }
    }
}
