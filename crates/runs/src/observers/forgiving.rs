//! [`Forgiving`]: wraps an observer whose files are only for viewing, such as sheets and curves. If
//! they cannot be written, perhaps because a viewer has them open, training continues. Checkpoints
//! and metrics are not wrapped.

use crate::console::Console;
use crate::failure::{Code, Failure};
use crate::observers::probe::Probe;
use crate::observers::{Observer, StepContext, StepRecord};

/// Reports write errors of `inner` as a warning and continues.
pub(crate) struct Forgiving<'a> {
    console: &'a Console,
    inner: Box<dyn Observer + 'a>,
    /// Whether a warning was printed: on a full disk every sheet would cause the same one.
    has_warned: bool,
}

impl<'a> Forgiving<'a> {
    pub(crate) fn new(console: &'a Console, inner: impl Observer + 'a) -> Self {
        Self { console, inner: Box::new(inner), has_warned: false }
    }

    fn forgive(&mut self, result: Result<(), Failure>) -> Result<(), Failure> {
        let failure = match result {
            Err(failure) if failure.code == Code::Storage => failure,
            other => return other,
        };
        let warning = warning(&failure);
        if self.has_warned {
            self.console.log(&warning)
        } else {
            self.console.say(&warning)
        }
        self.has_warned = true;
        Ok(())
    }
}

/// A warning about a picture that could not be written.
pub(crate) fn warning(failure: &Failure) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("warning      {}: {}: {}; the training continues", failure.what, part(&failure.place), part(&failure.why))
}

impl Observer for Forgiving<'_> {
    fn past_step(&mut self, step: u64, values: &[f64]) {
        self.inner.past_step(step, values);
    }

    fn past_probe(&mut self, probe: &Probe) {
        self.inner.past_probe(probe);
    }

    fn start(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        let result = self.inner.start(now);
        self.forgive(result)
    }

    fn before(&mut self) {
        self.inner.before();
    }

    fn step(&mut self, now: &StepContext<'_>, numbers: &StepRecord<'_>) -> Result<(), Failure> {
        let result = self.inner.step(now, numbers);
        self.forgive(result)
    }

    fn end(&mut self, now: &StepContext<'_>) -> Result<(), Failure> {
        let result = self.inner.end(now);
        self.forgive(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::Output;
    use crate::fake::{Fake, dataset};
    use crate::training::train_loop::{Ending, train};

    struct Failing(Code);

    impl Observer for Failing {
        fn step(&mut self, now: &StepContext<'_>, _: &StepRecord<'_>) -> Result<(), Failure> {
            Err(Failure::new(self.0, "cannot write a picture").at("loss.png").because(format!("held at {}", now.step)))
        }
    }

    #[test]
    fn a_picture_that_cannot_be_written_ends_nothing_and_anything_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let console = Console::logging_to(folder.path(), &Output::Silent).unwrap();
        let run = |code| {
            let observer = Forgiving::new(&console, Failing(code));
            train(&mut Fake::new(1), &dataset(9), (0, 3), None, &mut [Box::new(observer)], &|| false)
        };
        assert_eq!(run(Code::Storage), Ok(Ending::Finished));
        let log = std::fs::read_to_string(folder.path().join("log.txt")).unwrap();
        assert!(
            log.starts_with("warning      cannot write a picture: loss.png: held at 1; the training continues\n"),
            "{log}"
        );
        assert_eq!(run(Code::Data).unwrap_err().code, Code::Data);
    }
}
