//! [`Ranks`]: the processes that train one run together, and what they agree on.
//!
//! All ranks agree on the failure or request of a single rank, at the same points of the program:
//! see [`Ranks::agree`]. All of them then continue, or return the same failure, so none waits for a
//! rank that has ended. Between two such points, a rank keeps its failure to itself.

mod machine;
mod message;
mod start;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use kernels::timing::{Category, Work, time};
use models::System;
use nn::collectives::{self, Difference};
use nn::{CommunicationError, Communicator};

use crate::failure::{Code, Failure};
use crate::plan::Budget;
use crate::plan::limits::{self, Room};
pub use machine::threads;
pub(crate) use start::{same_data, same_program, same_request};

/// The processes that train one run together, as one of them sees them; by default this process
/// alone.
///
/// All ranks must make the same [request](crate::training::TrainRequest). Rank 0 writes the run
/// folder and prints; the others only compute.
#[derive(Clone, Default)]
pub struct Ranks(Option<Arc<Several>>);

struct Several {
    messages: Box<dyn Communicator>,
    /// The name of this rank's computer, for people.
    machine: String,
    /// Equal on ranks that share a computer, and with it memory and processors.
    host: String,
    state: AtomicU8,
}

/// The ranks exchange messages.
const TALKING: u8 = 0;
/// They have agreed on a failure: each rank knows that all others end, too.
const ENDED: u8 = 1;
/// A message could not be exchanged.
const BROKEN: u8 = 2;

/// The votes of [`Ranks::agree_on`]: 0 to continue, up to [`MOST_WISHED`] to end in order, more
/// than `FAILED` after a failure: the most for that of rank 0.
const FAILED: u64 = 1 << 32;
const MOST_WISHED: u64 = FAILED - 1;

impl Ranks {
    /// The ranks that exchange `messages`; `machine` is the name of this rank's computer.
    pub fn new(messages: impl Communicator + 'static, machine: impl Into<String>) -> Self {
        Self::started_by(messages, machine, &machine::boot_id())
    }

    /// `boot` tells computers of the same name apart.
    fn started_by(messages: impl Communicator + 'static, machine: impl Into<String>, boot: &str) -> Self {
        let several = messages.size() > 1;
        let (messages, machine, state) = (Box::new(messages), machine.into(), AtomicU8::new(TALKING));
        let host = format!("{machine} {boot}");
        Self(several.then(|| Arc::new(Several { messages, machine, host, state })))
    }

    /// The number of this rank, from 0.
    pub fn rank(&self) -> usize {
        self.0.as_ref().map_or(0, |several| several.messages.rank())
    }

    /// The number of ranks.
    pub fn size(&self) -> usize {
        self.0.as_ref().map_or(1, |several| several.messages.size())
    }

    /// Whether a message could not be exchanged. The other ranks may wait for this one, so the
    /// process must end them.
    pub fn are_broken(&self) -> bool {
        self.0.as_ref().is_some_and(|several| several.state.load(Ordering::Relaxed) == BROKEN)
    }

