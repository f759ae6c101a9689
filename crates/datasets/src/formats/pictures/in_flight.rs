//! [`InFlight`]: limits the memory for pictures that are decoded at the same time.

use std::sync::{Condvar, Mutex, PoisonError};

/// A budget of bytes shared by all threads. A request larger than the budget is granted when no
/// other is active.
pub(super) struct InFlight {
    most: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

/// Some bytes of the budget, returned when dropped.
pub(super) struct Permit<'a> {
    bytes: u64,
    from: &'a InFlight,
}

impl InFlight {
    pub(super) fn new(most: u64) -> Self {
        Self { most, used: Mutex::new(0), freed: Condvar::new() }
    }

    /// Waits until `bytes` are free, and takes them.
    pub(super) fn take(&self, bytes: u64) -> Permit<'_> {
        let bytes = bytes.min(self.most);
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |used: &mut u64| *used + bytes > self.most;
        let mut used = self.freed.wait_while(used, full).unwrap_or_else(PoisonError::into_inner);
        *used += bytes;
        Permit { bytes, from: self }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.from.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.from.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn the_sum_stays_below_the_bound_and_large_ones_are_alone() {
        let (in_flight, now) = (InFlight::new(100), AtomicU64::new(0));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
        pool.install(|| {
            (0..400_u64).into_par_iter().for_each(|number| {
                let bytes = if number % 50 == 7 { 1000 } else { 1 + number * 13 % 60 };
                let _permit = in_flight.take(bytes);
                let others = now.fetch_add(bytes, Ordering::SeqCst);
                assert!(others + bytes <= 100 || others == 0, "{others} and {bytes}");
                std::thread::yield_now();
                now.fetch_sub(bytes, Ordering::SeqCst);
            });
        });
        assert_eq!(*in_flight.used.lock().unwrap(), 0);
    }
}
