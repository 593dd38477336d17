//! Runs an engine's program: its progress is passed on and read, and an interrupt ends it and its children.

use std::io::{IsTerminal as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::engine::command_line::CommandLine;
use crate::engine::interface::BuildError;
use crate::engine::log::{Step, failed_stage, steps};
use crate::engine::transient::reason;
use crate::text::{Diagnostic, ProblemKind};

/// How long an engine's program may take to end after an interrupt.
const PATIENCE: Duration = Duration::from_secs(10);
/// The exit code of a process that was interrupted, as shells have it.
const INTERRUPTED: i32 = 130;
/// How often it is looked at.
const INTERVAL: Duration = Duration::from_millis(5);

/// A run that went well.
pub(super) struct Ran {
    /// The steps in its progress; `None` if that went to the terminal unread.
    pub(super) steps: Option<Vec<Step>>,
}

/// Lets an interrupt end this process with the code that docs/cli.md has for it, also while no engine runs.
pub(crate) fn end_when_interrupted() {
    // Where no handler can be set, signals do what they always do.
    if let Ok(interrupts) = Interrupts::watch() {
        interrupts.rest();
    }
}

/// Where the output of a program goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Output {
    /// Whether progress goes straight to the terminal, for programs that draw.
    pub(super) draws: bool,
    /// What its standard output is.
    pub(super) stdout: Stdout,
}

/// What a program writes to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stdout {
    /// The result, which is passed on as it is.
    Result,
    /// Progress, like its error output.
    Progress,
    /// Nothing that anybody needs.
    Nothing,
}

impl Output {
    /// What a progress mode needs.
    pub(super) fn of(progress: Option<&str>, is_result: bool) -> Self {
        let draws = match progress {
            Some("tty") => true,
            Some("auto") | None => std::io::stderr().is_terminal(),
            Some(_) => false,
        };
        let stdout = if is_result { Stdout::Result } else { Stdout::Nothing };
        Self { draws, stdout }
    }
}

/// Runs a build, and once more if it failed for a reason that is known to pass. `remembered` has the engine's own log of
/// the last build, where its progress was drawn.
pub(super) fn build(
    line: &CommandLine,
    output: Output,
    remembered: impl Fn() -> Option<String>,
) -> Result<Ran, BuildError> {
    let first = match once(line, output) {
        Err(BuildError::Failed {
            may_pass: None,
            message,
            stage: None,
        }) if output.draws => {
            let log = remembered().unwrap_or_default();
            Err(BuildError::Failed {
                may_pass: reason(&log),
                message,
                stage: failed_stage(&log),
            })
        }
        first => first,
    };
    match first {
        Err(BuildError::Failed {
            may_pass: Some(reason), ..
        }) => {
            say(&format!("imagespec: {reason}: building once more\n"));
            once(line, output)
        }
        other => other,
    }
}

/// Runs a program once.
pub(super) fn once(line: &CommandLine, output: Output) -> Result<Ran, BuildError> {
    let interrupts = Interrupts::watch()?;
    let mut command = line.command();
    command.stdin(Stdio::null()).stdout(match output.stdout {
        Stdout::Result => Stdio::inherit(),
        Stdout::Nothing | Stdout::Progress => Stdio::null(),
    });
    let mut reader = None;
    if !output.draws {
        let (from, to) = std::io::pipe().map_err(|error| not_started(line, &error))?;
        if output.stdout == Stdout::Progress {
            // One pipe for both, so that what is said stays in its order.
            command.stdout(to.try_clone().map_err(|error| not_started(line, &error))?);
        }
        // A program that draws has to stay in the terminal's group, which is interrupted as a whole.
        command.stderr(to).process_group(0);
        reader = Some(from);
    }
    let mut child = command.spawn().map_err(|error| not_started(line, &error))?;
    // It holds the other end of the pipe, which has to be closed here for the reader to see the end.
    drop(command);
    let reader = reader.map(|from| thread::spawn(move || pass_on(from)));
    let waited = wait(&mut child, interrupts, output.draws);
    interrupts.rest();
    let (status, was_interrupted) = waited?;
    let log = reader.map(|reader| reader.join().unwrap_or_default());
    if was_interrupted {
        return Err(BuildError::Interrupted);
    }
    match (status, log) {
        (true, log) => Ok(Ran {
            steps: log.map(|log| steps(&log)),
        }),
        (false, log) => Err(BuildError::Failed {
            message: log.as_deref().and_then(last_words),
            stage: log.as_deref().and_then(failed_stage),
            may_pass: reason(&log.unwrap_or_default()),
        }),
    }
}