    /// The result of this rank if no rank failed; otherwise the failure of the first rank that did,
    /// on all ranks. Must be called by all ranks, unless they have already agreed on a failure.
    ///
    /// # Errors
    /// The failure, which names the rank if it is not rank 0. When a rank cannot be reached.
    pub fn agree<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        self.agree_on(result, 0).map(|(value, _)| value)
    }

    /// As [`agree`](Self::agree). Also returns the largest of the numbers of all ranks.
    ///
    /// # Errors
    /// As [`agree`](Self::agree).
    pub(crate) fn agree_on<T>(&self, result: Result<T, Failure>, wish: u32) -> Result<(T, u32), Failure> {
        let Some(several) = &self.0 else { return result.map(|value| (value, wish)) };
        if several.state.load(Ordering::Relaxed) != TALKING {
            return result.map(|value| (value, wish));
        }
        let size = self.size() as u64;
        let vote = if result.is_err() { FAILED + size - self.rank() as u64 } else { wish.into() };
        let maximum = || collectives::maximum(&*several.messages, vote);
        let largest = several.exchanged(time(Category::Messages, "agreement", Work::Unknown, maximum))?;
        if largest <= MOST_WISHED {
            // A rank that failed would have voted for it.
            return result.map(|value| (value, largest as u32));
        }
        several.state.store(ENDED, Ordering::Relaxed);
        let first = (FAILED + size - largest) as usize;
        let own = result.err().filter(|_| self.rank() == first).map(|failure| message::encode(&failure));
        let text =
            several.exchanged(collectives::broadcast_text(&*several.messages, first, &own.unwrap_or_default()))?;
        let failure = message::decode(&text);
        if first == 0 {
            return Err(failure);
        }
        let machine = if self.rank() == first { several.machine.as_str() } else { "" };
        let machine = several.exchanged(collectives::broadcast_text(&*several.messages, first, machine))?;
        let rank = format!("rank {first} of {}, on {machine}", self.size());
        let place = failure.place.clone().map_or_else(|| rank.clone(), |place| format!("{place} ({rank})"));
        Err(failure.at(place))
    }

    /// Lets the ranks exchange messages again after they agreed on a failure.
    pub(crate) fn resume_talking(&self) {
        if let Some(several) = &self.0 {
            let _ = several.state.compare_exchange(ENDED, TALKING, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// The bytes of rank 0, on all ranks.
    ///
    /// # Errors
    /// When a rank cannot be reached.
    pub(crate) fn of_rank_0(&self, bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let Some(several) = &self.0 else { return Ok(bytes) };
        several.exchanged(collectives::broadcast_vec(&*several.messages, 0, bytes))
    }

    /// Rejects ranks whose `text` differs, with the message `what`.
    ///
    /// # Errors
    /// Names the first rank that differs from rank 0; the same error on all ranks.
    pub fn same(&self, what: &str, text: &str) -> Result<(), Failure> {
        let all = self.all(text)?;
        let Some(rank) = all.iter().position(|other| *other != all[0]) else { return Ok(()) };
        if let Some(several) = &self.0 {
            several.state.store(ENDED, Ordering::Relaxed);
        }
        Err(Failure::new(Code::Config, what)
            .at(format!("rank {rank} of {}", self.size()))
            .because(format!("rank 0: {}\nrank {rank}: {}", all[0], all[rank])))
    }

    /// The texts of all ranks, by rank.
    ///
    /// # Errors
    /// When a rank cannot be reached.
    pub(crate) fn all(&self, text: &str) -> Result<Vec<String>, Failure> {
        let Some(several) = &self.0 else { return Ok(vec![text.to_owned()]) };
        let from = |rank| collectives::broadcast_text(&*several.messages, rank, text);
        several.exchanged((0..self.size()).map(from).collect())
    }

    /// The memory that each of these ranks may use in a run: the ranks on a machine divide what is
    /// free there, and the rank with the smallest share decides.
    ///
    /// # Errors
    /// When a rank cannot be reached.
    pub(crate) fn budget(&self) -> Result<Budget, Failure> {
        self.budget_with(limits::room_beside)
    }

    /// `room` returns what one rank may use if this number of ranks are on this machine.
    fn budget_with(&self, room: impl Fn(usize) -> Option<Room>) -> Result<Budget, Failure> {
        let Some(several) = &self.0 else { return Ok(Budget { room: room(1), ranks: 1 }) };
        let here = self.all(&several.host)?.iter().filter(|host| **host == several.host).count();
        let own = room(here).map(|Room { bytes, own, set_by }| {
            let set_by = format!("{set_by} on {}", several.machine);
            serde_json::json!([bytes, own, set_by]).to_string()
        });
        let all = self.all(&own.unwrap_or_default())?;
        let rooms = all.iter().filter_map(|text| serde_json::from_str::<(u64, u64, String)>(text).ok());
        let room = rooms.map(|(bytes, own, set_by)| Room { bytes, own, set_by }).min_by_key(|room| room.bytes);
        Ok(Budget { room, ranks: self.size() })
    }

    /// Lets the ranks share the steps of `system`.
    ///
    /// # Errors
    /// When the number of ranks does not divide that of the shards, or the environment sets no
    /// valid size of a bucket.
    pub(crate) fn share(&self, system: &mut dyn System) -> Result<(), Failure> {
        let Some(several) = &self.0 else { return Ok(()) };
        let name = system.name();
        let bucket_bytes = start::bucket_bytes()?.unwrap_or_else(|| several.messages.bucket_bytes());
        system.share(Arc::new(Messages { several: Arc::clone(several), bucket_bytes })).map_err(|error| {
            Failure::new(Code::Config, "the batch cannot be shared by these ranks")
                .at(format!("{name}, setting `{}`", error.key))
                .because(error.why)
        })
    }

    /// Rejects a state that differs between the ranks.
    ///
    /// # Errors
    /// Names the rank and the tensor; the same error on all ranks.
    pub(crate) fn compare(&self, system: &dyn System, step: u64) -> Result<(), Failure> {
        let Some(several) = &self.0 else { return Ok(()) };
        match several.exchanged(collectives::compare(&*several.messages, &system.state()))? {
            None => Ok(()),
            Some(Difference { rank, name }) => {
                several.state.store(ENDED, Ordering::Relaxed);
                Err(Failure::new(Code::Wrong, "the ranks no longer have the same weights")
                    .at(format!("step {step}, rank {rank} of {}", self.size()))
                    .because(format!(
                        "`{name}` differs from that of rank 0; equal steps give equal bits, so the memory or the processor \
                         of one of the two machines is at fault"
                    ))
                    .help(start::other_machine()))
            }
        }
    }

    /// Notes that a message could not be exchanged.
    pub(crate) fn are_lost(&self) {
        if let Some(several) = &self.0 {
            several.state.store(BROKEN, Ordering::Relaxed);
        }
    }
}

impl Several {
    /// Converts the error, and notes that a message could not be exchanged.
    fn exchanged<T>(&self, result: Result<T, CommunicationError>) -> Result<T, Failure> {
        result.map_err(|error| {
            self.state.store(BROKEN, Ordering::Relaxed);
            Failure::new(Code::Network, "the ranks have lost their connection")
                .at(format!("rank {} of {}", self.messages.rank(), self.messages.size()))
                .because(error)
        })
    }
}

impl fmt::Debug for Ranks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rank {} of {}", self.rank(), self.size())
    }
}

