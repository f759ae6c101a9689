//! [`on_ranks`]: ranks that are threads of one process, for tests of data-parallel training.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use crate::{CommunicationError, Communicator};

/// A rank of [`on_ranks`]. When one is dropped, the others get an error instead of waiting for it.
#[derive(Debug)]
pub struct InProcess {
    rank: usize,
    /// To each rank.
    to: Vec<Sender<Vec<u8>>>,
    /// From each rank.
    from: Vec<Mutex<Receiver<Vec<u8>>>>,
}

/// `size` ranks that exchange messages through channels.
pub(crate) fn in_process(size: usize) -> Vec<InProcess> {
    let mut ranks: Vec<InProcess> =
        (0..size).map(|rank| InProcess { rank, to: Vec::new(), from: Vec::new() }).collect();
    for from in 0..size {
        for to in 0..size {
            let (sender, receiver) = channel();
            ranks[from].to.push(sender);
            ranks[to].from.push(Mutex::new(receiver));
        }
    }
    ranks
}

impl Communicator for InProcess {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn send(&self, to: usize, bytes: &[u8]) -> Result<(), CommunicationError> {
        self.to[to].send(bytes.to_vec()).map_err(|_| gone(to))
    }

    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<(), CommunicationError> {
        let receiver = self.from[from].lock().unwrap_or_else(PoisonError::into_inner);
        let message = receiver.recv().map_err(|_| gone(from))?;
        if message.len() != bytes.len() {
            let why = format!("it sent {} bytes instead of {}", message.len(), bytes.len());
            return Err(CommunicationError { peer: from, why });
        }
        bytes.copy_from_slice(&message);
        Ok(())
    }

    fn exchange(&self, peer: usize, bytes: &[u8], received: &mut [u8]) -> Result<(), CommunicationError> {
        self.send(peer, bytes)?;
        self.receive(peer, received)
    }
}

fn gone(peer: usize) -> CommunicationError {
    CommunicationError { peer, why: "it has ended".into() }
}

/// Runs `body` on each of `size` ranks that exchange messages through channels, and returns the
/// results in the order of the ranks. Each rank is a thread of its own, not a job of rayon's pool:
/// a thread of the pool that computes for one rank could begin the job of another, and wait there
/// for the first one.
///
/// ```
/// use nn::{Communicator, on_ranks};
///
/// let received = on_ranks(2, |rank| {
///     let mut message = [0];
///     rank.exchange(1 - rank.rank(), &[rank.rank() as u8], &mut message).unwrap();
///     message[0]
/// });
/// assert_eq!(received, [1, 0]);
/// ```
///
/// # Panics
/// When `body` panics on a rank.
pub fn on_ranks<R: Send>(size: usize, body: impl Fn(InProcess) -> R + Sync) -> Vec<R> {
    let body = &body;
    std::thread::scope(|scope| {
        let threads: Vec<_> = in_process(size).into_iter().map(|rank| scope.spawn(move || body(rank))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}
