//! A profiler for kernels: where the time of a training step goes.
//!
//! Every `f32` kernel runs inside [`time`], which only reads a thread-local variable unless
//! profiling is on. Between [`start`] and [`stop`], the time of each kernel that this thread calls
//! is added to [`Timings`], with one row per kernel and *scope*: the layer for which it was called.
//! The engine sets the scope with [`enter`]. No result depends on any of this.

mod table;

use std::rc::Rc;
use std::time::Instant;

use crate::job_local::JobLocal;

pub use table::{Measurement, Timings};

/// The category of a kernel. Totals are given per category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Convolutions and their gradients, bound by arithmetic.
    Convolution,
    /// Matrix products, also bound by arithmetic.
    MatrixProduct,
    /// Kernels that do little work per number, bound by memory.
    Memory,
    /// Updates of the weights.
    Optimizer,
    /// Assembling the batch of real images.
    Batch,
    /// Messages to and from other ranks, with the waits for them.
    Messages,
}

/// The direction of a pass through the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// The forward pass, and everything that belongs to neither pass, such as the optimiser.
    #[default]
    Forward,
    /// The backward pass.
    Backward,
}

/// The least amount of work that a call needs: no products with padding, and each number read or
/// written once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    /// Not counted.
    Unknown,
    /// Multiply-adds, which count as two operations each.
    Products(u64),
    /// The number of floats read or written.
    Floats(usize),
}

/// The cost of some calls.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// The number of calls.
    pub calls: u64,
    /// Wall time.
    pub seconds: f64,
    /// Floating-point operations, for kernels bound by arithmetic.
    pub flops: f64,
    /// Bytes read and written, for kernels bound by memory.
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

/// The state while profiling is on.
struct Profiler {
    timings: Timings,
    scope: Rc<str>,
    direction: Direction,
    /// Whether a timed call is running. Kernels that it calls are part of it.
    busy: bool,
}

thread_local! {
    static PROFILER: JobLocal<Profiler> = const { JobLocal::new() };
}

fn with_profiler<R>(body: impl FnOnce(Option<&mut Profiler>) -> R) -> R {
    PROFILER.with(|own| own.with(body))
}

/// Starts to add the kernels that this thread calls to `timings`.
pub fn start(timings: Timings) {
    let profiler = Profiler { timings, scope: "".into(), direction: Direction::Forward, busy: false };
    PROFILER.with(|own| own.replace(Some(profiler)));
}

/// Stops profiling and returns the timings given to [`start`], with all that was added. Empty if
/// profiling was off.
pub fn stop() -> Timings {
    PROFILER.with(|own| own.replace(None)).map_or_else(Timings::default, |profiler| profiler.timings)
}

/// Whether profiling is on.
pub fn is_on() -> bool {
    with_profiler(|profiler| profiler.is_some())
}

