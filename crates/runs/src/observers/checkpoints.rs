//! Writes checkpoints during training. The newest two are kept.
//!
//! A new run is saved before its first step, so it can be resumed whenever it is killed, and a full
//! disk is noticed at once. That checkpoint is deleted when the first regular one is complete.

use std::path::PathBuf;

use models::System;

use crate::checkpoint::{self, Checkpoint};
use crate::diagnosis::OnSick;
use crate::failure::Failure;
use crate::layouts;
use crate::observers::{Observer, Opened, StepContext, StepRecord, TrainingContext};
use crate::storage::{Disk, RealDisk};

/// Saves every `every` steps and at the end.
struct Saving<'a> {
    disk: &'a dyn Disk,
    /// The run folder.
    run: PathBuf,
    every: u64,
    seed: u64,
    /// Text of the run's `config.toml`.
    config: String,
    /// The fingerprint of the images.
    data: String,
    /// The step of the last intact checkpoint; `None` for a new run.
    last: Option<u64>,
    /// Whether the newest two of those that are written every `every` steps are always kept, so
    /// that a sick run can return to the same one whether or not it was interrupted.
    keeps_regular: bool,
}

pub(super) fn open<'a>(training: &TrainingContext<'a>, _system: &dyn System) -> Opened<'a> {
    let config = training.config;
    Ok(Some(Box::new(Saving {
        disk: &RealDisk,
        run: training.run.to_owned(),
        every: config.checkpoint_every(),
        seed: config.seed(),
        config: config.to_toml(),
        data: training.data.fingerprint()?,
        last: (training.from > 0).then_some(training.from),
        keeps_regular: config.on_sick() == OnSick::Rollback,
    })))
}

impl Saving<'_> {
    /// Saves, and deletes all checkpoints except the new one and the one before it.
    fn save(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        self.write(now)?;
        self.last = Some(now.step);
        Ok(())
    }

    fn write(&self, now: &StepContext<'_>) -> Result<(), Failure> {
        let path = self.run.join("checkpoints").join(checkpoint::file_name(now.step));
        let checkpoint = Checkpoint {
            system: now.system.name().to_owned(),
            step: now.step,
            seed: self.seed,
            config: self.config.clone(),
            data: self.data.clone(),
            layouts: layouts::of(now.system).to_string(),
            state: now.system.state(),
        };
        checkpoint.write(self.disk, &path)?;
        // The new checkpoint is safe on disk, so the others can be deleted. Only it and the one
        // before it are kept: damaged checkpoints, and those later than the one that the user
        // resumed from, are deleted too.
        let mut keep: Vec<u64> = self.last.into_iter().chain([now.step]).collect();
        if self.keeps_regular {
            let newest = now.step / self.every * self.every;
            keep.extend([newest, newest.saturating_sub(self.every)]);
        }
        Ok(checkpoint::delete_older(self.disk, &self.run, &keep)?)
    }
}

impl Observer for Saving<'_> {
    fn start(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        if self.last.is_none() { self.write(now) } else { Ok(()) }
    }

    fn step(&mut self, now: &StepContext<'_>, _numbers: &StepRecord<'_>) -> Result<(), Failure> {
        if now.step.is_multiple_of(self.every) { self.save(now) } else { Ok(()) }
    }

    fn end(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        if self.last == Some(now.step) { Ok(()) } else { self.save(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, dataset};
    use crate::training::train_loop::train;

    fn steps(run: &std::path::Path) -> Vec<u64> {
        checkpoint::in_folder(run).unwrap().iter().map(|(step, _)| *step).collect()
    }

    fn saving(run: &std::path::Path, last: Option<u64>) -> Box<dyn Observer> {
        let (config, data) = (String::new(), String::new());
        Box::new(Saving {
            disk: &RealDisk,
            run: run.to_owned(),
            every: 3,
            seed: 1,
            config,
            data,
            last,
            keeps_regular: false,
        })
    }

    #[test]
    fn the_newest_two_are_kept_and_the_end_is_saved() {
        let run = tempfile::tempdir().unwrap();
        std::fs::create_dir(run.path().join("checkpoints")).unwrap();
        let mut fake = Fake::new(1);
        train(&mut fake, &dataset(9), (0, 10), None, &mut [saving(run.path(), None)], &|| false).unwrap();
        assert_eq!(steps(run.path()), [10, 9]);
        // Resumes from step 9: later checkpoints belong to a discarded history.
        train(&mut fake, &dataset(9), (9, 9), None, &mut [saving(run.path(), Some(9))], &|| false).unwrap();
        assert_eq!(steps(run.path()), [10, 9], "nothing new, nothing deleted");
        train(&mut fake, &dataset(9), (9, 11), None, &mut [saving(run.path(), Some(9))], &|| false).unwrap();
        assert_eq!(steps(run.path()), [11, 9]);
    }

    #[test]
    fn a_new_run_is_saved_before_its_first_step_and_keeps_that_until_the_next() {
        let run = tempfile::tempdir().unwrap();
        std::fs::create_dir(run.path().join("checkpoints")).unwrap();
        train(&mut Fake::new(1), &dataset(9), (0, 10), None, &mut [saving(run.path(), None)], &|| true).unwrap();
        assert_eq!(steps(run.path()), [0]);
        let saved = checkpoint::newest_good(run.path()).unwrap().checkpoint;
        assert_eq!((saved.step, saved.state), (0, Fake::new(1).state()));
        train(&mut Fake::new(1), &dataset(9), (0, 4), None, &mut [saving(run.path(), None)], &|| false).unwrap();
        assert_eq!(steps(run.path()), [4, 3], "the newest two");
    }

    #[test]
    fn a_divergence_keeps_the_last_good_one_and_saves_nothing() {
        let run = tempfile::tempdir().unwrap();
        std::fs::create_dir(run.path().join("checkpoints")).unwrap();
        let mut fake = Fake::new(1);
        fake.bad_step = Some(4);
        train(&mut fake, &dataset(9), (0, 10), None, &mut [saving(run.path(), None)], &|| false).unwrap_err();
        assert_eq!(steps(run.path()), [3]);
    }
}