/// Times a message, including the wait for the other rank.
fn timed<R>(kind: &'static str, bytes: usize, exchange: impl FnOnce() -> R) -> R {
    time(Category::Messages, kind, Work::Floats(bytes / 4), exchange)
}

/// The messages of a system's steps.
struct Messages {
    several: Arc<Several>,
    bucket_bytes: usize,
}

impl Communicator for Messages {
    fn rank(&self) -> usize {
        self.several.messages.rank()
    }
    fn size(&self) -> usize {
        self.several.messages.size()
    }
    fn send(&self, to: usize, bytes: &[u8]) -> Result<(), CommunicationError> {
        timed("send", bytes.len(), || self.several.messages.send(to, bytes))
    }
    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<(), CommunicationError> {
        timed("receive", bytes.len(), || self.several.messages.receive(from, bytes))
    }
    fn exchange(&self, peer: usize, bytes: &[u8], received: &mut [u8]) -> Result<(), CommunicationError> {
        timed("exchange", bytes.len() + received.len(), || self.several.messages.exchange(peer, bytes, received))
    }
    fn exchange_in_background(&self, peer: usize, bytes: &[u8], received: &mut [u8]) -> Result<(), CommunicationError> {
        self.several.messages.exchange_in_background(peer, bytes, received)
    }
    fn bucket_bytes(&self) -> usize {
        self.bucket_bytes
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.several.messages.fmt(f)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::fake::Fake;

    /// What `body` returns on each of `size` ranks.
    pub(crate) fn on_ranks<R: Send>(size: usize, body: impl Fn(&Ranks) -> R + Sync) -> Vec<R> {
        on_machines(&vec![["here", "1"]; size], body)
    }

    /// The same on ranks that are on the machines with these names and identifiers.
    fn on_machines<R: Send>(machines: &[[&str; 2]], body: impl Fn(&Ranks) -> R + Sync) -> Vec<R> {
        nn::on_ranks(machines.len(), |rank| {
            let [machine, boot] = machines[rank.rank()];
            body(&Ranks::started_by(rank, machine, boot))
        })
    }

    #[test]
    fn all_ranks_go_on_or_return_the_failure_of_the_first_that_failed() {
        let fails = |failing: &'static [usize]| {
            on_ranks(4, |ranks| {
                let failure = Failure::new(Code::Data, format!("no images {}", ranks.rank())).at("a/b");
                let own = if failing.contains(&ranks.rank()) { Err(failure) } else { Ok(ranks.rank()) };
                ranks.agree_on(own, ranks.rank() as u32 % 3)
            })
        };
        assert_eq!(fails(&[]), [Ok((0, 2)), Ok((1, 2)), Ok((2, 2)), Ok((3, 2))]);
        for failure in fails(&[3, 2]).into_iter().map(Result::unwrap_err) {
            let Failure { code, what, place, .. } = failure;
            assert_eq!(
                (code, &*what, place.as_deref()),
                (Code::Data, "no images 2", Some("a/b (rank 2 of 4, on here)"))
            );
        }
        assert!(
            fails(&[1, 0]).iter().all(|failed| failed.clone().unwrap_err().to_string() == "no images 0\n  where: a/b")
        );
    }

