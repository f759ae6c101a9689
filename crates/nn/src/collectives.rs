//! What all ranks of a [`Communicator`] compute together. Each function must be called by all
//! ranks, in the same order, and gives all of them the same result.

use std::collections::BTreeMap;

use kernels::random::fnv1a;

use crate::{CommunicationError, Communicator, State};

/// The largest of the numbers of all ranks, for example to agree whether any rank has to stop.
///
/// # Errors
/// When a rank cannot be reached.
pub fn maximum(ranks: &dyn Communicator, number: u64) -> Result<u64, CommunicationError> {
    let mut largest = number;
    let received = &mut [0; 8];
    if ranks.size().is_power_of_two() {
        for distance in distances(ranks.size()) {
            ranks.exchange(ranks.rank() ^ distance, &largest.to_le_bytes(), received)?;
            largest = largest.max(u64::from_le_bytes(*received));
        }
        return Ok(largest);
    }
    for distance in distances(ranks.size()) {
        let rank = ranks.rank();
        if rank & distance != 0 {
            ranks.send(rank - distance, &largest.to_le_bytes())?;
            break;
        }
        if rank + distance < ranks.size() {
            ranks.receive(rank + distance, received)?;
            largest = largest.max(u64::from_le_bytes(*received));
        }
    }
    let mut bytes = largest.to_le_bytes();
    broadcast(ranks, 0, &mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// The first rank of which `holds` is true; None if there is none.
///
/// # Errors
/// When a rank cannot be reached.
pub fn first_rank(ranks: &dyn Communicator, holds: bool) -> Result<Option<usize>, CommunicationError> {
    let size = ranks.size() as u64;
    let largest = maximum(ranks, if holds { size - ranks.rank() as u64 } else { 0 })?;
    Ok((largest > 0).then(|| (size - largest) as usize))
}

/// Overwrites the `bytes` of all ranks with those of the rank `from`. They must have the same
/// length everywhere.
///
/// # Errors
/// When a rank cannot be reached.
pub fn broadcast(ranks: &dyn Communicator, from: usize, bytes: &mut [u8]) -> Result<(), CommunicationError> {
    let size = ranks.size();
    // A binomial tree; places are counted from the root.
    let place = (ranks.rank() + size - from) % size;
    let rank_at = |place: usize| (place + from) % size;
    for distance in distances(size).rev() {
        if place % (2 * distance) == distance {
            ranks.receive(rank_at(place - distance), bytes)?;
        } else if place.is_multiple_of(2 * distance) && place + distance < size {
            ranks.send(rank_at(place + distance), bytes)?;
        }
    }
    Ok(())
}

/// The text of the rank `from`.
///
/// # Errors
/// When a rank cannot be reached.
pub fn broadcast_text(ranks: &dyn Communicator, from: usize, text: &str) -> Result<String, CommunicationError> {
    let bytes = broadcast_vec(ranks, from, text.as_bytes().to_vec())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The bytes of the rank `from`, whose number the others do not know.
///
/// # Errors
/// When a rank cannot be reached.
pub fn broadcast_vec(ranks: &dyn Communicator, from: usize, mut bytes: Vec<u8>) -> Result<Vec<u8>, CommunicationError> {
    let mut length = (bytes.len() as u64).to_le_bytes();
    broadcast(ranks, from, &mut length)?;
    bytes.resize(u64::from_le_bytes(length) as usize, 0);
    broadcast(ranks, from, &mut bytes)?;
    Ok(bytes)
}

/// The messages of all ranks, by rank. They must have the same length everywhere.
///
/// # Errors
/// When a rank cannot be reached.
pub fn gather(ranks: &dyn Communicator, own: &[u8]) -> Result<Vec<Vec<u8>>, CommunicationError> {
    let mut messages = vec![own.to_vec(); ranks.size()];
    for (from, message) in messages.iter_mut().enumerate() {
        broadcast(ranks, from, message)?;
    }
    Ok(messages)
}

/// A rank whose state is not that of rank 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The rank.
    pub rank: usize,
    /// The first tensor or counter that differs.
    pub name: String,
}

/// Compares the states of all ranks, which must be equal. None if they are.
///
/// # Errors
/// When a rank cannot be reached.
pub fn compare(ranks: &dyn Communicator, state: &State) -> Result<Option<Difference>, CommunicationError> {
    let hashes = hashes(state);
    let mut of_rank_0: Vec<u8> = hashes.values().flat_map(|hash| hash.to_le_bytes()).collect();
    broadcast(ranks, 0, &mut of_rank_0)?;
    let equal = |(hash, expected): (&u64, &[u8])| hash.to_le_bytes() == expected;
    let pairs = hashes.values().zip(of_rank_0.chunks_exact(8));
    let differs = pairs.zip(hashes.keys()).find(|(pair, _)| !equal(*pair)).map(|(_, name)| name.as_str());
    let Some(rank) = first_rank(ranks, differs.is_some())? else { return Ok(None) };
    Ok(Some(Difference { rank, name: broadcast_text(ranks, rank, differs.unwrap_or_default())? }))
}

/// A hash of each tensor and counter, by name.
fn hashes(state: &State) -> BTreeMap<String, u64> {
    let of_tensors = state.tensors.iter().map(|(name, tensor)| {
        let bits = tensor.data().iter().map(|x| u64::from(x.to_bits()));
        (name.clone(), fnv1a(bits))
    });
    let of_counters = state.counters.iter().map(|(name, counter)| (name.clone(), *counter));
    of_tensors.chain(of_counters).collect()
}

/// 1, 2, 4, ... below `size`.
pub(crate) fn distances(size: usize) -> impl DoubleEndedIterator<Item = usize> {
    (0..size.next_power_of_two().ilog2()).map(|bit| 1 << bit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::Tensor;

    /// What `body` returns on each of `size` ranks.
    fn on_ranks<R: Send>(size: usize, body: impl Fn(&dyn Communicator) -> R + Sync) -> Vec<R> {
        crate::on_ranks(size, |rank| body(&rank))
    }

    #[test]
    fn all_ranks_know_the_largest_number_the_text_and_the_messages() {
        for size in 1..10 {
            for root in 0..size {
                let found = on_ranks(size, |ranks| {
                    let own = ranks.rank();
                    let number = if own == root { 9 } else { own as u64 % 7 };
                    let text = broadcast_text(ranks, root, if own == root { "héllo" } else { "" }).unwrap();
                    let messages = gather(ranks, &[own as u8; 3]).unwrap();
                    (maximum(ranks, number).unwrap(), text, messages)
                });
                let messages: Vec<Vec<u8>> = (0..size).map(|rank| vec![rank as u8; 3]).collect();
                assert_eq!(found, vec![(9, "héllo".to_owned(), messages); size], "{size} ranks, root {root}");
            }
        }
    }

    #[test]
    fn a_tensor_that_differs_is_named_with_its_rank() {
        let different = |wrong: Option<usize>| {
            on_ranks(3, |ranks| {
                let mut state = State::default();
                for name in ["a", "b", "c"] {
                    state.tensors.insert(name.into(), Tensor::full([3], 1.0));
                }
                if wrong == Some(ranks.rank()) {
                    state.tensors.get_mut("b").unwrap().data_mut()[2] += 1e-6;
                }
                compare(ranks, &state).unwrap()
            })
        };
        assert_eq!(different(None), vec![None; 3]);
        assert_eq!(different(Some(2)), vec![Some(Difference { rank: 2, name: "b".into() }); 3]);
        // All others differ from rank 0, which is the reference.
        assert_eq!(different(Some(0))[0].as_ref().map(|found| found.rank), Some(1));
    }

    #[test]
    fn a_rank_that_has_ended_is_an_error_and_no_waiting() {
        let found = on_ranks(2, |ranks| if ranks.rank() == 0 { Ok(0) } else { maximum(ranks, 1) });
        assert_eq!(found[1], Err(CommunicationError { peer: 0, why: "it has ended".into() }));
    }
}
