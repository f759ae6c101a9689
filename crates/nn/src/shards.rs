//! [`Shards`]: the parts of a batch, each of which has its own forward and backward pass.
//!
//! The result of a step depends on the number of shards, never on who computes them: one process
//! can compute them one after the other (gradient accumulation: its memory is that of one shard),
//! or the ranks of a [`Communicator`] can share them (data parallelism). For this, the gradients
//! are always added along the same binary tree. Its leaves are the shards, and pairs of neighbours
//! are added from the bottom up; a node without a right neighbour moves up unchanged:
//!
//! ```text
//! 0   1   2   3   4   5
//!  \ /     \ /     \ /
//!   +       +       +
//!    \     /        |
//!     \   /         |
//!       +           |
//!        \         /
//!         \       /
//!             +
//! ```
//!
//! The passes can also run at the same time, for layers that need numbers of all shards
//! ([`synchronised`](Shards::synchronised)).

use std::cell::Cell;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use core::fmt;

use tensor::{NonFinite, Tensor};

use crate::collectives::{broadcast_text, first_rank, gather};
use crate::lockstep;
use crate::observer;
use crate::overlap::{self, Completed};
use crate::reduction::{Sums, across, are_leaves, from_bytes, to_bytes};
use crate::{CommunicationError, Communicator, Gradients};

/// One of the shards of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its number, from 0.
    pub number: usize,
    /// The number of shards.
    pub count: usize,
}

impl Shard {
    /// The whole batch as a single shard.
    pub const WHOLE: Self = Self { number: 0, count: 1 };
}

/// The shards of a batch, and those of them that this process computes.
#[derive(Clone, Debug)]
pub struct Shards {
    count: usize,
    /// The other ranks, if several of them share the shards.
    ranks: Option<Arc<dyn Communicator>>,
    is_synchronised: bool,
}

/// The mean over shards could not be computed.
#[derive(Clone, Debug)]
pub enum StepError {
    /// A value or gradient is not finite.
    NonFinite(NonFinite),
    /// A value or gradient is not finite on one of several ranks. All ranks return this error.
    NonFiniteOnRank {
        /// The rank.
        rank: usize,
        /// What is not finite.
        what: String,
    },
    /// Another rank cannot be reached.
    Communication(CommunicationError),
    /// The operating system could not start a thread for the pass of a shard or for messages, for
    /// this reason.
    Thread(String),
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonFinite(error) => error.fmt(f),
            Self::NonFiniteOnRank { rank, what } => write!(f, "on rank {rank}: {what}"),
            Self::Communication(error) => error.fmt(f),
            Self::Thread(why) => write!(f, "no thread could be started: {why}"),
        }
    }
}

impl std::error::Error for StepError {}

impl From<NonFinite> for StepError {
    fn from(error: NonFinite) -> Self {
        Self::NonFinite(error)
    }
}

impl From<CommunicationError> for StepError {
    fn from(error: CommunicationError) -> Self {
        Self::Communication(error)
    }
}

