//! [`World`]: the messages between the ranks of an MPI job.

use std::fmt;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use ferrompi::{Communicator as Comm, Error, Mpi, Request, Result, Status, ThreadLevel, scope};
use nn::{CommunicationError, Communicator};
use runs::failure::Code;

/// The tag of all messages. Two ranks never exchange two kinds of messages at once.
const TAG: i32 = 0;

/// The longest piece of a message: MPI counts in 32 bits.
const PIECE: usize = 1 << 30;

/// A rank that waits for a short message, such as the decision of rank 0 whether to continue, soon
/// sleeps between polls, so ranks that wait while rank 0 evaluates take no processor time from it.
/// For long messages it does not sleep: they arrive in parts, for each of which MPI must be called.
/// While other threads compute, it sleeps between all polls.
const SHORT: usize = 4096;
const PATIENCE: Duration = Duration::from_millis(20);
/// If a yield takes this long, there are more processes than processors. Then the rank sleeps too:
/// the scheduler resumes a process that has slept sooner than one that has used up its time slice
/// by polling.
const CROWDED: Duration = Duration::from_micros(50);
const PAUSE: Duration = Duration::from_micros(50);

/// MPI cannot cancel a send that has started. If the message from the other rank is lost, that rank
/// may never receive the one that is sent to it; after this time, the sender ends the job.
const LOST: Duration = Duration::from_secs(5);
/// The exit code of a lost connection.
const NETWORK: i32 = Code::Network as i32;

/// All ranks of this MPI job.
pub struct World {
    comm: Comm,
}

impl World {
    /// Starts MPI, which ends when the first value is dropped.
    ///
    /// # Errors
    /// When MPI cannot be started, or does not let different threads send messages.
    pub fn start() -> std::result::Result<(Mpi, Self), String> {
        // The main thread sends the messages before and after a run, a thread of the pool those of
        // its steps, and another one those that are exchanged during a backward pass: never two at
        // the same time.
        let mpi = Mpi::init_thread(ThreadLevel::Serialized).map_err(|error| error.to_string())?;
        if mpi.thread_level() < ThreadLevel::Serialized {
            let level = mpi.thread_level();
            return Err(format!("this MPI library was built without support for threads (level {level:?})"));
        }
        let comm = mpi.world();
        Ok((mpi, Self { comm }))
    }

    /// The name of this machine.
    pub fn machine(&self) -> String {
        self.comm.processor_name().unwrap_or_else(|_| "an unknown machine".into())
    }
}

/// What else this process does while a message is on its way.
#[derive(Clone, Copy, PartialEq)]
enum Meanwhile {
    Nothing,
    /// Other threads need the processors.
    Computes,
}

/// Waits until `request` is done; its message has at most `length` bytes.
fn finish(mut request: Request<'_>, length: usize, meanwhile: Meanwhile) -> Result<Status> {
    let began = Instant::now();
    let mut sleeps = meanwhile == Meanwhile::Computes;
    loop {
        if let Some(status) = request.test()? {
            return Ok(status);
        }
        if sleeps || length <= SHORT && began.elapsed() > PATIENCE {
            thread::sleep(PAUSE);
        } else {
            let looked = Instant::now();
            thread::yield_now();
            sleeps = looked.elapsed() > CROWDED;
        }
    }
}

fn pieces(length: usize) -> impl Iterator<Item = Range<usize>> {
    // An empty message is a message, too.
    let count = length.div_ceil(PIECE).max(1);
    (0..count).map(move |piece| piece * PIECE..length.min((piece + 1) * PIECE))
}

/// Why a message could not be sent or received.
enum Problem {
    Mpi(Error),
    /// The message had a different length, in bytes.
    Length {
        expected: usize,
        found: Option<usize>,
    },
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Mpi(error)
    }
}

impl Problem {
    fn with(&self, peer: usize) -> CommunicationError {
        let why = match self {
            Self::Mpi(error) => error.to_string(),
            Self::Length { expected, found } => {
                let found = found.map_or_else(|| "an unknown number".to_owned(), |found| found.to_string());
                format!("expected a message of {expected} bytes, but received {found}")
            }
        };
        CommunicationError { peer, why }
    }
}

