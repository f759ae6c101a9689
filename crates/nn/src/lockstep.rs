//! The passes of all shards at once, with sums over the shards in the middle of a pass.
//!
//! Synchronised batch normalisation needs numbers of all shards in each of its layers. For this,
//! the pass of each shard of this process gets a thread; that of the first shard stays on the
//! calling thread. At every [sum](ShardGroup::sum) a pass contributes its numbers and waits for
//! those of the others.
//!
//! Only one of these threads computes at a time, and they take turns in the order of the shards.
//! So they need no more processors than a single pass, and their memory can be planned:
//!
//! ```text
//! shard 0   pass, numbers                             sum, pass, numbers
//! shard 1                  pass, numbers                                 pass, numbers
//! shard 2                                pass, numbers                                 pass, ...
//! ```
//!
//! When all have contributed, it is the turn of the first shard again. Its thread adds the numbers
//! along the tree of [`Shards`](crate::Shards), and exchanges messages with the other ranks.
//!
//! The kernels of the other threads run in rayon's global pool. While the calling thread waits, it
//! executes them if it belongs to that pool, so a pool of one thread is enough. It may also execute
//! other jobs, such as a step of another network, which do not [see](JobLocal) the pass that waits.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use kernels::job_local::{self, JobLocal};
use kernels::timing;
use tensor::{ShardGroup, meta};

use crate::observer;
use crate::overlap::Completed;
use crate::reduction::{Sums, across};
use crate::{CommunicationError, Communicator, Shard, StepError};

/// How long the calling thread looks for kernels of the other threads before it pauses.
const PATIENCE: Duration = Duration::from_millis(1);
const PAUSE: Duration = Duration::from_micros(100);

/// Calls `pass` for each shard of the range `own` out of `count`, and returns the results in order.
/// The observer of this thread sees only the pass of shard 0.
///
/// # Errors
/// When another rank cannot be reached, or a thread cannot be started.
///
/// # Panics
/// When a pass panics, or the passes need different numbers of sums.
pub(crate) fn run<R: Send>(
    count: usize,
    own: Range<usize>,
    ranks: Option<Arc<dyn Communicator>>,
    pass: &(impl Fn(Shard) -> R + Sync),
) -> Result<Vec<R>, StepError> {
    let places = own.len();
    let lockstep = &Arc::new(Lockstep::new(count, own, ranks));
    let (account, is_timed) = (meta::account(), timing::is_on());
    let outcomes = thread::scope(|scope| {
        let start = |place: usize| {
            let account = account.clone();
            let body = move || {
                let take_part = || Lockstep::take_part(lockstep, place, pass);
                timing::part(is_timed, || meta::run_with(account, take_part))
            };
            let name = format!("shard {}", lockstep.own.start + place);
            thread::Builder::new().name(name).spawn_scoped(scope, body)
        };
        let mut others = Vec::new();
        for place in 1..places {
            match start(place) {
                Ok(thread) => others.push(thread),
                Err(why) => {
                    lockstep.stop(|state| state.error = Some(StepError::Thread(why.to_string())));
                    return Vec::new();
                }
            }
        }
        let first = Lockstep::take_part(lockstep, 0, pass);
        drop(lockstep.wait(0, State::have_all_ended));
        let others = others.into_iter().map(|thread| {
            let (outcome, timings) = thread.join()?;
            timing::add(timings);
            outcome
        });
        [first].into_iter().chain(others).collect()
    });
    let (results, stopped): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    if let Some(panic) = stopped.into_iter().filter_map(Result::err).find(|payload| !payload.is::<Stopped>()) {
        resume_unwind(panic);
    }
    match lockstep.state().error.take() {
        None => Ok(results.into_iter().flatten().collect()),
        Some(error) => Err(error),
    }
}

/// What the passes of the shards of this process share.
struct Lockstep {
    count: usize,
    own: Range<usize>,
    ranks: Option<Arc<dyn Communicator>>,
    state: Mutex<State>,
    /// Notified when the state changes.
    changed: Condvar,
}

/// The passes are numbered by their place among those of this process.
struct State {
    /// The pass whose turn it is.
    turn: usize,
    has_ended: Vec<bool>,
    /// The numbers for the next sum, in the order of the shards.
    contributed: Vec<Vec<f64>>,
    sum: Vec<f64>,
    /// Whether all passes stop at their next sum, because one of them has panicked, or because of
    /// the error.
    is_stopped: bool,
    error: Option<StepError>,
}

impl State {
    fn have_all_ended(&self) -> bool {
        self.has_ended.iter().all(|has_ended| *has_ended)
    }
}

const UNEQUAL: &str = "shards: a pass needs a sum over the shards, but another one has ended";

/// The payload with which a pass unwinds when all passes stop.
struct Stopped;