/// Values that [`Shards::mean`] averages over shards.
pub trait Averaged {
    /// Passes all numbers to `visit`, always in the same order.
    fn visit(&mut self, visit: &mut dyn FnMut(Part<'_>));
}

/// A part of something [`Averaged`].
pub enum Part<'a> {
    /// The gradient of the parameter with this name, averaged in `f32`.
    Gradient(&'a str, &'a mut Tensor),
    /// Averaged in `f32`.
    Tensor(&'a mut Tensor),
    /// Averaged in `f64`.
    Number(&'a mut f64),
}

impl Averaged for () {
    fn visit(&mut self, _visit: &mut dyn FnMut(Part<'_>)) {}
}

impl Averaged for f64 {
    fn visit(&mut self, visit: &mut dyn FnMut(Part<'_>)) {
        visit(Part::Number(self));
    }
}

impl Averaged for Vec<f64> {
    fn visit(&mut self, visit: &mut dyn FnMut(Part<'_>)) {
        self.iter_mut().for_each(|number| number.visit(visit));
    }
}

impl Averaged for Tensor {
    fn visit(&mut self, visit: &mut dyn FnMut(Part<'_>)) {
        visit(Part::Tensor(self));
    }
}

impl<A: Averaged, B: Averaged> Averaged for (A, B) {
    fn visit(&mut self, visit: &mut dyn FnMut(Part<'_>)) {
        self.0.visit(visit);
        self.1.visit(visit);
    }
}

impl<A: Averaged, const N: usize> Averaged for [A; N] {
    fn visit(&mut self, visit: &mut dyn FnMut(Part<'_>)) {
        self.iter_mut().for_each(|one| one.visit(visit));
    }
}

/// Buffers are averaged like gradients: running averages are linear in the statistics of a batch.
impl Averaged for Gradients {
    fn visit(&mut self, visit: &mut dyn FnMut(Part<'_>)) {
        self.parameters.iter_mut().for_each(|(name, gradient)| visit(Part::Gradient(name, gradient)));
        self.buffers.iter_mut().for_each(|(_, buffer)| buffer.visit(visit));
    }
}

impl Shards {
    /// `count` shards, all of which this process computes.
    ///
    /// # Panics
    /// When `count` is 0.
    pub fn new(count: usize) -> Self {
        assert!(count > 0, "shards: a batch has at least one");
        Self { count, ranks: None, is_synchronised: false }
    }

    /// The same shards, with synchronised batch normalisation: in training, its statistics are
    /// those of the whole batch. The passes of this process's shards then take turns, so their
    /// memory is needed at the same time. All passes must apply the same layers in the same order.
    /// A pass may return an error only after its last layer.
    #[must_use]
    pub fn synchronised(self) -> Self {
        Self { is_synchronised: self.count > 1, ..self }
    }

    /// The same shards, divided equally among these ranks, in order.
    ///
    /// # Errors
    /// When the number of ranks does not divide that of the shards.
    pub fn shared_by(&self, ranks: Arc<dyn Communicator>) -> Result<Self, String> {
        let (count, size) = (self.count, ranks.size());
        if !count.is_multiple_of(size) {
            return Err(format!("{count} shards cannot be shared equally by {size} ranks: use a multiple of {size}"));
        }
        Ok(Self { ranks: (size > 1).then_some(ranks), ..self.clone() })
    }

    /// The number of shards.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The number of ranks that share the shards.
    pub fn ranks(&self) -> usize {
        self.ranks.as_ref().map_or(1, |ranks| ranks.size())
    }

    /// The largest number of copies of an update's gradients that a process keeps in memory for
    /// messages, if `ranks` ranks share the shards.
    pub fn copies(&self, ranks: usize) -> usize {
        match ranks {
            1 => 0,
            // The sums, and the halves of a part that are sent and received.
            ranks if are_leaves(ranks, self.count) => 2,
            // The sums, what is sent, and what is received.
            _ => 3,
        }
    }

    /// The numbers of the shards that this process computes.
    pub fn own(&self) -> Range<usize> {
        let (rank, each) = (self.ranks.as_ref().map_or(0, |ranks| ranks.rank()), self.count / self.ranks());
        rank * each..(rank + 1) * each
    }

    /// The rows of this process's shards, for a whole batch of `rows` rows.
    pub fn own_rows(&self, rows: usize) -> Range<usize> {
        let Range { start, end } = self.own();
        rows * start / self.count..rows * end / self.count
    }

    /// Calls `pass` for each shard of this process, in order, and returns the mean of the results
    /// over the shards of all processes. A single shard's result is returned as it is. The observer
    /// of this thread sees only the pass of shard 0.
    ///
    /// The gradients that a pass returns must be those of its first
    /// [`differentiate`](crate::differentiate()), unchanged: other ranks may have received them
    /// before it returns. All ranks must make the same passes.
    ///
    /// # Errors
    /// When a pass fails; all ranks return the same error. When another rank cannot be reached.
    pub fn mean<R: Averaged + Send>(
        &self,
        pass: impl Fn(Shard) -> Result<R, NonFinite> + Sync,
    ) -> Result<R, StepError> {
        if self.count == 1 {
            return Ok(pass(Shard::WHOLE)?);
        }
        let mut sum = match self.ranks.as_deref() {
            _ if self.is_synchronised => self.sum_in_lockstep(pass)?,
            Some(ranks) => self.sum_over(ranks, |shard| self.observed(shard, &pass))?,
            None => {
                let mut sums = Sums::new(self.count);
                for number in self.own() {
                    sums.insert_shard(number, self.observed(number, &pass)?, &Completed::default());
                }
                sums.root()
            }
        };
        divide(&mut sum, self.count)?;
        Ok(sum)
    }

    /// Calls `pass` for the shard of this number, whose pass is observed if it is the first one.
    fn observed<R>(&self, number: usize, pass: impl Fn(Shard) -> R) -> R {
        let shard = Shard { number, count: self.count };
        if number == 0 { pass(shard) } else { observer::unobserved(|| pass(shard)) }
    }

    /// Calls `make` for each shard of this process, and returns the results in order.
    ///
    /// # Errors
    /// When the shards are [`synchronised`](Shards::synchronised), and another rank cannot be
    /// reached.
    pub fn map<R: Send>(&self, make: impl Fn(Shard) -> R + Sync) -> Result<Vec<R>, StepError> {
        match self.is_synchronised {
            true => lockstep::run(self.count, self.own(), self.ranks.clone(), &make),
            false => Ok(self.own().map(|number| make(Shard { number, count: self.count })).collect()),
        }
    }

    /// The sum over the shards of all ranks, with passes that exchange messages themselves, so that
    /// no messages can overlap with them.
    fn sum_in_lockstep<R: Averaged + Send>(
        &self,
        pass: impl Fn(Shard) -> Result<R, NonFinite> + Sync,
    ) -> Result<R, StepError> {
        let sums = Mutex::new(Sums::new(self.count));
        let add_up = |shard: Shard| -> Result<(), NonFinite> {
            let result = pass(shard)?;
            let mut sums = sums.lock().unwrap_or_else(PoisonError::into_inner);
            sums.insert_shard(shard.number, result, &Completed::default());
            Ok(())
        };
        let passes = lockstep::run(self.count, self.own(), self.ranks.clone(), &add_up)?;
        let passes = passes.into_iter().collect::<Result<(), NonFinite>>();
        let sums = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
        match self.ranks.as_deref() {
            None => passes.map(|()| sums.root()).map_err(StepError::from),
            Some(ranks) => {
                agree(ranks, passes)?;
                Ok(across(ranks, sums, &Completed::default())?)
            }
        }
    }

    /// The sum over the shards of all ranks.
    fn sum_over<R: Averaged>(
        &self,
        ranks: &dyn Communicator,
        mut pass: impl FnMut(usize) -> Result<R, NonFinite>,
    ) -> Result<R, StepError> {
        let (mut sums, mut completed) = (Sums::new(self.count), Completed::default());
        let mut own = self.own();
        let last = if are_leaves(ranks.size(), self.count) { own.next_back() } else { None };
        let mut passes = own.try_for_each(|number| {
            sums.insert_shard(number, pass(number)?, &completed);
            Ok(())
        });
        if let Some(last) = last {
            // Even if an earlier pass has failed: the other ranks wait for these gradients.
            let (result, exchanged) = overlap::during(ranks, sums.gradients(), || pass(last))?;
            completed = exchanged;
            passes = passes.and(result).map(|result| sums.insert_shard(last, result, &completed));
        }
        agree(ranks, passes)?;
        Ok(across(ranks, sums, &completed)?)
    }

    /// Gathers the tensors of all shards, in order; `own` are those of this process's shards. All
    /// tensors must have the same shape.
    ///
    /// # Errors
    /// When another rank cannot be reached.
    pub fn gathered(&self, own: Vec<Tensor>) -> Result<Vec<Tensor>, CommunicationError> {
        let Some(ranks) = &self.ranks else { return Ok(own) };
        let Some(shape) = own.first().map(|tensor| *tensor.shape()) else { return Ok(own) };
        let bytes: Vec<u8> = own.iter().flat_map(|tensor| to_bytes(tensor.data())).collect();
        let messages = gather(&**ranks, &bytes)?;
        let tensors = messages.iter().flat_map(|message| message.chunks_exact(4 * shape.size()));
        Ok(tensors.map(|bytes| Tensor::new(&shape, from_bytes(bytes).collect())).collect())
    }
}

/// Returns the error of the first rank that has one, on all ranks.
fn agree(ranks: &dyn Communicator, result: Result<(), NonFinite>) -> Result<(), StepError> {
    let Some(rank) = first_rank(ranks, result.is_err())? else { return Ok(()) };
    let own = result.err().map_or_else(String::new, |error| error.to_string());
    Err(StepError::NonFiniteOnRank { rank, what: broadcast_text(ranks, rank, &own)? })
}

/// Divides a sum over `count` shards by their number.
///
/// # Errors
/// When a sum of finite numbers is not finite.
fn divide(sum: &mut impl Averaged, count: usize) -> Result<(), NonFinite> {
    let first = Cell::new(None);
    sum.visit(&mut |part| match part {
        Part::Gradient(_, tensor) | Part::Tensor(tensor) => {
            let divisor = count as f32;
            tensor.data_mut().iter_mut().for_each(|x| *x /= divisor);
            let found = first.take().or_else(|| NonFinite::in_tensor("add", "a sum over the shards", tensor));
            first.set(found);
        }
        Part::Number(number) => *number /= count as f64,
    });
    first.take().map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{in_process::in_process, on_ranks};

    #[test]
    fn ranks_must_divide_the_shards() {
        let refused = Shards::new(4).shared_by(Arc::new(in_process(3).remove(0))).unwrap_err();
        assert_eq!(refused, "4 shards cannot be shared equally by 3 ranks: use a multiple of 3");
    }

    #[test]
    fn the_first_error_of_any_rank_is_everybody_s() {
        let bad = NonFinite::in_tensor("exp", "a value", &Tensor::full([2], f32::NAN)).unwrap();
        let errors = on_ranks(3, |rank| {
            let shards = Shards::new(6).shared_by(Arc::new(rank)).unwrap();
            let pass = |shard: Shard| if shard.number == 3 { Err(bad.clone()) } else { Ok(1.0) };
            shards.mean(pass).unwrap_err().to_string()
        });
        assert_eq!(errors, vec![format!("on rank 1: {bad}"); 3]);
    }

    #[test]
    fn a_sum_that_overflows_is_an_error() {
        let error = Shards::new(2).mean(|_| Ok(Tensor::full([2], 3e38))).unwrap_err();
        assert!(error.to_string().contains("a sum over the shards"), "{error}");
    }

    #[test]
    fn tensors_of_all_shards_are_gathered_in_order() {
        let all = on_ranks(3, |rank| {
            let shards = Shards::new(6).shared_by(Arc::new(rank)).unwrap();
            shards.gathered(shards.own().map(|shard| Tensor::full([1, 2], shard as f32)).collect()).unwrap()
        });
        let expected: Vec<Tensor> = (0..6).map(|shard| Tensor::full([1, 2], shard as f32)).collect();
        assert_eq!(all, vec![expected; 3]);
    }
}
