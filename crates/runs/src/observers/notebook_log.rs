//! The log lines of the original programs; each system names the function that formats them.

use models::System;

use crate::console::Console;
use crate::failure::Failure;
use crate::observers::{LogStyle, Observer, Opened, StepContext, StepRecord, TrainingContext};
use models::MetricDescription;

/// The data for the log lines.
#[derive(Debug)]
pub(crate) struct StepReport<'a> {
    /// The step, from 0.
    index: u64,
    /// Steps per epoch, and the total number of epochs.
    epoch_steps: u64,
    epochs: u64,
    /// The descriptions of the step's metrics, and their values.
    metrics: &'static [MetricDescription],
    values: &'a [f64],
    /// The sums of the metrics since the first step.
    sums: &'a [f64],
    /// The metrics of the previous step, if there was one.
    before: Option<&'a [f64]>,
    /// The final height of the images.
    size: usize,
    /// Seconds since this process started training, and since the last line.
    seconds: [f64; 2],
}

/// Formats the lines after a step, if the original prints any at this point.
pub(crate) type Lines = fn(&StepReport<'_>) -> Option<String>;

/// Prints the lines.
struct NotebookLog<'a> {
    console: &'a Console,
    lines: Lines,
    epoch_steps: u64,
    sums: Vec<f64>,
    before: Option<Vec<f64>>,
    seconds: [f64; 2],
}

pub(super) fn open<'a>(training: &TrainingContext<'a>, system: &dyn System) -> Opened<'a> {
    if training.log != LogStyle::Notebook {
        return Ok(None);
    }
    // Points are drawn on demand, so their epoch never ends.
    let images = training.data.counts().first().copied();
    let epoch_steps = images.map_or(u64::MAX, |count| count.div_ceil(system.batch_size()) as u64);
    let (console, lines) = (training.console, training.config.entry.notebook_log);
    Ok(Some(Box::new(NotebookLog { console, lines, epoch_steps, sums: Vec::new(), before: None, seconds: [0.0; 2] })))
}

impl NotebookLog<'_> {
    fn add(&mut self, values: &[f64]) {
        self.sums.resize(values.len(), 0.0);
        for (sum, value) in self.sums.iter_mut().zip(values) {
            *sum += value;
        }
    }
}

impl Observer for NotebookLog<'_> {
    /// The sums include the steps of earlier processes.
    fn past_step(&mut self, _step: u64, values: &[f64]) {
        self.add(values);
        self.before = Some(values.to_vec());
    }

    fn step(&mut self, now: &StepContext<'_>, numbers: &StepRecord<'_>) -> Result<(), Failure> {
        self.add(numbers.values);
        self.seconds = self.seconds.map(|seconds| seconds + numbers.seconds);
        let report = StepReport {
            index: now.step - 1,
            epoch_steps: self.epoch_steps,
            epochs: now.total.div_ceil(self.epoch_steps),
            metrics: now.system.metrics(),
            values: numbers.values,
            sums: &self.sums,
            before: self.before.as_deref(),
            size: now.system.image_shape().map_or(0, |[height, ..]| height),
            seconds: self.seconds,
        };
        let lines = (self.lines)(&report);
        self.before = Some(numbers.values.to_vec());
        match lines {
            Some(lines) => {
                self.seconds[1] = 0.0;
                self.console.data(&lines)
            }
            None => Ok(()),
        }
    }
}

impl StepReport<'_> {
    /// The metric with this name; 0 if the system has none.
    fn value(&self, name: &str) -> f64 {
        self.among(self.values, name)
    }

    fn among(&self, values: &[f64], name: &str) -> f64 {
        self.metrics.iter().position(|metric| metric.name == name).map_or(0.0, |at| values[at])
    }

    /// The epoch and the step within it, both from 0.
    fn epoch_and_step(&self) -> (u64, u64) {
        (self.index / self.epoch_steps, self.index % self.epoch_steps)
    }
}

