//! [`Communicator`]: messages between the ranks (processes) that train one run together.

use core::fmt;

/// Larger buckets begin later, smaller ones take more messages: a megabyte is on its way for 8 ms
/// at 1 Gbit/s.
const BUCKET: usize = if cfg!(test) { 32 } else { 1 << 20 };

/// The ranks of a data-parallel run, as one of them sees them. Messages between two ranks arrive in
/// the order in which they were sent.
///
/// The methods transport bytes and never compute: an implementation that added floating-point
/// numbers would decide the order of the additions, and with it the bits of the sum.
///
/// Several threads use it, but never two at the same time.
pub trait Communicator: fmt::Debug + Send + Sync {
    /// The number of this rank, from 0.
    fn rank(&self) -> usize;

    /// The number of ranks.
    fn size(&self) -> usize;

    /// Sends `bytes` to the rank `to`.
    ///
    /// # Errors
    /// When the other rank cannot be reached.
    fn send(&self, to: usize, bytes: &[u8]) -> Result<(), CommunicationError>;

    /// Receives a message of exactly `bytes.len()` bytes from the rank `from`.
    ///
    /// # Errors
    /// When the other rank cannot be reached.
    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<(), CommunicationError>;

    /// Sends `bytes` to the rank `peer`, and receives a message of exactly `received.len()` bytes
    /// from it. Both ranks call this at the same time without waiting for each other.
    ///
    /// # Errors
    /// When the other rank cannot be reached.
    fn exchange(&self, peer: usize, bytes: &[u8], received: &mut [u8]) -> Result<(), CommunicationError>;

    /// As [`exchange`](Self::exchange), while other threads of this process compute: the wait
    /// should take no processor time from them.
    ///
    /// # Errors
    /// When the other rank cannot be reached.
    fn exchange_in_background(&self, peer: usize, bytes: &[u8], received: &mut [u8]) -> Result<(), CommunicationError> {
        self.exchange(peer, bytes, received)
    }

    /// During a backward pass, [`Shards::mean`](crate::Shards::mean) exchanges gradients as soon as
    /// there are at least this many bytes of them. Must be the same on all ranks; it does not
    /// change the sums. By default a megabyte.
    fn bucket_bytes(&self) -> usize {
        BUCKET
    }
}

/// A message could not be sent or received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommunicationError {
    /// The rank that was to receive or to send it.
    pub peer: usize,
    /// Why: one clause.
    pub why: String,
}

impl fmt::Display for CommunicationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no message could be exchanged with rank {}: {}", self.peer, self.why)
    }
}

impl std::error::Error for CommunicationError {}
