//! The progress display: on a terminal a bar with speed, time left and the current metrics; without
//! one, and in the log, at most forty plain lines.

use std::collections::VecDeque;
use std::time::Instant;

use indicatif::ProgressBar;
use models::System;

use datasets::plural;
use models::MetricDescription;

use crate::console::{Console, Output};
use crate::failure::Failure;
use crate::observers::{LogStyle, Observer, Opened, StepContext, StepRecord, TrainingContext};

/// The largest number of plain lines of a run.
const MOST_LINES: u64 = 40;
/// The speed and the metrics in the bar are averages over this many steps.
const WINDOW: usize = 50;
/// The remaining time is estimated after this many steps; the first step also fills caches.
const FIRST: usize = 5;

/// Shows progress.
struct Progress<'a> {
    console: &'a Console,
    bar: Option<ProgressBar>,
    /// The interval between plain lines, in steps.
    every: u64,
    /// The sums of the metrics since the last plain line, and the number of steps in them.
    sums: Vec<f64>,
    count: u32,
    /// Whether the remaining time has been reported.
    estimated: bool,
    /// The most recent steps: end time and metrics of each.
    recent: VecDeque<(Instant, Vec<f64>)>,
}

pub(super) fn open<'a>(training: &TrainingContext<'a>, _system: &dyn System) -> Opened<'a> {
    if training.log != LogStyle::Default {
        return Ok(None);
    }
    let every = interval(training.config.steps().saturating_sub(training.from));
    let (console, bar) = (training.console, training.bar.clone());
    let (sums, recent) = (Vec::new(), VecDeque::new());
    Ok(Some(Box::new(Progress { console, bar, every, sums, count: 0, estimated: false, recent })))
}

impl Progress<'_> {
    /// Steps per second over the recent steps; `None` while there are fewer than two.
    fn rate(&self) -> Option<f64> {
        let (first, last) = (self.recent.front()?.0, self.recent.back()?.0);
        let seconds = last.duration_since(first).as_secs_f64();
        (seconds > 0.0).then(|| (self.recent.len() - 1) as f64 / seconds)
    }

    /// Reports the estimated time left as soon as it is known, unless the first plain line is due
    /// soon anyway.
    fn estimate(&mut self, now: &StepContext<'_>) {
        if self.estimated || self.recent.len() < FIRST || self.every <= FIRST as u64 {
            return;
        }
        self.estimated = true;
        if let Some(rate) = self.rate() {
            let left = now.total - now.step;
            let line = format!(
                "time         about {} for {left} more {} ({} steps/s)",
                duration(left as f64 / rate),
                plural(left as usize, "step"),
                digits(rate)
            );
            self.print(&line);
        }
    }

    /// Writes a plain line to the log, and to the output if there is no bar.
    fn print(&self, line: &str) {
        match &self.bar {
            Some(_) => self.console.log(line),
            None => self.console.say(line),
        }
    }

    fn speed(&self, now: &StepContext<'_>) -> String {
        match self.rate() {
            Some(rate) if now.step < now.total => {
                let left = (now.total - now.step) as f64 / rate;
                format!("{} steps/s, {} left", digits(rate), duration(left))
            }
            Some(rate) => format!("{} steps/s", digits(rate)),
            None => "...".to_owned(),
        }
    }
}

/// A progress bar, if there is a terminal. It appears with the first step.
pub(crate) fn bar(output: &Output, from: u64, total: u64) -> Option<ProgressBar> {
    Some(output.bar(total, "[{bar:8}] {pos}/{len} {wide_msg}")?.with_position(from))
}

impl Observer for Progress<'_> {
    fn step(&mut self, now: &StepContext<'_>, numbers: &StepRecord<'_>) -> Result<(), Failure> {
        if self.sums.is_empty() {
            self.sums = vec![0.0; numbers.values.len()];
        }
        for (sum, value) in self.sums.iter_mut().zip(numbers.values) {
            *sum += value;
        }
        self.count += 1;
        self.recent.push_back((Instant::now(), numbers.values.to_vec()));
        if self.recent.len() > WINDOW {
            self.recent.pop_front();
        }

        self.estimate(now);

        let metrics = now.system.metrics();
        if let Some(bar) = &self.bar {
            let recent = self.recent.len() as f64;
            let mean = |at: usize| self.recent.iter().map(|(_, values)| values[at]).sum::<f64>() / recent;
            // The losses come first: they fit into 80 columns; the other metrics need a wider
            // terminal.
            let mut order: Vec<usize> = (0..metrics.len()).collect();
            order.sort_by_key(|&at| !metrics[at].is_loss());
            let means: Vec<String> =
                order.into_iter().map(|at| format!("{} {:.3}", metrics[at].name, mean(at))).collect();
            bar.set_message(format!("{} {}", self.speed(now), means.join(" ")));
            bar.set_position(now.step);
        }
        if now.is_due(self.every) {
            let means: Vec<f64> = self.sums.iter().map(|sum| sum / f64::from(self.count)).collect();
            let width = now.total.to_string().len();
            let line =
                format!("step {:>width$}/{}  {}  {}", now.step, now.total, named(metrics, &means), self.speed(now));
            self.print(&line);
            self.sums.fill(0.0);
            self.count = 0;
        }
        self.console.check()
    }

    fn end(&mut self, _now: &StepContext<'_>) -> Result<(), Failure> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.console.check()
    }
}

/// `d_loss 0.4123  d_acc 0.8100`.
fn named(metrics: &[MetricDescription], values: &[f64]) -> String {
    let both = metrics.iter().zip(values);
    both.map(|(metric, value)| format!("{} {value:.4}", metric.name)).collect::<Vec<_>>().join("  ")
}

/// The roundest interval for which `steps` steps give at most [`MOST_LINES`] lines.
fn interval(steps: u64) -> u64 {
    let mut decade = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let every = decade.saturating_mul(factor);
            if steps / every < MOST_LINES {
                return every;
            }
        }
        decade = decade.saturating_mul(10);
    }
}

/// Formats a number with three significant digits, but at most two decimals.
fn digits(number: f64) -> String {
    match number {
        100.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

/// Formats seconds for display: `0.32 ms`, `350 ms`, `4.5 s`, `45 s`, `27 min`, `1 h 12 min`.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        0.0 => return "0 s".to_owned(),
        s if s < 0.000_995 => return format!("{:.2} ms", 1000.0 * s),
        s if s < 0.009_95 => return format!("{:.1} ms", 1000.0 * s),
        s if s < 0.995 => return format!("{:.0} ms", 1000.0 * s),
        s if s < 9.95 => return format!("{s:.1} s"),
        _ => {}
    }
    let seconds = seconds.round() as u64;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_run_writes_more_than_forty_lines() {
        for steps in (1..5000).chain([2_000_000, u64::from(u32::MAX)]) {
            assert!(steps / interval(steps) < MOST_LINES, "{steps}");
        }
        assert_eq!(interval(2000), 100);
        assert_eq!(interval(10), 1);
    }

    #[test]
    fn times_are_given_in_words() {
        assert_eq!(
            [0.0, 0.000_32, 0.003_21, 0.35, 0.9949].map(duration),
            ["0 s", "0.32 ms", "3.2 ms", "350 ms", "995 ms"]
        );
        assert_eq!([0.999, 4.52, 9.96, 45.2].map(duration), ["1.0 s", "4.5 s", "10 s", "45 s"]);
        assert_eq!(duration(1600.0), "27 min");
        assert_eq!(duration(7200.0 + 720.0), "2 h 12 min");
    }
}
