//! A clock for the kernels: where the time of a training step goes.
//!
//! Every `f32` kernel passes through [`time`], which costs one look at a thread's variable as long as nobody listens. Between
//! [`start`] and [`stop`] it takes the time of every kernel that this thread calls, into [`Timings`]: one row per kernel and
//! *place*, the layer on whose behalf it was called. The engine says which that is with [`enter`]. Nothing that is computed
//! depends on it.

mod table;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

pub use table::Timings;

/// What kind of work a kernel does: the totals are per kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The convolution family, bound by arithmetic.
    Convolution,
    /// Bound by arithmetic too.
    MatrixProduct,
    /// All that does little with each number that it reads or writes, bound by memory.
    Memory,
    /// The updates of the weights.
    Optimizer,
    /// Putting the real images of a step together.
    Batch,
}

/// Which way through the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From the input to the loss; and everything that is in neither direction, such as the optimiser.
    #[default]
    Forward,
    /// The sweep back.
    Backward,
}

/// How much a call has to do, by the least count: no products with padding, each number read or written once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    /// Nobody counted.
    Unknown,
    /// Multiply-adds, which count as two operations.
    Products(usize),
    /// Numbers of four bytes read or written.
    Floats(usize),
}

/// What some calls took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// How many calls.
    pub calls: u64,
    /// Wall time.
    pub seconds: f64,
    /// Floating-point operations, where they are what counts.
    pub flops: f64,
    /// Bytes moved, where they are what counts.
    pub bytes: f64,
}

impl Spent {
    fn add(&mut self, work: Work, seconds: f64) {
        self.calls += 1;
        self.seconds += seconds;
        match work {
            Work::Unknown => {}
            Work::Products(products) => self.flops += 2.0 * products as f64,
            Work::Floats(floats) => self.bytes += 4.0 * floats as f64,
        }
    }
}

/// A clock that runs.
struct Clock {
    timings: Timings,
    place: Rc<str>,
    direction: Direction,
    /// In a call whose time is being taken: what it calls itself is part of it.
    busy: bool,
}

thread_local! {
    static CLOCK: RefCell<Option<Clock>> = const { RefCell::new(None) };
}

/// From now on, the kernels that this thread calls are added to `timings`.
pub fn start(timings: Timings) {
    let clock = Clock { timings, place: "".into(), direction: Direction::Forward, busy: false };
    CLOCK.set(Some(clock));
}

/// Ends what [`start`] began; returns what was given to it, with what has been added. Empty if the clock was not running.
pub fn stop() -> Timings {
    CLOCK.take().map_or_else(Timings::default, |clock| clock.timings)
}

/// Does `body`, a call of the kernel named `kernel` that has so much to do.
pub fn time<R>(kind: Kind, kernel: &'static str, work: Work, body: impl FnOnce() -> R) -> R {
    let listening = CLOCK.with_borrow_mut(|clock| match clock {
        Some(clock) => !std::mem::replace(&mut clock.busy, true),
        None => false,
    });
    if !listening {
        return body();
    }
    let start = Instant::now();
    let result = body();
    let seconds = start.elapsed().as_secs_f64();
    CLOCK.with_borrow_mut(|clock| {
        if let Some(clock) = clock {
            clock.busy = false;
            clock.timings.spent(&clock.place, kernel, kind, clock.direction).add(work, seconds);
        }
    });
    result
}

/// Until the value that it returns is dropped, this thread's kernels are called on behalf of `place`.
#[must_use = "the place is left when this is dropped"]
pub fn enter(place: &Rc<str>, direction: Direction) -> Stay {
    let inside = |clock: &mut Clock| {
        let outer = std::mem::replace(&mut clock.place, Rc::clone(place));
        (outer, std::mem::replace(&mut clock.direction, direction))
    };
    Stay(CLOCK.with_borrow_mut(|clock| clock.as_mut().map(inside)))
}

/// A stay at a place: see [`enter`]. Remembers where the thread was before.
pub struct Stay(Option<(Rc<str>, Direction)>);

impl Drop for Stay {
    fn drop(&mut self) {
        let Some((place, direction)) = self.0.take() else { return };
        CLOCK.with_borrow_mut(|clock| {
            if let Some(clock) = clock {
                (clock.place, clock.direction) = (place, direction);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Binary, Element};

    #[test]
    fn kernels_are_counted_where_they_were_called_and_only_while_the_clock_runs() {
        let (x, mut y) = ([1.0_f32; 6], [0.0; 6]);
        let mut add = || f32::binary(Binary::Add, &x, &x, &mut y);
        add();
        start(Timings::default());
        let layer: Rc<str> = "net.layer".into();
        {
            let _stay = enter(&layer, Direction::Forward);
            add();
            let _stay = enter(&layer, Direction::Backward);
            add();
            add();
        }
        add();
        let timings = stop();
        add();
        let found: Vec<_> =
            timings.rows().iter().map(|row| (&*row.place, row.kernel, row.spent.map(|s| s.calls))).collect();
        assert_eq!(found, [("net.layer", "add", [1, 2]), ("", "add", [1, 0])]);
        assert_eq!(timings.rows()[0].spent[1].bytes, 2.0 * 3.0 * 6.0 * 4.0);
        assert!(stop().rows().is_empty());
    }

    #[test]
    fn what_a_timed_call_calls_is_part_of_it() {
        start(Timings::default());
        let inner = || time(Kind::Memory, "inner", Work::Unknown, || 1);
        let sum = time(Kind::Batch, "outer", Work::Unknown, || inner() + inner()) + inner();
        let timings = stop();
        let found: Vec<_> = timings.rows().iter().map(|row| (row.kernel, row.spent[0].calls)).collect();
        assert_eq!((sum, found), (3, vec![("outer", 1), ("inner", 1)]));
    }
}
