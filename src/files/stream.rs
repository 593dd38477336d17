//! The contents of many files, read by several threads while another one hashes.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// The bytes read at once.
const CHUNK: usize = 256 * 1024;
/// The files that a thread takes at once.
const BATCH: usize = 64;
/// The most chunks of a batch that wait to be hashed.
const WAITING: usize = 4;
/// `O_NONBLOCK`: opening must not hang if the file has become a named pipe since it was listed.
const NONBLOCK: i32 = 0o4000;

/// A piece of the contents, in order.
pub(super) enum Piece<'a> {
    /// Content of the current file.
    Data(&'a [u8]),
    /// The end of the file at this position.
    End(usize),
}

/// A file that could not be read, by its position, and why.
#[derive(Debug)]
pub(super) struct ReadError {
    /// The position of the file.
    pub position: usize,
    /// The operating system's error.
    pub error: std::io::Error,
}

/// Opens a file for reading, whatever it may have become since it was listed.
pub(super) fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).custom_flags(NONBLOCK).open(path)
}

/// The number of threads that read.
#[must_use]
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(2, usize::from).clamp(2, 8)
}

struct Chunk {
    data: Vec<u8>,
    used: usize,
    /// Which files end where in the data.
    ends: Vec<(usize, usize)>,
    error: Option<ReadError>,
}

/// Reads all files and passes their contents on in order, in memory that does not depend on their sizes.
///
/// # Errors
/// The first file in order that cannot be read.
pub(super) fn read_in_order<P: AsRef<Path> + Sync>(
    files: &[P],
    mut consume: impl FnMut(Piece<'_>),
) -> Result<(), ReadError> {
    let threads = threads();
    let (order, batches) = sync_channel::<Receiver<Chunk>>(threads);
    let turn = Mutex::new((files.chunks(BATCH).enumerate(), order));
    let spare: Mutex<Vec<Vec<u8>>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let (batch, out) = {
                        let Ok(mut turn) = turn.lock() else { return };
                        let Some((number, batch)) = turn.0.next() else { return };
                        let (out, chunks) = sync_channel(WAITING);
                        if turn.1.send(chunks).is_err() {
                            return;
                        }
                        ((number * BATCH, batch), out)
                    };
                    if !read_batch(batch.0, batch.1, &spare, &out) {
                        return;
                    }
                }
            });
        }
        let mut outcome = Ok(());
        'all: for _ in 0..files.len().div_ceil(BATCH) {
            let Ok(chunks) = batches.recv() else { break };
            for mut chunk in chunks {
                let mut from = 0;
                for (end, position) in chunk.ends.drain(..) {
                    consume(Piece::Data(chunk.data.get(from..end).unwrap_or(&[])));
                    consume(Piece::End(position));
                    from = end;
                }
                if from < chunk.used {
                    consume(Piece::Data(chunk.data.get(from..chunk.used).unwrap_or(&[])));
                }
                if let Some(error) = chunk.error {
                    outcome = Err(error);
                    break 'all;
                }
                if let Ok(mut spare) = spare.lock() {
                    spare.push(chunk.data);
                }
            }
        }
        // Stops the threads that wait to pass something on.
        drop(batches);
        outcome
    })
}

/// `false` if nobody listens any more.
fn read_batch<P: AsRef<Path>>(first: usize, files: &[P], spare: &Mutex<Vec<Vec<u8>>>, out: &SyncSender<Chunk>) -> bool {
    let new = || Chunk {
        data: spare
            .lock()
            .ok()
            .and_then(|mut spare| spare.pop())
            .unwrap_or_else(|| vec![0; CHUNK]),
        used: 0,
        ends: Vec::new(),
        error: None,
    };
    let mut chunk = new();
    for (position, path) in (first..).zip(files) {
        let mut file = match open(path.as_ref()) {
            Ok(file) => file,
            Err(error) => {
                chunk.error = Some(ReadError { position, error });
                return out.send(chunk).is_ok();
            }
        };
        loop {
            if chunk.used == CHUNK && out.send(std::mem::replace(&mut chunk, new())).is_err() {
                return false;
            }
            let space = chunk.data.get_mut(chunk.used..).unwrap_or(&mut []);
            match file.read(space) {
                Ok(0) => break,
                Ok(read) => chunk.used += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    chunk.error = Some(ReadError { position, error });
                    return out.send(chunk).is_ok();
                }
            }
        }
        chunk.ends.push((chunk.used, position));
    }
    out.send(chunk).is_ok()
}

/// Applies a function to each file on several threads; results in order.
///
/// # Errors
/// The first file in order for which it fails.
pub(super) fn map_files<P: AsRef<Path> + Sync, T: Send>(
    files: &[P],
    apply: impl Fn(&Path, &mut [u8]) -> std::io::Result<T> + Sync,
) -> Result<Vec<T>, ReadError> {
    type Batch<T> = (usize, Result<Vec<T>, ReadError>);
    let next = Mutex::new(files.chunks(BATCH).enumerate());
    let done: Mutex<Vec<Batch<T>>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                let mut buffer = vec![0; CHUNK];
                loop {
                    let Some((number, batch)) = next.lock().ok().and_then(|mut next| next.next()) else {
                        return;
                    };
                    let results = (number * BATCH..)
                        .zip(batch)
                        .map(|(position, path)| {
                            apply(path.as_ref(), &mut buffer).map_err(|error| ReadError { position, error })
                        })
                        .collect();
                    if let Ok(mut done) = done.lock() {
                        done.push((number, results));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(number, _)| *number);
    let mut all = Vec::with_capacity(files.len());
    for (_, results) in done {
        all.extend(results?);
    }
    Ok(all)
}
