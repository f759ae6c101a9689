//! The two lines of the original notebook, `--log seed`.
//!
//! Every 100 steps it prints sums since the first step divided by the step's index. The index counts from 0, so at index
//! 99 a hundred values are divided by 99: every mean is 1 % too high and an accuracy can exceed 1. Kept as it is, for
//! comparing with old logs.

use crate::console::Console;
use crate::failure::Failure;
use crate::observe::{Moment, Numbers, Observer, PastRow};

/// Prints the notebook's lines.
pub(crate) struct SeedLog<'a> {
    console: &'a Console,
    sums: [f64; 4],
}

impl<'a> SeedLog<'a> {
    /// Sums start with the steps that were done before this process.
    pub(crate) fn new(console: &'a Console, history: &[PastRow]) -> Self {
        let mut log = Self { console, sums: [0.0; 4] };
        for (_, values) in history {
            log.add(values);
        }
        log
    }

    fn add(&mut self, values: &[f64]) {
        for (sum, value) in self.sums.iter_mut().zip(values) {
            *sum += value;
        }
    }
}

impl Observer for SeedLog<'_> {
    fn step(&mut self, now: &Moment<'_>, numbers: &Numbers<'_>) -> Result<(), Failure> {
        self.add(numbers.values);
        let index = now.step - 1;
        if index % 100 == 99 {
            self.console.data(&lines(index, &self.sums))?;
        }
        Ok(())
    }
}

/// Both lines for the step of index `index`.
fn lines(index: u64, sums: &[f64; 4]) -> String {
    let [d_loss, d_acc, a_loss, a_acc] = sums.map(|sum| sum / index as f64);
    format!("Epoch #{index}\n{index}: [D loss: {d_loss:.6}, acc: {d_acc:.6}]  [A loss: {a_loss:.6}, acc: {a_acc:.6}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_notebooks_two_lines_with_its_quirk() {
        assert_eq!(
            lines(99, &[69.3, 100.0, 99.0, 0.0]),
            "Epoch #99\n99: [D loss: 0.700000, acc: 1.010101]  [A loss: 1.000000, acc: 0.000000]"
        );
    }
}
