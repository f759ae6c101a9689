//! Prints the plan as one line or as a table.

use super::forecast::{Forecast, Stage};
use super::{Needs, time};
use crate::observers::progress::duration;
use serde_json::{Value, json};

/// Formats a number of bytes with two or three digits.
pub(crate) fn size(bytes: u64) -> String {
    let (mut number, mut unit) = (bytes as f64, "B");
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
        if number < 1000.0 {
            break;
        }
        (number, unit) = (number / 1024.0, next);
    }
    if number < 10.0 && unit != "B" { format!("{number:.1} {unit}") } else { format!("{number:.0} {unit}") }
}

impl Needs {
    /// The seconds of a step in each stage, without messages between ranks.
    fn step_seconds(&self) -> Vec<f64> {
        let Forecast { stages, sharers, .. } = &self.forecast;
        let works: Vec<_> = stages.iter().map(|stage| (&stage.work, stage.looked_at * sharers)).collect();
        time::of_steps(&works)
    }

    /// The plan in one line.
    pub(crate) fn line(&self) -> String {
        let steps = self.step_seconds();
        let stages = &self.forecast.stages;
        let count = |at: usize| stages[at].steps.end - stages[at].steps.start;
        let all: u64 = (0..stages.len()).map(count).sum();
        let total: f64 = (0..stages.len()).map(|at| count(at) as f64 * steps[at]).sum();
        let step = match (steps.iter().copied().reduce(f64::min), steps.iter().copied().reduce(f64::max)) {
            (Some(least), Some(most)) if most > 2.0 * least => format!("{} to {}", duration(least), duration(most)),
            (_, most) => duration(most.unwrap_or(0.0)),
        };
        let run = if all > 1 { format!(", all {all} steps about {}", duration(total)) } else { String::new() };
        let of = self.budget.room.as_ref().map_or_else(String::new, |room| format!(" of {} free", size(room.bytes)));
        format!(
            "needs        about {}{of}; a step about {step}{run}; {} a checkpoint",
            size(self.memory()),
            size(self.written.checkpoint)
        )
    }

    /// The whole plan in bytes and seconds.
    pub(crate) fn json(&self) -> Value {
        let steps = self.step_seconds();
        let stage = |(stage, seconds): (&Stage, &f64)| {
            json!({
                "name": if stage.name.is_empty() { "all" } else { &stage.name },
                "from_step": stage.steps.start,
                "steps": stage.steps.end - stage.steps.start,
                "batch": stage.batch,
                "seconds_of_a_step": seconds,
            })
        };
        let room = self.budget.room.as_ref();
        json!({
            "memory": self.memory(),
            "free_memory": room.map(|room| room.bytes),
            "memory_set_by": room.map(|room| &room.set_by),
            "ranks": self.budget.ranks,
            "shards": self.forecast.shards,
            "data": self.data,
            "data_cache": self.cache,
            "checkpoint": self.written.checkpoint,
            "disk": self.written.most(),
            "stages": self.forecast.stages.iter().zip(&steps).map(stage).collect::<Vec<_>>(),
        })
    }

    /// The whole plan, for `--dry-run`.
    pub(crate) fn table(&self) -> String {
        let forecast = &self.forecast;
        let most = |of: fn(&Stage) -> u64| forecast.stages.iter().map(of).max().unwrap_or(0);
        let (step, packed) = (most(|stage| stage.step), most(|stage| stage.packed));
        let known = forecast.state() + step + packed;
        let largest_step = match forecast.shards {
            1 => "the largest step: activations, gradients".to_owned(),
            shards => format!("the largest step, in {shards} shards"),
        };
        let has_ranks = self.budget.ranks > 1;
        let rows = [
            ("weights", forecast.weights),
            ("averages and pools", forecast.copies),
            ("optimisers", forecast.optimizers),
            (&*largest_step, step),
            ("kernels' packing", packed),
            ("sheets, and buffers kept for reuse", forecast.tensors.saturating_sub(known)),
            ("a checkpoint or a sheet being written", self.passing),
            ("data", self.data),
            ("messages between ranks", self.messages()),
            ("program and threads", self.program()),
            (if has_ranks { "total memory of a rank" } else { "total memory" }, self.memory()),
        ];
        let mut text = String::new();
        for (what, bytes) in rows.into_iter().filter(|(what, _)| has_ranks || !what.starts_with("messages")) {
            text += &format!("{what:<42} {:>9}\n", size(bytes));
        }
        match &self.budget.room {
            Some(room) => text += &format!("{:<42} {:>9}  {}\n", "free", size(room.bytes), room.set_by),
            None => text += &format!("{:<42} {:>9}\n", "free", "unknown"),
        }
        let steps = self.step_seconds();
        text += &format!(
            "\n{:<24} {:>12} {:>6} {:>10} {:>10} {:>12}\n",
            "stage", "from step", "batch", "memory", "a step", "all steps"
        );
        for (at, stage) in forecast.stages.iter().enumerate() {
            let name = if stage.name.is_empty() { "all" } else { &stage.name };
            let all = (stage.steps.end - stage.steps.start) as f64 * steps[at];
            text += &format!(
                "{name:<24} {:>12} {:>6} {:>10} {:>10} {:>12}\n",
                stage.steps.start,
                stage.batch,
                size(self.memory_of(at)),
                duration(steps[at]),
                duration(all)
            );
        }
        let written = &self.written;
        let disk = [
            ("a checkpoint (two are kept)", written.checkpoint),
            ("sheets and curves, at most", written.pictures),
            ("metrics", written.lines),
            ("probes", written.probes),
            ("report, at most", written.report),
            ("events for TensorBoard", written.events),
            ("disk space, at most", written.most()),
            ("in addition, a cache of decoded pictures", self.cache),
        ];
        text.push('\n');
        for (what, bytes) in disk.into_iter().filter(|(_, bytes)| *bytes > 0) {
            text += &format!("{what:<42} {:>9}\n", size(bytes));
        }
        text
    }
}
