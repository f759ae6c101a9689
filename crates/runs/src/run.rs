//! [`Run`]: trains your own system, in a few lines.

use std::path::PathBuf;
use std::sync::Arc;

use datasets::Images;
use models::System;
use toml::Value;

use crate::config::{Assignment, Config, Source};
use crate::console::Output;
use crate::failure::Failure;
use crate::observers::LogStyle;
use crate::systems::Trainable;
use crate::training::{TrainReport, TrainRequest, configuration, train};

/// A training run with a run folder: checkpoints from which it resumes bit-identically,
/// `metrics.csv`, sheets of samples, curves, a log.
///
/// Every method sets one thing; [`train`](Run::train) does the work. The defaults are those of the
/// command `train`, except that the number of steps is 1000 instead of the preset's.
#[derive(Clone, Debug)]
pub struct Run {
    request: TrainRequest,
}

impl Run {
    /// A run of the system that `build` makes from a seed. The run is named after the
    /// [system](System::name).
    ///
    /// `build` is called several times, and must always build the same system from the same seed.
    /// The memory forecast executes some steps on tensors that have shapes but no data
    /// ([`tensor::meta`]): there [`Tensor::data`](tensor::Tensor::data) is empty, so a step must
    /// not index into it.
    pub fn new<T: System + 'static>(build: impl Fn(u64) -> T + Send + Sync + 'static) -> Self {
        Self::of(Trainable::built_by(build))
    }

    /// A run of `system`, such as one [with settings](Trainable::with_settings).
    pub fn of(system: Trainable) -> Self {
        Self { request: TrainRequest::of(Arc::new(system)) }
    }

    /// A run of the built-in system with this name, such as `quickdraw`, in its default preset.
    /// `set("preset", "cpu")` selects another one, and `set("quickdraw.batch", 32)` changes a
    /// setting of the system. The default number of steps is that of the preset.
    ///
    /// None if there is no such system; [`SYSTEMS`](crate::systems::SYSTEMS) lists them.
    pub fn built_in(name: &str) -> Option<Self> {
        crate::systems::find(name).map(|system| Self { request: TrainRequest::of(system) })
    }

    /// The images to learn from, scaled to the size that the system takes.
    ///
    /// # Panics
    /// When this run was cloned or [`system`](Self::system) was called before, because the images
    /// are part of the system, which is then shared; and for a [built-in](Self::built_in) system.
    pub fn images(mut self, images: Images) -> Self {
        let system = Arc::get_mut(&mut self.request.system);
        let system = system.expect("a system of your own; call `images` before `clone` and `system`");
        system.images = Some(images);
        self
    }

    /// A file or folder with the images to learn from, in any format that the command `train`
    /// reads; `built-in`, the default, stands for images that the program generates.
    pub fn data(self, path: impl Into<String>) -> Self {
        self.set("data", path.into())
    }

    /// The total number of training steps, including those of earlier calls; at least 1, by default
    /// 1000 for your own system.
    pub fn steps(self, steps: u32) -> Self {
        self.set("steps", i64::from(steps))
    }

    /// The random seed, by default 1: the same seed gives the same weights, bit for bit.
    pub fn seed(self, seed: u32) -> Self {
        self.set("seed", i64::from(seed))
    }

    /// Writes a sheet of samples and the curves every `steps` steps; at least 1, by default 100.
    pub fn sample_every(self, steps: u32) -> Self {
        self.set("sample_every", i64::from(steps))
    }

    /// Writes a checkpoint every `steps` steps; at least 1, by default 500. The newest two are
    /// kept.
    pub fn checkpoint_every(self, steps: u32) -> Self {
        self.set("checkpoint_every", i64::from(steps))
    }

    /// Sets any key of the configuration: one of [`RUN_KEYS`](crate::config::RUN_KEYS), a setting
    /// of the system, or one of the tables `augment` and `images`, such as `augment.flip`. The last
    /// value for a key wins. [`train`](Self::train) checks that the key exists and accepts the
    /// value.
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        let source = Source::Code(key.to_owned());
        self.request.assignments.push(Assignment { key: key.to_owned(), value: value.into(), source });
        self
    }

    /// The run folder. If it already holds a run with this configuration, [`train`](Self::train)
    /// resumes it. By default, each call makes a new numbered folder below `runs`.
    pub fn out(mut self, folder: impl Into<PathBuf>) -> Self {
        self.request.out = Some(folder.into());
        self
    }

    /// Another run, its folder or one of its checkpoint files, whose weights a new run starts from;
    /// by default, random weights. Settings that are not set are that run's; the steps count
    /// from 0.
    pub fn from_run(mut self, run: impl Into<PathBuf>) -> Self {
        self.request.from = Some(run.into());
        self
    }

    /// Where messages and results go; by default standard error and standard output.
    pub fn output(mut self, output: Output) -> Self {
        self.request.output = output;
        self
    }

    /// How progress is shown; by default as [`LogStyle::Default`].
    pub fn log(mut self, style: LogStyle) -> Self {
        self.request.log = style;
        self
    }

    /// Measures where the time of a step goes, layer by layer: writes `timings.csv`, and prints the
    /// table at the end.
    pub fn timings(mut self) -> Self {
        self.request.timings = true;
        self
    }

    /// Writes an event file for TensorBoard into the run folder.
    pub fn tensorboard(mut self) -> Self {
        self.request.tensorboard = true;
        self
    }

    /// Makes the process handle Ctrl-C and other signals that ask it to terminate: training then
    /// finishes its step and saves. See [`signals::handle`](crate::signals::handle).
    pub fn save_on_signals(self) -> Self {
        crate::signals::handle();
        self
    }

    /// The system, for the field `own` of requests about the run, such as
    /// [`SampleRequest::own`](crate::sampling::SampleRequest::own).
    pub fn system(&self) -> Arc<Trainable> {
        self.request.system.clone()
    }

    /// Trains up to the last step. A run that already exists in the folder is resumed from its
    /// newest checkpoint and ends with the same bits as if it had never been stopped; the number of
    /// steps may have been raised.
    ///
    /// # Errors
    /// When the configuration is invalid, the folder holds another run or a longer one, another
    /// process holds it, the images cannot be read, memory or disk do not suffice, the training
    /// diverges, or a file cannot be written.
    pub fn train(&self) -> Result<TrainReport, Failure> {
        let mut request = self.request.clone();
        if let Some(folder) = request.out.clone()
            && folder.join("config.toml").is_file()
        {
            let there = Config::of_run(&folder.join("config.toml"), Some(&request.system))?;
            let asked = configuration(&request)?;
            // If the folder holds a different run, `train` rejects it, and the error lists the
            // differences.
            if asked.differences(&there, [""; 2]).is_empty() {
                (request.resume, request.out, request.from) = (Some(folder), None, None);
            }
        }
        train(&request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    fn run(folder: &std::path::Path, steps: u32) -> Run {
        let run = Run::new(Fake::new).images(datasets::apples(9, 1));
        run.steps(steps).out(folder).output(Output::Silent)
    }

    #[test]
    fn a_system_of_ones_own_has_a_run_folder_and_goes_on_to_the_same_bits() {
        let folder = tempfile::tempdir().unwrap();
        let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
        let hash = run(&whole, 6).train().unwrap().weights_hash;
        for name in
            ["config.toml", "metrics.csv", "log.txt", "samples/reals.png", "checkpoints/step-000006.safetensors"]
        {
            assert!(whole.join(name).is_file(), "{name}");
        }
        let half = run(&parts, 3).train().unwrap();
        assert_ne!(half.weights_hash, hash);
        assert_eq!(run(&parts, 6).train().unwrap().weights_hash, hash);
        assert_eq!(run(&parts, 6).train().unwrap().weights_hash, hash, "nothing is left to do");
        let other = run(&parts, 6).seed(2).train().unwrap_err();
        assert!(other.to_string().contains("a different configuration"), "{other}");
        let shorter = run(&parts, 2).train().unwrap_err();
        assert!(shorter.to_string().contains("already longer"), "{shorter}");
        // The command `train` does not know this system.
        for failure in [other, shorter] {
            let help = failure.help.unwrap();
            assert!(!help.text().contains("--"), "{}", help.text());
        }
    }

    #[test]
    fn a_run_says_when_it_goes_on_with_another_version_of_the_numerics() {
        use crate::checkpoint::{Checkpoint, file_name};
        use crate::storage::RealDisk;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let said = |steps: u32| {
            let seen = Arc::new(std::sync::Mutex::new(String::new()));
            let take = seen.clone();
            let output = Output::lines(move |line| *take.lock().unwrap() += &format!("{line:?}\n"));
            run(&path, steps).output(output).train().unwrap();
            std::mem::take(&mut *seen.lock().unwrap())
        };
        assert!(!said(2).contains("numerics"));
        assert!(!said(3).contains("numerics"), "the same version");
        // Recorded by another version of the program.
        let other = kernels::NUMERICS + 1;
        let file = path.join("checkpoints").join(file_name(3));
        let mut checkpoint = Checkpoint::read(&file).unwrap();
        let recorded = format!("numerics = {}\n", kernels::NUMERICS);
        checkpoint.config = checkpoint.config.replace(&recorded, &format!("numerics = {other}\n"));
        checkpoint.write(&RealDisk, &file).unwrap();
        let config = path.join("config.toml");
        std::fs::write(&config, &checkpoint.config).unwrap();
        assert!(!said(3).contains("numerics"), "nothing is left to do");
        let text = std::fs::read_to_string(&config).unwrap();
        assert!(text.contains(&format!("numerics = {other}\n")), "no step was computed: {text}");
        let text = said(5);
        assert!(text.contains(&format!("Message(\"numerics     version {other} ")), "{text}");
        assert!(text.contains("up to step 3") && text.contains("will differ"), "{text}");
        let log = std::fs::read_to_string(path.join("log.txt")).unwrap();
        assert_eq!(log.matches("numerics     version").count(), 1, "{log}");
        assert!(std::fs::read_to_string(&config).unwrap().contains(&recorded));
        assert!(!said(6).contains("numerics"), "the version that goes on is on record");
    }

    #[test]
    fn lines_go_where_the_caller_wants_them() {
        let folder = tempfile::tempdir().unwrap();
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (lines, take) = (seen.clone(), seen);
        let output = Output::lines(move |line| take.lock().unwrap().push(format!("{line:?}")));
        run(&folder.path().join("run"), 2).output(output).train().unwrap();
        let lines = lines.lock().unwrap().join("\n");
        assert!(lines.contains("Message(\"training     fake") && lines.contains("Result(\"weights hash"), "{lines}");
    }
}