/// quickdraw's notebook: two lines every 100 steps, the sums since the first step divided by the
/// step's index. The index starts at 0, so at index 99 a hundred values are divided by 99: every
/// mean is 1 % too high, and an accuracy can exceed 1. The mistake is kept so that logs can be
/// compared with the original's.
pub(crate) fn notebook(report: &StepReport<'_>) -> Option<String> {
    let index = report.index;
    let mean = |at: usize| report.sums.get(at).map_or(0.0, |sum| sum / index as f64);
    let [d_loss, d_acc, a_loss, a_acc] = [0, 1, 2, 3].map(mean);
    (index % 100 == 99).then(|| {
        format!(
            "Epoch #{index}\n{index}: [D loss: {d_loss:.6}, acc: {d_acc:.6}]  [A loss: {a_loss:.6}, acc: {a_acc:.6}]"
        )
    })
}

/// Udacity's course: a line every `EVERY` steps of an epoch.
pub(crate) fn course<const EVERY: u64>(report: &StepReport<'_>) -> Option<String> {
    let (epoch, step) = report.epoch_and_step();
    let (epochs, d, g) = (report.epochs, report.value("d_loss"), report.value("g_loss"));
    step.is_multiple_of(EVERY)
        .then(|| format!("Epoch [{:5}/{epochs:5}] | d_loss: {d:6.4} | g_loss: {g:6.4}", epoch + 1))
}

/// Keras-GAN: a line at every step.
pub(crate) fn keras_gan(report: &StepReport<'_>) -> Option<String> {
    let (d, right, g) = (report.value("d_loss"), 100.0 * report.value("d_acc"), report.value("g_loss"));
    Some(format!("{} [D loss: {d:.6}, acc.: {right:.2}%] [G loss: {g:.6}]", report.index))
}

/// The horses of Chollet's book: two lines every 100 steps, starting with the first; the spelling
/// is the original's.
pub(crate) fn horses(report: &StepReport<'_>) -> Option<String> {
    let (d, g) = (report.value("d_loss"), report.value("g_loss"));
    report.index.is_multiple_of(100).then(|| format!("discriminator loss: {d}\nadversarial_loss: {g}"))
}

/// PyTorch's DCGAN example: a line at every step.
pub(crate) fn example(report: &StepReport<'_>) -> Option<String> {
    let ((epoch, step), steps, epochs) = (report.epoch_and_step(), report.epoch_steps, report.epochs);
    let [d_loss, g_loss, real, before, after] =
        ["d_loss", "g_loss", "d_real", "d_fake", "g_fake"].map(|name| report.value(name));
    Some(format!(
        "[{epoch}/{epochs}][{step}/{steps}] Loss_D: {d_loss:.4} Loss_G: {g_loss:.4} D(x): {real:.4} \
         D(G(z)): {before:.4} / {after:.4}"
    ))
}

/// `d_a` for `d_a_loss`, as CycleGAN's authors name losses.
fn short(metric: &MetricDescription) -> &str {
    if metric.is_loss() { metric.name.trim_end_matches("_loss") } else { metric.name }
}

/// CycleGAN's authors: every 100 steps a line with all metrics by name.
pub(crate) fn by_name(report: &StepReport<'_>) -> Option<String> {
    let ((epoch, step), values) = (report.epoch_and_step(), report.metrics.iter().zip(report.values));
    let values: String = values.map(|(metric, value)| format!(" {}: {value:.3}", short(metric))).collect();
    ((report.index + 1).is_multiple_of(100)).then(|| format!("(epoch: {}, iters: {}){values}", epoch + 1, step + 1))
}

