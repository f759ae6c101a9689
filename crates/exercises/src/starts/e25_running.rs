//! Exercise 25: running statistics. (Guide: c10_normalisation)
//!
//! During training, batch normalisation uses the statistics of the batch. It also updates a moving
//! average of them, which is used after training, when there is no batch:
//!
//!     running = keep * running + (1 - keep) * batch
//!
//! Given:   running, one number per channel; batch, the same statistic of this batch; keep, such as
//!          0.9.
//! Result:  running, updated in place.
//!
//! Repair the function.
//!
//!     cargo run -p exercises -- check 25

pub fn update_running(running: &mut [f64], batch: &[f64], keep: f64) {
    for c in 0..running.len() {
        running[c] = (1.0 - keep) * batch[c];
    }
}
