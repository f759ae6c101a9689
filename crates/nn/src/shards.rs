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

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use core::fmt;

use tensor::{NonFinite, Tensor};

use crate::collectives::{broadcast, broadcast_text, distances, first_rank, gather};
use crate::observer;
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
    ranks: Option<Rc<dyn Communicator>>,
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
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonFinite(error) => error.fmt(f),
            Self::NonFiniteOnRank { rank, what } => write!(f, "on rank {rank}: {what}"),
            Self::Communication(error) => error.fmt(f),
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
        self.parameters.iter_mut().chain(&mut self.buffers).for_each(|(_, tensor)| tensor.visit(visit));
    }
}

impl Shards {
    /// `count` shards, all of which this process computes.
    ///
    /// # Panics
    /// When `count` is 0.
    pub fn new(count: usize) -> Self {
        assert!(count > 0, "shards: a batch has at least one");
        Self { count, ranks: None }
    }

    /// The same shards, divided equally among these ranks, in order.
    ///
    /// # Errors
    /// When the number of ranks does not divide that of the shards.
    pub fn shared_by(&self, ranks: Rc<dyn Communicator>) -> Result<Self, String> {
        let (count, size) = (self.count, ranks.size());
        if !count.is_multiple_of(size) {
            return Err(format!("{count} shards cannot be shared equally by {size} ranks: use a multiple of {size}"));
        }
        Ok(Self { count, ranks: (size > 1).then_some(ranks) })
    }