/// ProGAN and its successors: one line (a "tick") per thousand images. `lod` is the number of
/// resolution doublings still to come; 0 for a system that does not grow.
pub(crate) fn ticks(report: &StepReport<'_>) -> Option<String> {
    let kimg = report.value("kimg");
    let before = report.before.map_or(0.0, |values| report.among(values, "kimg"));
    let grown = |resolution: f64| (report.size as f64 / resolution).log2() + 1.0 - report.value("alpha");
    let lod = if report.metrics.iter().any(|metric| metric.name == "resolution") {
        grown(report.value("resolution"))
    } else {
        0.0
    };
    let ([time, tick], minibatch) = (report.seconds, ((kimg - before) * 1000.0).round());
    let (hours, minutes, rest) = (time as u64 / 3600, time as u64 / 60 % 60, time as u64 % 60);
    (kimg.floor() > before.floor()).then(|| {
        format!(
            "tick {:<5} kimg {kimg:<8.1} lod {lod:<5.2} minibatch {minibatch:<4} time {hours}h {minutes:02}m {rest:02}s    \
             sec/tick {tick:<7.1} sec/kimg {:<7.2}",
            kimg.floor(),
            tick / (kimg.floor() - before.floor()),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::step_metrics::{D_ACC, D_FAKE, D_LOSS, D_REAL, G_ACC, G_FAKE, G_LOSS, KIMG, Unit};

    const METRICS: [MetricDescription; 7] = [D_LOSS, D_ACC, G_LOSS, G_ACC, D_REAL, D_FAKE, G_FAKE];
    const VALUES: [f64; 7] = [1.383_04, 0.5, 0.688_26, 0.25, 0.75, 0.4, 0.35];

    fn report(index: u64) -> StepReport<'static> {
        StepReport {
            index,
            epoch_steps: 938,
            epochs: 100,
            metrics: &METRICS,
            values: &VALUES,
            sums: &[69.3, 100.0, 99.0, 0.0],
            before: None,
            size: 28,
            seconds: [0.0; 2],
        }
    }

    #[test]
    fn the_notebooks_two_lines_keep_their_quirk() {
        assert_eq!(
            notebook(&report(99)).unwrap(),
            "Epoch #99\n99: [D loss: 0.700000, acc: 1.010101]  [A loss: 1.000000, acc: 0.000000]"
        );
        assert_eq!(notebook(&report(98)), None);
    }

    #[test]
    fn the_others_print_their_own() {
        assert_eq!(course::<400>(&report(0)).unwrap(), "Epoch [    1/  100] | d_loss: 1.3830 | g_loss: 0.6883");
        assert_eq!(course::<400>(&report(938 + 800)).unwrap()[..14], *"Epoch [    2/ ");
        assert_eq!((course::<400>(&report(1)), course::<400>(&report(401))), (None, None));
        assert_eq!(keras_gan(&report(7)).unwrap(), "7 [D loss: 1.383040, acc.: 50.00%] [G loss: 0.688260]");
        assert_eq!(horses(&report(300)).unwrap(), "discriminator loss: 1.38304\nadversarial_loss: 0.68826");
        assert_eq!(horses(&report(299)), None);
        assert_eq!(
            example(&report(940)).unwrap(),
            "[1/100][2/938] Loss_D: 1.3830 Loss_G: 0.6883 D(x): 0.7500 D(G(z)): 0.4000 / 0.3500"
        );
        const GROWING: [MetricDescription; 3] = [
            MetricDescription::new("resolution", Unit::Pixels, ""),
            MetricDescription::new("alpha", Unit::Share, ""),
            KIMG,
        ];
        let (before, values) = ([8.0, 0.25, 9.992], [8.0, 0.25, 10.008]);
        let report_at = |before| StepReport {
            metrics: &GROWING,
            values: &values,
            before,
            size: 32,
            seconds: [75.0, 12.5],
            ..report(625)
        };
        assert_eq!(
            ticks(&report_at(Some(&before))).unwrap(),
            "tick 10    kimg 10.0     lod 2.75  minibatch 16   time 0h 01m 15s    sec/tick 12.5    sec/kimg 12.50  "
        );
        assert_eq!(ticks(&report_at(Some(&values))), None);
        let line = ticks(&StepReport { metrics: &GROWING[2..], values: &values[2..], before: None, ..report_at(None) });
        assert!(line.as_deref().is_some_and(|line| line.contains("lod 0.00 ")), "{line:?}");
        let line = by_name(&report(99)).unwrap();
        assert!(line.starts_with("(epoch: 1, iters: 100) d: 1.383 d_acc: 0.500 g: 0.688"), "{line}");
    }
}
