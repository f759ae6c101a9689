//! The sums over shards, within a rank and between ranks, along the tree of `shards.rs`.

use std::collections::BTreeMap;
use std::ops::Range;

use tensor::Tensor;

use crate::collectives::{broadcast, distances};
use crate::overlap::{Completed, Named};
use crate::{Averaged, CommunicationError, Communicator, Part};

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
pub(crate) struct Sums<R> {
    count: usize,
    sums: BTreeMap<Node, R>,
}

impl<R> Sums<R> {
    pub(crate) fn new(count: usize) -> Self {
        Self { count, sums: BTreeMap::new() }
    }

    fn is_root(&self, node: Node) -> bool {
        1 << node.height >= self.count
    }

    /// The sum over all shards.
    pub(crate) fn root(mut self) -> R {
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

impl<R: Averaged> Sums<R> {
    /// Inserts the result of a shard, whose gradients may be `completed` already.
    pub(crate) fn insert_shard(&mut self, number: usize, result: R, completed: &Completed) {
        self.insert(Node { height: 0, number }, result, |low, high| add(low, high, completed));
    }

    /// The gradients in these sums, in the order in which they are added to those of the last shard
    /// of a complete subtree.
    pub(crate) fn gradients(&mut self) -> Vec<Named> {
        let of = |sum: &mut R| {
            let mut named = Named::new();
            sum.visit(&mut |part| {
                if let Part::Gradient(parameter, gradient) = part {
                    named.insert(parameter.to_owned(), gradient.clone());
                }
            });
            named
        };
        self.sums.values_mut().map(of).collect()
    }
}

/// The numbers of something [`Averaged`], in the order of its parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Flat {
    numbers: Vec<f64>,
    pub(crate) values: Vec<f32>,
}

impl Flat {
    /// The numbers of all parts whose sums are not completed.
    fn of(parts: &mut impl Averaged, completed: &Completed) -> Self {
        let mut flat = Self::default();
        parts.visit(&mut |part| match part {
            Part::Gradient(parameter, _) if completed.get(parameter).is_some() => {}
            Part::Gradient(_, tensor) | Part::Tensor(tensor) => flat.values.extend(tensor.data()),
            Part::Number(number) => flat.numbers.push(*number),
        });
        flat
    }