/// The measurements of a [`part`] of a computation.
#[derive(Debug)]
pub struct Part(Vec<(String, &'static str, Category, [Spent; 2])>);

/// Runs `body`, a part of a computation for which another thread waits, and measures it if
/// profiling [is on](is_on) on the waiting thread.
pub fn part<R>(is_on: bool, body: impl FnOnce() -> R) -> (R, Part) {
    if is_on {
        start(Timings::default());
    }
    let result = body();
    let timings = stop();
    let measurements = timings.measurements().iter();
    let all = measurements.map(|row| (row.scope.to_string(), row.kernel, row.category, row.spent));
    (result, Part(all.collect()))
}

/// Adds the measurements of a [`part`] that ran on another thread, if profiling is on.
pub fn add(part: Part) {
    with_profiler(|profiler| {
        let Some(profiler) = profiler else { return };
        for (scope, kernel, category, [forward, backward]) in part.0 {
            let scope: Rc<str> = scope.into();
            for (direction, spent) in [(Direction::Forward, forward), (Direction::Backward, backward)] {
                let sum = profiler.timings.spent(&scope, kernel, category, direction);
                sum.calls += spent.calls;
                sum.seconds += spent.seconds;
                sum.flops += spent.flops;
                sum.bytes += spent.bytes;
            }
        }
    });
}

/// Runs `body`, a call of the kernel named `kernel` with the given amount of work, and times it if
/// profiling is on.
pub fn time<R>(category: Category, kernel: &'static str, work: Work, body: impl FnOnce() -> R) -> R {
    let profiling = with_profiler(|profiler| match profiler {
        Some(profiler) => !std::mem::replace(&mut profiler.busy, true),
        None => false,
    });
    if !profiling {
        return body();
    }
    let start = Instant::now();
    let result = body();
    let seconds = start.elapsed().as_secs_f64();
    with_profiler(|profiler| {
        if let Some(profiler) = profiler {
            profiler.busy = false;
            profiler.timings.spent(&profiler.scope, kernel, category, profiler.direction).add(work, seconds);
        }
    });
    result
}

/// Sets the scope and direction of the kernels that this thread calls, until the returned guard is
/// dropped.
#[must_use = "dropping this restores the previous scope"]
pub fn enter(scope: &Rc<str>, direction: Direction) -> ScopeGuard {
    let inside = |profiler: &mut Profiler| {
        let outer = std::mem::replace(&mut profiler.scope, Rc::clone(scope));
        (outer, std::mem::replace(&mut profiler.direction, direction))
    };
    ScopeGuard(with_profiler(|profiler| profiler.map(inside)))
}

/// Restores the previous scope when dropped: see [`enter`].
pub struct ScopeGuard(Option<(Rc<str>, Direction)>);

impl Drop for ScopeGuard {
    fn drop(&mut self) {
        let Some((scope, direction)) = self.0.take() else { return };
        with_profiler(|profiler| {
            if let Some(profiler) = profiler {
                (profiler.scope, profiler.direction) = (scope, direction);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Binary, Element};

    #[test]
    fn kernels_are_counted_in_their_scope_and_only_while_profiling() {
        let (x, mut y) = ([1.0_f32; 6], [0.0; 6]);
        let mut add = || f32::binary(Binary::Add, &x, &x, &mut y);
        add();
        start(Timings::default());
        let layer: Rc<str> = "net.layer".into();
        {
            let _guard = enter(&layer, Direction::Forward);
            add();
            let _guard = enter(&layer, Direction::Backward);
            add();
            add();
        }
        add();
        let timings = stop();
        add();
        let found: Vec<_> = timings
            .measurements()
            .iter()
            .map(|entry| (&*entry.scope, entry.kernel, entry.spent.map(|s| s.calls)))
            .collect();
        assert_eq!(found, [("net.layer", "add", [1, 2]), ("", "add", [1, 0])]);
        assert_eq!(timings.measurements()[0].spent[1].bytes, 2.0 * 3.0 * 6.0 * 4.0);
        assert!(stop().measurements().is_empty());
    }

    #[test]
    fn parts_on_other_threads_are_added_while_profiling() {
        let work = || time(Category::Memory, "work", Work::Floats(10), || 1);
        let elsewhere = |is_on: bool| std::thread::spawn(move || part(is_on, work).1).join().unwrap();
        assert!(!is_on() && elsewhere(false).0.is_empty());
        add(elsewhere(true)); // profiling is off here
        start(Timings::default());
        work();
        add(elsewhere(is_on()));
        let timings = stop();
        let spent = timings.measurements()[0].spent[0];
        assert_eq!((timings.measurements().len(), spent.calls, spent.bytes), (1, 2, 80.0));
    }

    #[test]
    fn kernels_inside_a_timed_call_are_part_of_it() {
        start(Timings::default());
        let inner = || time(Category::Memory, "inner", Work::Unknown, || 1);
        let sum = time(Category::Batch, "outer", Work::Unknown, || inner() + inner()) + inner();
        let timings = stop();
        let found: Vec<_> = timings.measurements().iter().map(|entry| (entry.kernel, entry.spent[0].calls)).collect();
        assert_eq!((sum, found), (3, vec![("outer", 1), ("inner", 1)]));
    }
}