/// Checks that a whole message of `expected` bytes has arrived.
fn whole(status: &Status, expected: usize) -> std::result::Result<(), Problem> {
    let found = status.count;
    if found == Some(expected) { Ok(()) } else { Err(Problem::Length { expected, found }) }
}

/// The rank as MPI counts it.
fn number(rank: usize) -> i32 {
    i32::try_from(rank).expect("MPI counts ranks in 32 bits")
}

impl World {
    fn exchange_while(
        &self,
        meanwhile: Meanwhile,
        peer: usize,
        bytes: &[u8],
        received: &mut [u8],
    ) -> std::result::Result<(), CommunicationError> {
        // Both ranks count the pieces of the longer message.
        let longest = bytes.len().max(received.len());
        let within = |piece: &Range<usize>, length: usize| piece.start.min(length)..piece.end.min(length);
        let exchange = |piece: Range<usize>| {
            let (departs, arrives) = (within(&piece, bytes.len()), within(&piece, received.len()));
            let (departs, arrives) = (&bytes[departs], &mut received[arrives]);
            let length = arrives.len();
            scope(|s| {
                let arrival = self.comm.irecv(s, arrives, number(peer), TAG)?;
                let departure = self.comm.isend(s, departs, number(peer), TAG)?;
                let arrived = finish(arrival, length, meanwhile).map_err(Problem::from);
                let arrived = arrived.and_then(|status| whole(&status, length));
                match &arrived {
                    Ok(()) => finish(departure, departs.len(), meanwhile).map(drop)?,
                    Err(problem) => self.finish_or_abort(departure, peer, problem),
                }
                Ok(arrived)
            })?
        };
        pieces(longest).try_for_each(exchange).map_err(|problem: Problem| problem.with(peer))
    }

    /// Waits until a message to the rank `peer` is sent, after the message from `peer` was lost.
    fn finish_or_abort(&self, mut departure: Request<'_>, peer: usize, problem: &Problem) {
        let began = Instant::now();
        while let Ok(None) = departure.test() {
            if began.elapsed() > LOST {
                let error = problem.with(peer);
                eprintln!(
                    "error: the ranks have lost their connection\n  where: rank {}\n  why:   {error}",
                    self.rank()
                );
                self.comm.abort(NETWORK);
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Communicator for World {
    fn rank(&self) -> usize {
        self.comm.rank().unsigned_abs() as usize
    }

    fn size(&self) -> usize {
        self.comm.size().unsigned_abs() as usize
    }

    fn send(&self, to: usize, bytes: &[u8]) -> std::result::Result<(), CommunicationError> {
        let send = |piece: &[u8]| {
            let sent = scope(|s| finish(self.comm.isend(s, piece, number(to), TAG)?, piece.len(), Meanwhile::Nothing));
            sent.map(drop)
        };
        let sent = pieces(bytes.len()).try_for_each(|piece| send(&bytes[piece]));
        sent.map_err(|error| Problem::Mpi(error).with(to))
    }

    fn receive(&self, from: usize, bytes: &mut [u8]) -> std::result::Result<(), CommunicationError> {
        let receive = |piece: &mut [u8]| {
            let length = piece.len();
            let status = scope(|s| finish(self.comm.irecv(s, piece, number(from), TAG)?, length, Meanwhile::Nothing))?;
            whole(&status, length)
        };
        let received = pieces(bytes.len()).try_for_each(|piece| receive(&mut bytes[piece]));
        received.map_err(|problem: Problem| problem.with(from))
    }

    fn exchange(&self, peer: usize, bytes: &[u8], received: &mut [u8]) -> std::result::Result<(), CommunicationError> {
        self.exchange_while(Meanwhile::Nothing, peer, bytes, received)
    }

    fn exchange_in_background(
        &self,
        peer: usize,
        bytes: &[u8],
        received: &mut [u8],
    ) -> std::result::Result<(), CommunicationError> {
        self.exchange_while(Meanwhile::Computes, peer, bytes, received)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rank {} of {}", self.rank(), self.size())
    }
}