    /// The number of shards.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The number of ranks that share the shards.
    pub fn ranks(&self) -> usize {
        self.ranks.as_ref().map_or(1, |ranks| ranks.size())
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
    /// # Errors
    /// When a pass fails; all ranks return the same error. When another rank cannot be reached.
    pub fn mean<R: Averaged>(&self, mut pass: impl FnMut(Shard) -> Result<R, NonFinite>) -> Result<R, StepError> {
        if self.count == 1 {
            return Ok(pass(Shard::WHOLE)?);
        }
        let mut sums = Sums::new(self.count);
        let passes = self.own().try_for_each(|number| {
            let shard = Shard { number, count: self.count };
            let result = if number == 0 { pass(shard) } else { observer::unobserved(|| pass(shard)) };
            sums.insert(Node { height: 0, number }, result?, add);
            Ok(())
        });
        let mut sum = match &self.ranks {
            None => {
                passes?;
                sums.root()
            }
            Some(ranks) => {
                agree(&**ranks, passes)?;
                across(&**ranks, sums)?
            }
        };
        divide(&mut sum, self.count)?;
        Ok(sum)
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
        let messages = gather(&**ranks, &bytes, &vec![bytes.len(); ranks.size()])?;
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

/// A node of the tree: the sum over the shards from `number << height` up to the next node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    height: u32,
    number: usize,
}

impl Node {
    fn first_shard(self) -> usize {
        self.number << self.height
    }

    fn parent(self) -> Self {
        Self { height: self.height + 1, number: self.number / 2 }
    }
}

/// The sums over the largest subtrees that are complete so far: at most about 2 log2(count).
struct Sums<R> {
    count: usize,
    sums: BTreeMap<Node, R>,
}

impl<R> Sums<R> {
    fn new(count: usize) -> Self {
        Self { count, sums: BTreeMap::new() }
    }

    fn is_root(&self, node: Node) -> bool {
        1 << node.height >= self.count
    }

    /// The sum over all shards.
    fn root(mut self) -> R {
        self.sums.pop_first().expect("every shard was inserted").1
    }

    /// Inserts the sum of `node`, and adds all sums that become complete with it.
    fn insert(&mut self, mut node: Node, mut sum: R, add: impl Fn(&mut R, R)) {
        while !self.is_root(node) {
            let is_right = node.number % 2 == 1;
            let sibling = Node { number: node.number ^ 1, ..node };
            match self.sums.remove(&sibling) {
                Some(mut low) if is_right => {
                    add(&mut low, sum);
                    sum = low;
                }
                Some(high) => add(&mut sum, high),
                None if sibling.first_shard() >= self.count => {}
                None => break,
            }
            node = node.parent();
        }
        self.sums.insert(node, sum);
    }
}

/// The numbers of something [`Averaged`], in the order of its parts.
#[derive(Clone, Debug, Default, PartialEq)]
struct Flat {
    numbers: Vec<f64>,
    values: Vec<f32>,
}

impl Flat {
    fn of(parts: &mut impl Averaged) -> Self {
        let mut flat = Self::default();
        parts.visit(&mut |part| match part {
            Part::Tensor(tensor) => flat.values.extend(tensor.data()),
            Part::Number(number) => flat.numbers.push(*number),
        });
        flat
    }

    fn restore(&self, parts: &mut impl Averaged) {
        let (mut numbers, mut values) = (self.numbers.iter(), &*self.values);
        parts.visit(&mut |part| match part {
            Part::Tensor(tensor) => {
                let (own, rest) = values.split_at(tensor.size());
                tensor.data_mut().copy_from_slice(own);
                values = rest;
            }
            Part::Number(number) => *number = *numbers.next().expect("as many as there were"),
        });
    }

    fn add(&mut self, high: Self) {
        self.numbers.iter_mut().zip(high.numbers).for_each(|(low, high)| *low += high);
        self.values.iter_mut().zip(high.values).for_each(|(low, high)| *low += high);
    }

    /// All numbers, then the values in this range.
    fn to_bytes(&self, values: Range<usize>) -> Vec<u8> {
        let numbers = self.numbers.iter().flat_map(|number| number.to_le_bytes());
        let mut bytes = Vec::with_capacity(8 * self.numbers.len() + 4 * values.len());
        bytes.extend(numbers);
        bytes.extend(to_bytes(&self.values[values]));
        bytes
    }

    /// Combines this sum with one of the same shape, encoded by [`to_bytes`](Self::to_bytes).
    fn combine(&mut self, values: Range<usize>, bytes: &[u8], how: Combine) {
        let (numbers, theirs) = bytes.split_at(8 * self.numbers.len());
        for (number, bytes) in self.numbers.iter_mut().zip(numbers.chunks_exact(8)) {
            *number = how.of(*number, f64::from_le_bytes(bytes.try_into().expect("8 bytes")));
        }
        for (value, theirs) in self.values[values].iter_mut().zip(from_bytes(theirs)) {
            *value = how.of(*value, theirs);
        }
    }
}

/// How a sum is combined with one from another rank.
#[derive(Clone, Copy)]
enum Combine {
    /// Addition is commutative, so both ranks get the same bits.
    Add,
    Replace,
}

impl Combine {
    fn of<T: core::ops::Add<Output = T>>(self, own: T, theirs: T) -> T {
        match self {
            Self::Add => own + theirs,
            Self::Replace => theirs,
        }
    }
}

fn to_bytes(values: &[f32]) -> impl Iterator<Item = u8> {
    values.iter().flat_map(|value| value.to_le_bytes())
}

fn from_bytes(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("4 bytes")))
}

/// Completes the sums of all ranks: the sum over all shards, on each of them.
fn across<R: Averaged>(ranks: &dyn Communicator, sums: Sums<R>) -> Result<R, CommunicationError> {
    let count = sums.count;
    let mut sums = sums.sums;
    let flat = |mut sum: R| (Flat::of(&mut sum), sum);
    let (first, (mut own, mut result)) = sums.pop_first().map(|(node, sum)| (node, flat(sum))).expect("own shards");
    let each = count / ranks.size();
    if ranks.size().is_power_of_two() && each.is_power_of_two() {
        // The shards of each rank form a subtree, and the ranks are the leaves of a complete tree.
        butterfly(ranks, &mut own)?;
    } else {
        let mut all = Sums { count, sums: BTreeMap::from([(first, own)]) };
        all.sums.extend(sums.into_iter().map(|(node, sum)| (node, flat(sum).0)));
        own = along_the_tree(ranks, all, each)?;
    }
    own.restore(&mut result);
    Ok(result)
}

