//! A moving average that forgets slowly: most of the old value, and a little of the new one.

pub fn update_running(running: &mut [f64], batch: &[f64], keep: f64) {
    for c in 0..running.len() {
        running[c] = keep * running[c] + (1.0 - keep) * batch[c];
    }
}