    fn restore(&self, parts: &mut impl Averaged, completed: &Completed) {
        let (mut numbers, mut values) = (self.numbers.iter(), &*self.values);
        let mut next = |tensor: &mut Tensor| {
            let (own, rest) = values.split_at(tensor.size());
            tensor.data_mut().copy_from_slice(own);
            values = rest;
        };
        parts.visit(&mut |part| match part {
            Part::Gradient(parameter, tensor) => match completed.get(parameter) {
                Some(sum) => tensor.data_mut().copy_from_slice(sum),
                None => next(tensor),
            },
            Part::Tensor(tensor) => next(tensor),
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

pub(crate) fn to_bytes(values: &[f32]) -> impl Iterator<Item = u8> {
    values.iter().flat_map(|value| value.to_le_bytes())
}

pub(crate) fn from_bytes(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("4 bytes")))
}

/// Whether the shards of each rank form a subtree, and the ranks are the leaves of a complete tree.
pub(crate) fn are_leaves(ranks: usize, shards: usize) -> bool {
    ranks.is_power_of_two() && (shards / ranks).is_power_of_two()
}

/// Computes the sum over all shards from the sums of each rank, and returns it on all ranks. Some
/// gradients may be `completed` already.
pub(crate) fn across<R: Averaged>(
    ranks: &dyn Communicator,
    sums: Sums<R>,
    completed: &Completed,
) -> Result<R, CommunicationError> {
    let count = sums.count;
    let mut sums = sums.sums;
    let flat = |mut sum: R| (Flat::of(&mut sum, completed), sum);
    let (first, (mut own, mut result)) = sums.pop_first().map(|(node, sum)| (node, flat(sum))).expect("own shards");
    if are_leaves(ranks.size(), count) {
        butterfly(ranks, &mut own, |peer, bytes, received| ranks.exchange(peer, bytes, received))?;
    } else {
        let mut all = Sums { count, sums: BTreeMap::from([(first, own)]) };
        all.sums.extend(sums.into_iter().map(|(node, sum)| (node, flat(sum).0)));
        own = along_the_tree(ranks, all, count / ranks.size())?;
    }
    own.restore(&mut result, completed);
    Ok(result)
}

/// A sum over 2^k ranks, along the tree whose leaves are the ranks. First, partners at distances 1,
/// 2, 4, ... exchange halves of their values, and each rank ends with the sum of one part of the
/// values (reduce-scatter). Then they exchange the parts in reverse order (all-gather). Each of n
/// ranks sends and receives 2 (n - 1) / n of the values. `exchange` sends bytes to a rank and
/// receives as many as its buffer has.
pub(crate) fn butterfly(
    ranks: &dyn Communicator,
    sum: &mut Flat,
    exchange: impl Fn(usize, &[u8], &mut [u8]) -> Result<(), CommunicationError>,
) -> Result<(), CommunicationError> {
    let mut halves = Vec::new();
    let mut part = 0..sum.values.len();
    for distance in distances(ranks.size()) {
        let peer = ranks.rank() ^ distance;
        let middle = part.start.midpoint(part.end);
        let [low, high] = [part.start..middle, middle..part.end];
        let (kept, given) = if ranks.rank() < peer { (low, high) } else { (high, low) };
        let mut received = vec![0; 8 * sum.numbers.len() + 4 * kept.len()];
        exchange(peer, &sum.to_bytes(given.clone()), &mut received)?;
        sum.combine(kept.clone(), &received, Combine::Add);
        halves.push((peer, kept.clone(), given));
        part = kept;
    }
    if sum.values.is_empty() {
        // Numbers are not halved: they are complete.
        return Ok(());
    }
    for (peer, kept, given) in halves.into_iter().rev() {
        let mut received = vec![0; 8 * sum.numbers.len() + 4 * given.len()];
        exchange(peer, &sum.to_bytes(kept), &mut received)?;
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

/// low += high, except for gradients whose sums are completed.
fn add<R: Averaged>(low: &mut R, mut high: R, completed: &Completed) {
    let (mut tensors, mut numbers) = (Vec::new(), Vec::new());
    high.visit(&mut |part| match part {
        Part::Gradient(parameter, _) if completed.get(parameter).is_some() => {}
        Part::Gradient(_, tensor) | Part::Tensor(tensor) => tensors.push(tensor.clone()),
        Part::Number(number) => numbers.push(*number),
    });
    let (mut tensors, mut numbers) = (tensors.into_iter(), numbers.into_iter());
    low.visit(&mut |part| match part {
        Part::Gradient(parameter, _) if completed.get(parameter).is_some() => {}
        Part::Gradient(_, low) | Part::Tensor(low) => {
            let high = tensors.next().expect("shards have the same parts");
            assert!(low.shape() == high.shape(), "shards: parts of shape {} and {}", low.shape(), high.shape());
            low.data_mut().iter_mut().zip(high.data()).for_each(|(low, high)| *low += high);
        }
        Part::Number(low) => *low += numbers.next().expect("shards have the same parts"),
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tensor::Tensor;

    use crate::Shards;

    /// Numbers whose sum depends on the order of additions.
    fn result(shard: usize) -> ([Tensor; 2], f64) {
        let value = |i: usize| 1.0 / (1.0 + (7 * shard + i) as f32);
        ([Tensor::from_fn([5, 3], value), Tensor::from_fn([1], value)], 0.1 + shard as f64)
    }

    /// The result on each rank.
    fn on_ranks(size: usize, count: usize) -> Vec<Result<([Tensor; 2], f64), String>> {
        crate::on_ranks(size, |rank| {
            let shards = Shards::new(count).shared_by(Arc::new(rank))?;
            shards.mean(|shard| Ok(result(shard.number))).map_err(|error| error.to_string())
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
}
