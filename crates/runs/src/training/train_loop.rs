//! The training loop: trains on batches and passes the metrics to the observers.

use std::time::Instant;

use crate::data::{Batches, Dataset};
use crate::failure::{Code, Failure};
use crate::observers::probe::Prober;
use crate::observers::probe::collector::collect;
use crate::observers::{Observer, StepContext, StepRecord};
use crate::processor;
use crate::ranks::Ranks;
use crate::signals;
use models::{StepError, System};
use tensor::Tensor;

/// How a training ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps are done.
    Finished,
    /// Stopped by the user after this step of the run.
    Stopped(u64),
}

/// The number of steps between two comparisons of the ranks' weights. A comparison reads all
/// weights once.
const COMPARED_EVERY: u64 = 100;

/// The request to stop without a signal. The request of a signal is its number.
const STOP: u32 = 1 << 16;

/// Trains `system` from step `from` to `total`, and takes the probes of `prober`. `stop` is called
/// after every step.
///
/// # Errors
/// When a value is not finite, an image cannot be read, or an observer fails.
#[cfg(test)]
pub(crate) fn train(
    system: &mut dyn System,
    data: &Dataset,
    span: (u64, u64),
    prober: Option<Prober<'_>>,
    observers: &mut [Box<dyn Observer + '_>],
    stop: &dyn Fn() -> bool,
) -> Result<Ending, Failure> {
    train_on(&Ranks::default(), system, data, span, (prober, observers), stop)
}

/// As `train`, together with the other ranks. Any of them can stop all of them.
///
/// # Errors
/// As `train`, on any rank; and when a rank cannot be reached, or has other weights.
pub(crate) fn train_on(
    ranks: &Ranks,
    system: &mut dyn System,
    data: &Dataset,
    (from, total): (u64, u64),
    (mut prober, observers): (Option<Prober<'_>>, &mut [Box<dyn Observer + '_>]),
    stop: &dyn Fn() -> bool,
) -> Result<Ending, Failure> {
    Batches::with(data, (from, total), |batches| {
        let mut all = observers.iter_mut();
        let mut past = all.try_for_each(|observer| observer.start(&StepContext { step: from, total, system }));
        let mut done = from;
        loop {
            let is_over = past.is_err() || done == total;
            let wish = if is_over || !stop() { 0 } else { signals::number().map_or(STOP, i32::unsigned_abs) };
            let goes_on = !is_over && wish == 0;
            if goes_on {
                observers.iter_mut().for_each(|observer| observer.before());
            }
            let began = Instant::now();
            let reals = past.and_then(|()| if goes_on { batches.of_step(done, system) } else { Ok(Vec::new()) });
            let (reals, wish) = ranks.agree_on(reals, wish)?;
            if (1..STOP).contains(&wish) {
                signals::heard_by_a_rank(wish.cast_signed());
            }
            if wish != 0 || done == total {
                break;
            }
            done += 1;
            past = step(ranks, system, (done, total), (&reals, began), (&mut prober, observers));
        }
        let mut all = observers.iter_mut();
        ranks.agree(all.try_for_each(|observer| observer.end(&StepContext { step: done, total, system })))?;
        Ok(if done < total { Ending::Stopped(done) } else { Ending::Finished })
    })
}

/// Step number `done` (from 1) on the images `reals`. It began when they were read.
fn step(
    ranks: &Ranks,
    system: &mut dyn System,
    (done, total): (u64, u64),
    (reals, began): (&[Tensor], Instant),
    (prober, observers): (&mut Option<Prober<'_>>, &mut [Box<dyn Observer + '_>]),
) -> Result<(), Failure> {
    let due = prober.as_mut().filter(|prober| prober.is_due(done, total));
    let mut step = || processor::keep_threads_awake(|| system.step(done - 1, reals));
    let (result, seen) = match due {
        Some(prober) => {
            let (result, seen) = collect(step);
            (result, Some((prober, seen)))
        }
        None => (step(), None),
    };
    let metrics = result.map_err(|error| {
        if matches!(error, StepError::Communication(_) | StepError::Thread(_)) {
            ranks.are_lost();
        }
        failed(done, &error)
    })?;
    let seconds = began.elapsed().as_secs_f64();
    observers.iter_mut().for_each(|observer| observer.after());
    if let Some((metric, value)) = metrics.non_finite() {
        return Err(diverged(done, &format!("{} is {value}", metric.name)));
    }
    // At the last step, before its checkpoint is written.
    if done.is_multiple_of(COMPARED_EVERY) || done == total {
        ranks.compare(system, done)?;
    }
    let probe = seen.map(|(prober, seen)| prober.probe(done, system, seen)).transpose()?;
    observers.iter_mut().try_for_each(|observer| {
        let record = StepRecord { values: metrics.values(), seconds, probe: probe.as_ref() };
        observer.step(&StepContext { step: done, total, system }, &record)
    })
}