/// A sum over 2^k ranks, along the tree whose leaves are the ranks. First, partners at distances 1,
/// 2, 4, ... exchange halves of their values, and each rank ends with the sum of one part of the
/// values (reduce-scatter). Then they exchange the parts in reverse order (all-gather). Each of n
/// ranks sends and receives 2 (n - 1) / n of the values.
fn butterfly(ranks: &dyn Communicator, sum: &mut Flat) -> Result<(), CommunicationError> {
    let mut halves = Vec::new();
    let mut part = 0..sum.values.len();
    for distance in distances(ranks.size()) {
        let peer = ranks.rank() ^ distance;
        let middle = part.start.midpoint(part.end);
        let [low, high] = [part.start..middle, middle..part.end];
        let (kept, given) = if ranks.rank() < peer { (low, high) } else { (high, low) };
        let mut received = vec![0; 8 * sum.numbers.len() + 4 * kept.len()];
        ranks.exchange(peer, &sum.to_bytes(given.clone()), &mut received)?;
        sum.combine(kept.clone(), &received, Combine::Add);
        halves.push((peer, kept.clone(), given));
        part = kept;
    }
    for (peer, kept, given) in halves.into_iter().rev() {
        let mut received = vec![0; 8 * sum.numbers.len() + 4 * given.len()];
        ranks.exchange(peer, &sum.to_bytes(kept), &mut received)?;
        sum.combine(given, &received, Combine::Replace);
    }
    Ok(())
}

/// A sum over any number of ranks, each of which has `each` shards: the rank with the first shard
/// of a node computes the node's sum, and rank 0 sends the result to all.
fn along_the_tree(ranks: &dyn Communicator, mut sums: Sums<Flat>, each: usize) -> Result<Flat, CommunicationError> {
    let owner = |node: Node| node.first_shard() / each;
    let shape = sums.sums.values().next().cloned().unwrap_or_default();
    let all = 0..shape.values.len();
    let length = 8 * shape.numbers.len() + 4 * shape.values.len();
    for height in 0..sums.count.next_power_of_two().ilog2() {
        for right in (1..).step_by(2).map(|number| Node { height, number }) {
            if right.first_shard() >= sums.count {
                break;
            }
            let left = Node { number: right.number - 1, ..right };
            if owner(left) == owner(right) {
                continue;
            }
            if owner(right) == ranks.rank() {
                let sum = sums.sums.remove(&right).expect("its parts were summed before");
                ranks.send(owner(left), &sum.to_bytes(all.clone()))?;
            } else if owner(left) == ranks.rank() {
                let mut received = vec![0; length];
                ranks.receive(owner(right), &mut received)?;
                let mut sum = shape.clone();
                sum.combine(all.clone(), &received, Combine::Replace);
                sums.insert(right, sum, Flat::add);
            }
        }
    }
    let mut sum = if ranks.rank() == 0 { sums.root() } else { shape };
    let mut bytes = sum.to_bytes(all.clone());
    broadcast(ranks, 0, &mut bytes)?;
    sum.combine(all, &bytes, Combine::Replace);
    Ok(sum)
}

/// low += high.
fn add<R: Averaged>(low: &mut R, mut high: R) {
    let (mut tensors, mut numbers) = (Vec::new(), Vec::new());
    high.visit(&mut |part| match part {
        Part::Tensor(tensor) => tensors.push(tensor.clone()),
        Part::Number(number) => numbers.push(*number),
    });
    let (mut tensors, mut numbers) = (tensors.into_iter(), numbers.into_iter());
    low.visit(&mut |part| match part {
        Part::Tensor(low) => {
            let high = tensors.next().expect("shards have the same parts");
            assert!(low.shape() == high.shape(), "shards: parts of shape {} and {}", low.shape(), high.shape());
            low.data_mut().iter_mut().zip(high.data()).for_each(|(low, high)| *low += high);
        }
        Part::Number(low) => *low += numbers.next().expect("shards have the same parts"),
    });
}