    #[test]
    fn after_an_agreed_failure_no_rank_waits_for_another() {
        on_ranks(2, |ranks| {
            let failed = ranks.agree::<()>(Err(Failure::new(Code::Storage, "full"))).unwrap_err();
            // Rank 1 does not take part any more.
            if ranks.rank() == 0 {
                assert_eq!(ranks.agree::<()>(Err(failed.clone())), Err(failed));
            }
            assert!(!ranks.are_broken());
        });
        let lost = on_ranks(2, |ranks| if ranks.rank() == 0 { Ok(()) } else { ranks.agree(Ok(())) });
        let failure = lost[1].clone().unwrap_err();
        assert_eq!(failure.code, Code::Network);
        assert!(failure.to_string().contains("rank 1 of 2"), "{failure}");
    }

    #[test]
    fn other_weights_and_other_programs_are_named_with_their_rank() {
        let compared = on_ranks(3, |ranks| ranks.compare(&Fake::new(if ranks.rank() == 1 { 5 } else { 4 }), 100));
        for failure in compared.into_iter().map(Result::unwrap_err) {
            let text = failure.to_string();
            assert!(failure.code == Code::Wrong && text.contains("rank 1 of 3") && text.contains("`weight`"), "{text}");
        }
        assert_eq!(on_ranks(3, |ranks| ranks.compare(&Fake::new(4), 100)), vec![Ok(()); 3]);
        let said = on_ranks(3, |ranks| ranks.same("different", if ranks.rank() == 2 { "b" } else { "a" }));
        assert!(said.iter().all(|same| same.clone().unwrap_err().to_string().contains("rank 2: b")));
    }

    #[test]
    fn ranks_on_one_machine_divide_its_memory_and_the_one_with_the_least_decides() {
        // Other machines also have the name of the small one.
        let machines = [["big", "1"], ["small", "2"], ["big", "1"], ["small", "2"], ["small", "2"], ["small", "3"]];
        let budgets = on_machines(&machines, |ranks| {
            let free = if machines[ranks.rank()][0] == "big" { 16 } else { 12 };
            let room = |ranks: usize| {
                let set_by = format!("free, divided by {ranks} ranks");
                Some(Room { bytes: free / ranks as u64, own: ranks as u64, set_by })
            };
            ranks.budget_with(room).unwrap()
        });
        for Budget { room, ranks } in budgets {
            let set_by = "free, divided by 3 ranks on small".into();
            assert_eq!((room, ranks), (Some(Room { bytes: 4, own: 3, set_by }), 6));
        }
        let unknown = on_ranks(2, |ranks| ranks.budget_with(|_| None).unwrap().room);
        assert_eq!(unknown, [None, None]);
    }

    #[test]
    fn one_process_alone_agrees_with_itself() {
        let ranks = Ranks::default();
        assert_eq!((ranks.rank(), ranks.size(), ranks.agree(Ok(3))), (0, 1, Ok(3)));
        assert_eq!(ranks.of_rank_0(vec![7]), Ok(vec![7]));
        assert_eq!(ranks.all("a"), Ok(vec!["a".to_owned()]));
    }
}
