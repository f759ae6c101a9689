//! [`Batches`]: prefetches the real images of the next steps if reading them takes time.
//!
//! The images of a step and their augmentation depend only on the step number. So a separate thread
//! can read the batches of the next steps during a step, and the result is bit-identical. Batches
//! of images in memory are assembled when needed, on all threads; that is faster than passing them
//! between threads.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, Scope};

use super::Dataset;
use crate::failure::{Code, Failure};
use kernels::timing::{Category, Work, time};
use models::System;
use tensor::Tensor;

/// How many batches are prefetched. Growing systems cache the schedule position of the last few
/// steps; with many more batches they would search from the start each time.
const AHEAD: u64 = 2;

/// A step and the indices of its images.
type Request = (u64, Vec<Vec<usize>>);

/// The batches of a training run.
pub(crate) struct Batches<'a> {
    data: &'a Dataset,
    reader: Option<Reader>,
    /// The first step whose batch has not been requested yet.
    next: u64,
    total: u64,
}

/// A thread that reads the requested batches in order. It ends when the request channel is closed.
struct Reader {
    requests: Sender<Request>,
    batches: Receiver<Result<Vec<Tensor>, Failure>>,
}

impl Reader {
    /// `None` if the operating system cannot start a thread.
    fn start<'scope>(scope: &'scope Scope<'scope, '_>, data: &'scope Dataset) -> Option<Self> {
        let (requests, asked) = channel::<Request>();
        let (done, batches) = channel();
        let read = move || {
            for (step, indices) in asked {
                if done.send(data.shown_at(step, &indices)).is_err() {
                    break;
                }
            }
        };
        Builder::new().name("images".into()).spawn_scoped(scope, read).ok()?;
        Some(Self { requests, batches })
    }
}

impl Batches<'_> {
    /// Calls `train` with the batches of the steps in `from..total`.
    pub(crate) fn with<R>(data: &Dataset, (from, total): (u64, u64), train: impl FnOnce(&mut Batches<'_>) -> R) -> R {
        std::thread::scope(|scope| {
            let reader = if data.are_in_memory() { None } else { Reader::start(scope, data) };
            train(&mut Batches { data, reader, next: from, total })
        })
    }

    /// The images of step `step`. Must be called for consecutive steps.
    ///
    /// # Errors
    /// When an image cannot be read.
    pub(crate) fn of_step(&mut self, step: u64, system: &dyn System) -> Result<Vec<Tensor>, Failure> {
        let counts = self.data.counts();
        let Some(reader) = &self.reader else { return self.data.shown_at(step, &system.batch(step, &counts)) };
        while self.next < self.total.min(step + 1 + AHEAD) {
            // A reader thread that has ended is noticed below.
            let _ = reader.requests.send((self.next, system.batch(self.next, &counts)));
            self.next += 1;
        }
        let gone = |_| Failure::new(Code::Data, "the thread that reads the images has ended").at(self.data.origin());
        time(Category::Batch, "wait", Work::Unknown, || reader.batches.recv()).map_err(gone)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;
    use datasets::apples;

    #[test]
    fn what_is_read_ahead_is_what_is_put_together_at_once() {
        let (drawn, kept) = (apples(9, 1), apples(9, 1).load_into_memory(u64::MAX).unwrap());
        let (drawn, kept) = (Dataset::from_images(drawn), Dataset::from_images(kept));
        assert!(!drawn.are_in_memory() && kept.are_in_memory());
        let fake = Fake::new(3);
        let all = |data: &Dataset, span: (u64, u64)| -> Vec<Tensor> {
            Batches::with(data, span, |batches| {
                (span.0..span.1).flat_map(|step| batches.of_step(step, &fake).unwrap()).collect()
            })
        };
        assert_eq!(all(&drawn, (0, 7)), all(&kept, (0, 7)));
        assert_eq!(all(&drawn, (0, 7))[4..], all(&kept, (4, 7))[..], "wherever it begins");
        // Dropped early, with batches that were never received.
        Batches::with(&drawn, (0, 100), |batches| batches.of_step(0, &fake).map(drop)).unwrap();
    }

    #[test]
    fn an_image_that_cannot_be_read_ends_the_training() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        std::fs::write(&path, vec![1; 5 * 3073]).unwrap();
        let data = Dataset::from_images(datasets::load_cifar(&path, datasets::Split::Train).unwrap());
        let mut fake = Fake::new(1);
        crate::training::train_loop::train(&mut fake, &data, (0, 2), None, &mut [], &|| false).unwrap();
        std::fs::write(&path, vec![1; 2 * 3073]).unwrap();
        let failure =
            crate::training::train_loop::train(&mut fake, &data, (2, 9), None, &mut [], &|| false).unwrap_err();
        assert_eq!(failure.code, Code::Data);
        let text = failure.to_string();
        assert!(text.contains("changed") && text.contains("15365") && text.contains("6146"), "{text}");
    }
}
