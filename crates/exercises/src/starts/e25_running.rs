//! Exercise 25: running statistics. (Guide: c10_normalisation)
//!
//! In training, batch normalisation uses the statistics of the batch. On the side it keeps an average of them, for the
//! time when there is no batch:
//!
//!     running = keep * running + (1 - keep) * batch
//!
//! Given:   running, one number a channel; batch, the same statistic of this batch; keep, such as 0.9.
//! Wanted:  running is updated in place.
//!
//! Repair the function.
//!
//!     cargo run -p exercises -- check 25

pub fn update_running(running: &mut [f64], batch: &[f64], keep: f64) {
    for c in 0..running.len() {
        running[c] = (1.0 - keep) * batch[c];
    }
}