/// Divides a sum over `count` shards by their number.
///
/// # Errors
/// When a sum of finite numbers is not finite.
fn divide(sum: &mut impl Averaged, count: usize) -> Result<(), NonFinite> {
    let first = Cell::new(None);
    sum.visit(&mut |part| match part {
        Part::Tensor(tensor) => {
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
    use crate::in_process;

    /// Numbers whose sum depends on the order of additions.
    fn result(shard: usize) -> ([Tensor; 2], f64) {
        let value = |i: usize| 1.0 / (1.0 + (7 * shard + i) as f32);
        ([Tensor::from_fn([5, 3], value), Tensor::from_fn([1], value)], 0.1 + shard as f64)
    }

    /// What each rank computes.
    fn on_ranks(size: usize, count: usize) -> Vec<Result<([Tensor; 2], f64), String>> {
        let body = |rank| {
            let shards = Shards::new(count).shared_by(Rc::new(rank))?;
            shards.mean(|shard| Ok(result(shard.number))).map_err(|error| error.to_string())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = in_process(size).into_iter().map(|rank| scope.spawn(move || body(rank))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        })
    }

    /// The sum over the shards in this range, by the definition of the tree.
    fn sum(height: u32, number: usize, count: usize) -> f32 {
        if height == 0 {
            return result(number).0[1].data()[0];
        }
        let low = sum(height - 1, 2 * number, count);
        let high = (2 * number + 1) << (height - 1);
        if high < count { low + sum(height - 1, 2 * number + 1, count) } else { low }
    }

    #[test]
    fn the_mean_is_that_of_the_tree_on_any_number_of_ranks() {
        for count in 1..=24_usize {
            let alone = Shards::new(count).mean(|shard| Ok(result(shard.number))).unwrap();
            let expected = sum(count.next_power_of_two().ilog2(), 0, count) / count as f32;
            assert_eq!(alone.0[1].data()[0].to_bits(), expected.to_bits(), "{count} shards");
            for size in (1..=count).filter(|size| count.is_multiple_of(*size)) {
                for (rank, found) in on_ranks(size, count).into_iter().enumerate() {
                    assert_eq!(found, Ok(alone.clone()), "rank {rank} of {size}, {count} shards");
                }
            }
        }
    }

    #[test]
    fn ranks_must_divide_the_shards() {
        let refused = on_ranks(3, 4).remove(0).unwrap_err();
        assert_eq!(refused, "4 shards cannot be shared equally by 3 ranks: use a multiple of 3");
    }

    #[test]
    fn the_first_error_of_any_rank_is_everybody_s() {
        let bad = NonFinite::in_tensor("exp", "a value", &Tensor::full([2], f32::NAN)).unwrap();
        let body = |rank| {
            let shards = Shards::new(6).shared_by(Rc::new(rank)).unwrap();
            let pass = |shard: Shard| if shard.number == 3 { Err(bad.clone()) } else { Ok(1.0) };
            shards.mean(pass).unwrap_err().to_string()
        };
        let errors: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = in_process(3).into_iter().map(|rank| scope.spawn(move || body(rank))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
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
        let body = |rank| {
            let shards = Shards::new(6).shared_by(Rc::new(rank)).unwrap();
            shards.gathered(shards.own().map(|shard| Tensor::full([1, 2], shard as f32)).collect()).unwrap()
        };
        let all: Vec<Vec<Tensor>> = std::thread::scope(|scope| {
            let threads: Vec<_> = in_process(3).into_iter().map(|rank| scope.spawn(move || body(rank))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        let expected: Vec<Tensor> = (0..6).map(|shard| Tensor::full([1, 2], shard as f32)).collect();
        assert_eq!(all, vec![expected; 3]);
    }
}
