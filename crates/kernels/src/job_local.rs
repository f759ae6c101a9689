//! [`JobLocal`]: a thread-local variable that other jobs of the thread do not see.
//!
//! A thread of rayon's pool that waits for the rest of a kernel executes other jobs meanwhile. In a
//! program that trains several networks in one pool, such a job can be a whole step of another
//! network. It must not see what belongs to the step that waits, such as its observer.

use std::cell::{Cell, RefCell};

thread_local! {
    /// The number of waits on the stack of this thread.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Runs `body`, in which this thread may execute other jobs of rayon's pool. They do not see its
/// [`JobLocal`] variables, and neither does `body`.
pub fn wait<R>(body: impl FnOnce() -> R) -> R {
    /// Ends the wait when it is dropped, also in a panic.
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            DEPTH.set(DEPTH.get() - 1);
        }
    }
    DEPTH.set(DEPTH.get() + 1);
    let _leave = Leave;
    body()
}

/// The content of a `thread_local!` variable: one value for each job on the stack of the thread,
/// with the number of waits in which the job runs.
#[derive(Debug)]
pub struct JobLocal<T>(RefCell<Vec<(usize, T)>>);

impl<T> JobLocal<T> {
    /// A variable without a value.
    #[allow(clippy::new_without_default, reason = "a `thread_local!` needs a constant")]
    pub const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// Sets the value of this job, and returns the one before.
    pub fn replace(&self, value: Option<T>) -> Option<T> {
        let (mut all, depth) = (self.0.borrow_mut(), DEPTH.get());
        let before = all.iter().position(|(of, _)| *of == depth).map(|at| all.swap_remove(at).1);
        if let Some(value) = value {
            all.push((depth, value));
        }
        before
    }

    /// Passes the value of this job to `body`, which must not use the variable.
    pub fn with<R>(&self, body: impl FnOnce(Option<&mut T>) -> R) -> R {
        let (mut all, depth) = (self.0.borrow_mut(), DEPTH.get());
        body(all.iter_mut().find(|(of, _)| *of == depth).map(|(_, value)| value))
    }

    /// A copy of the value of this job.
    pub fn get(&self) -> Option<T>
    where
        T: Clone,
    {
        self.with(|value| value.cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_within_a_wait_has_its_own_value() {
        let variable = JobLocal::new();
        assert_eq!(variable.replace(Some(1)), None);
        wait(|| {
            assert_eq!((variable.get(), variable.replace(Some(2))), (None, None));
            assert!(std::panic::catch_unwind(|| wait(|| panic!("a job"))).is_err());
            assert_eq!(variable.replace(Some(3)), Some(2));
        });
        variable.with(|value| *value.unwrap() += 10);
        assert_eq!((variable.replace(None), variable.get()), (Some(11), None));
        // The job above did not remove its value, which concerns no other depth.
        assert_eq!(wait(|| variable.get()), Some(3));
    }
}