/// What signals that end a process do to this one: while an engine's program runs, they only leave a mark.
struct Interrupts {
    /// Whether one came.
    came: Arc<AtomicBool>,
    /// Whether no program runs: then they do what they do to any process.
    is_idle: Arc<AtomicBool>,
}

impl Interrupts {
    /// Those of the process, which are the same for all runs.
    fn watch() -> Result<&'static Self, Diagnostic> {
        static ALL: OnceLock<Interrupts> = OnceLock::new();
        if let Some(all) = ALL.get() {
            all.is_idle.store(false, Ordering::Relaxed);
            return Ok(all);
        }
        let all = Self {
            came: Arc::new(AtomicBool::new(false)),
            is_idle: Arc::new(AtomicBool::new(false)),
        };
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&all.is_idle))
                .and_then(|_| flag::register(signal, Arc::clone(&all.came)))
                .map_err(|error| Diagnostic::internal("no handler for signals").because(error))?;
        }
        Ok(ALL.get_or_init(|| all))
    }

    fn came(&self) -> bool {
        self.came.load(Ordering::Relaxed)
    }

    fn rest(&self) {
        self.is_idle.store(true, Ordering::Relaxed);
    }
}

/// Waits for the end of a program. Whether it went well, and whether it was interrupted.
fn wait(child: &mut Child, interrupts: &Interrupts, is_in_our_group: bool) -> Result<(bool, bool), Diagnostic> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let send = |signal| match pid {
        Some(pid) if is_in_our_group => drop(kill_process(pid, signal)),
        Some(pid) => drop(kill_process_group(pid, signal)),
        None => {}
    };
    let mut since: Option<Instant> = None;
    loop {
        let status = child.try_wait().map_err(|error| {
            Diagnostic::error("program", "the engine's program cannot be waited for")
                .kind(ProblemKind::Other)
                .because(error)
        })?;
        if let Some(status) = status {
            if since.is_some() && !is_in_our_group {
                // What it left behind.
                send(Signal::KILL);
            }
            return Ok((status.success(), interrupts.came()));
        }
        match since {
            None if interrupts.came() => {
                send(Signal::INT);
                since = Some(Instant::now());
            }
            Some(begun) if begun.elapsed() > PATIENCE => send(Signal::KILL),
            _ => {}
        }
        thread::sleep(INTERVAL);
    }
}

/// What a client says at its end of a build that failed, without what it says of each.
fn last_words(log: &str) -> Option<String> {
    let mut lines = log.lines().rev();
    let words = lines.find_map(|line| {
        ["ERROR: ", "error: ", "Error: "]
            .iter()
            .find_map(|word| line.strip_prefix(word))
    })?;
    let words = words
        .trim_start_matches("failed to build: ")
        .trim_start_matches("failed to solve: ");
    Some(words.to_owned())
}

/// Passes on what a program says, and keeps it.
fn pass_on(mut from: impl std::io::Read) -> String {
    let mut kept = Vec::new();
    let mut piece = [0; 8192];
    while let Ok(count @ 1..) = from.by_ref().read(&mut piece) {
        let read = piece.get(..count).unwrap_or_default();
        // A reader that went away must not stop the build.
        drop(std::io::stderr().write_all(read));
        kept.extend_from_slice(read);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

pub(super) fn say(text: &str) {
    drop(std::io::stderr().write_all(text.as_bytes()));
}

fn not_started(line: &CommandLine, error: &std::io::Error) -> Diagnostic {
    let message = format!("cannot start `{}`: {error}", line.program);
    Diagnostic::error("engine", message).kind(ProblemKind::Engine)
}