/// The failure of a step (from 1).
pub(crate) fn failed(step: u64, error: &StepError) -> Failure {
    match error {
        StepError::NonFinite(_) | StepError::NonFiniteOnRank { .. } => diverged(step, &error.to_string()),
        StepError::Communication(error) => Failure::new(Code::Network, "the ranks have lost their connection")
            .at(format!("step {step}"))
            .because(error),
        StepError::Thread(why) => {
            Failure::new(Code::Config, "cannot start a thread").at(format!("step {step}")).because(format!(
                "{why}; a step needs one for each shard with batch_norm = \"sync\", and otherwise one for messages"
            ))
        }
    }
}

/// The failure of a step (from 1); `first` describes the first non-finite value.
pub(crate) fn diverged(step: u64, first: &str) -> Failure {
    Failure::new(Code::Diverged, "the training diverged: a value is not finite")
        .at(format!("step {step}"))
        .because(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, dataset};

    #[derive(Default)]
    struct Notes(std::rc::Rc<std::cell::RefCell<Vec<String>>>);

    impl Observer for Notes {
        fn start(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
            self.0.borrow_mut().push(format!("start {}", now.step));
            Ok(())
        }
        fn step(&mut self, now: &StepContext<'_>, numbers: &StepRecord<'_>) -> Result<(), Failure> {
            assert!(numbers.seconds >= 0.0 && numbers.values.len() == 2);
            self.0.borrow_mut().push(now.step.to_string());
            Ok(())
        }
        fn end(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
            self.0.borrow_mut().push(format!("end {} of {}", now.step, now.total));
            Ok(())
        }
    }

    fn run(fake: &mut Fake, span: (u64, u64), stop: &dyn Fn() -> bool) -> (Result<Ending, Failure>, String) {
        let notes = Notes::default();
        let shared = notes.0.clone();
        let result = train(fake, &dataset(9), span, None, &mut [Box::new(notes)], stop);
        let text = shared.borrow().join(" ");
        (result, text)
    }

    #[test]
    fn every_observer_sees_each_step_once() {
        let (ending, notes) = run(&mut Fake::new(1), (2, 5), &|| false);
        assert_eq!(ending, Ok(Ending::Finished));
        assert_eq!(notes, "start 2 3 4 5 end 5 of 5");
    }

    #[test]
    fn a_stop_finishes_the_step_and_ends_in_order() {
        let asked = std::cell::Cell::new(0);
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() > 2
        };
        let (ending, notes) = run(&mut Fake::new(1), (0, 100), &stop);
        assert_eq!(ending, Ok(Ending::Stopped(2)));
        assert_eq!(notes, "start 0 1 2 end 2 of 100");
    }

    #[test]
    fn two_halves_give_the_bits_of_the_whole() {
        let (mut whole, mut half) = (Fake::new(3), Fake::new(3));
        run(&mut whole, (0, 6), &|| false).0.unwrap();
        run(&mut half, (0, 3), &|| false).0.unwrap();
        let mut resumed = Fake::new(3);
        resumed.restore(&half.state()).unwrap();
        run(&mut resumed, (3, 6), &|| false).0.unwrap();
        assert_eq!(whole.state(), resumed.state());
    }

    #[test]
    fn a_number_that_is_not_finite_stops_with_its_name_and_step() {
        let mut fake = Fake::new(1);
        fake.bad_step = Some(3);
        let (result, notes) = run(&mut fake, (0, 9), &|| false);
        let failure = result.unwrap_err();
        assert_eq!(failure.code, Code::Diverged);
        let text = failure.to_string();
        assert!(text.contains("step 4") && text.contains("bce_with_logits"), "{text}");
        assert_eq!(notes, "start 0 1 2 3", "no end: nothing may be saved");
    }

    /// Like the test above, with the real engine: its weights are so large that a product
    /// overflows.
    #[test]
    fn a_real_overflow_names_its_layer_and_op_and_leaves_the_weights_alone() {
        use models::{System, quickdraw};
        let settings = quickdraw::Settings { batch: 2, depth: 2, ..Default::default() };
        let mut system = quickdraw::Quickdraw::new(settings, 1).unwrap();
        let mut state = system.state();
        for weight in ["discriminator.conv3.weight", "discriminator.conv4.weight"] {
            state.tensors.get_mut(weight).unwrap().data_mut().fill(1e30);
        }
        system.restore(&state).unwrap();
        let failure = train(&mut system, &dataset(9), (0, 9), None, &mut [], &|| false).unwrap_err();
        assert_eq!(failure.code, Code::Diverged);
        let text = failure.to_string();
        assert!(["step 1", "discriminator.conv4", "`conv2d`"].iter().all(|part| text.contains(part)), "{text}");
        assert_eq!(system.state(), state);
    }
}