impl Lockstep {
    fn new(count: usize, own: Range<usize>, ranks: Option<Arc<dyn Communicator>>) -> Self {
        let state = State {
            turn: 0,
            has_ended: vec![false; own.len()],
            contributed: Vec::new(),
            sum: Vec::new(),
            is_stopped: false,
            error: None,
        };
        Self { count, own, ranks, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `pass` when it is its turn. An error is the payload of a panic.
    fn take_part<R>(this: &Arc<Self>, place: usize, pass: &impl Fn(Shard) -> R) -> Result<R, Box<dyn Any + Send>> {
        let shard = Shard { number: this.own.start + place, count: this.count };
        let member = Member { lockstep: Arc::clone(this), place, sums: RefCell::default(), repeated: Cell::new(None) };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            drop(this.wait_for_turn(place));
            let pass = || as_member(Some(Rc::new(member)), || pass(shard));
            if shard.number == 0 { pass() } else { observer::unobserved(pass) }
        }));
        if outcome.is_err() {
            this.stop(|_| ());
        }
        let mut state = this.state();
        state.has_ended[place] = true;
        let next = (place + 1..this.own.len()).chain(0..place).find(|place| !state.has_ended[*place]);
        state.turn = next.unwrap_or(place);
        this.changed.notify_all();
        outcome
    }

    /// The sum of the numbers of all shards, of which the pass at `place` contributes `own`.
    fn sum(&self, place: usize, own: Vec<f64>) -> Vec<f64> {
        self.contribute(place, own);
        let mut state = self.wait_for_turn(place);
        if place > 0 {
            return state.sum.clone();
        }
        let contributed = core::mem::take(&mut state.contributed);
        drop(state);
        assert!(contributed.len() == self.own.len(), "{UNEQUAL}");
        match self.add_up(contributed) {
            Ok(sum) => {
                self.state().sum.clone_from(&sum);
                sum
            }
            Err(error) => {
                self.stop(|state| state.error = Some(error.into()));
                resume_unwind(Box::new(Stopped))
            }
        }
    }

    fn contribute(&self, place: usize, own: Vec<f64>) {
        let mut state = self.state();
        if state.is_stopped {
            return;
        }
        if state.has_ended.contains(&true) {
            drop(state);
            panic!("{UNEQUAL}");
        }
        state.contributed.push(own);
        state.turn = (place + 1) % self.own.len();
        self.changed.notify_all();
    }

    /// The sum over all shards, from the numbers of those of this process.
    fn add_up(&self, own: Vec<Vec<f64>>) -> Result<Vec<f64>, CommunicationError> {
        let mut sums = Sums::new(self.count);
        for (number, numbers) in self.own.clone().zip(own) {
            sums.insert_shard(number, numbers, &Completed::default());
        }
        match &self.ranks {
            None => Ok(sums.root()),
            Some(ranks) => across(&**ranks, sums, &Completed::default()),
        }
    }

    /// Makes all passes stop.
    fn stop(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        state.is_stopped = true;
        change(&mut state);
        self.changed.notify_all();
    }

    /// Waits for the turn of the pass at `place`, and unwinds if all passes stop.
    fn wait_for_turn(&self, place: usize) -> MutexGuard<'_, State> {
        let state = self.wait(place, |state| state.turn == place || state.is_stopped);
        if state.is_stopped {
            drop(state);
            resume_unwind(Box::new(Stopped));
        }
        state
    }

    /// Waits on the thread of the pass at `place` until `holds` returns true.
    fn wait(&self, place: usize, holds: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.state();
        let mut idle_since = Instant::now();
        while !holds(&state) {
            // The kernels of the other threads may need this thread, if it belongs to the pool.
            let is_of_the_pool = place == 0 && rayon::current_thread_index().is_some();
            if !is_of_the_pool {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if idle_since.elapsed() > PATIENCE {
                state = self.changed.wait_timeout(state, PAUSE).unwrap_or_else(PoisonError::into_inner).0;
            }
            drop(state);
            match job_local::wait(rayon::yield_now) {
                Some(rayon::Yield::Executed) => idle_since = Instant::now(),
                _ => thread::yield_now(),
            }
            state = self.state();
        }
        state
    }
}

/// The shards of a batch, as one of their passes sees them.
pub(crate) struct Member {
    lockstep: Arc<Lockstep>,
    place: usize,
    /// The sums since [`begin`](Member::begin).
    sums: RefCell<Vec<Vec<f64>>>,
    /// While a computation is repeated: which of the sums is next.
    repeated: Cell<Option<usize>>,
}

impl ShardGroup for Member {
    fn count(&self) -> usize {
        self.lockstep.count
    }

    fn sum(&self, own: Vec<f64>) -> Vec<f64> {
        if let Some(next) = self.repeated.get() {
            self.repeated.set(Some(next + 1));
            return self.sums.borrow()[next].clone();
        }
        let sum = self.lockstep.sum(self.place, own);
        self.sums.borrow_mut().push(sum.clone());
        sum
    }
}

impl Member {
    /// Begins a computation that may have to be repeated.
    pub(crate) fn begin(&self) {
        self.sums.borrow_mut().clear();
    }

    /// Runs `body`, which repeats the computation since [`begin`](Member::begin), with the same
    /// sums: the passes of the other shards do not take part.
    pub(crate) fn repeat<R>(&self, body: impl FnOnce() -> R) -> R {
        self.repeated.set(Some(0));
        let result = body();
        self.repeated.set(None);
        result
    }
}

thread_local! {
    static MEMBER: JobLocal<Rc<Member>> = const { JobLocal::new() };
}

/// The shards of the batch to which the pass on this thread belongs, if their passes run in
/// lockstep.
pub(crate) fn current() -> Option<Rc<Member>> {
    MEMBER.with(JobLocal::get)
}

/// Runs `body` outside the pass of this thread.
pub(crate) fn outside<R>(body: impl FnOnce() -> R) -> R {
    as_member(None, body)
}

fn as_member<R>(member: Option<Rc<Member>>, body: impl FnOnce() -> R) -> R {
    /// Restores the outer member when it is dropped, also in a panic.
    struct Restore(Option<Rc<Member>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            MEMBER.with(|own| own.replace(self.0.take()));
        }
    }
    let _restore = Restore(MEMBER.with(|own| own.replace(member)));
    body()
}
