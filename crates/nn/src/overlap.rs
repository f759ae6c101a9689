//! Sums gradients over the ranks while a backward pass is still running.
//!
//! The sweep completes the gradients of the last layers first. During the pass of a rank's last
//! shard, each complete gradient is added to those of the rank's other shards. As soon as there are
//! enough of them ([`bucket_bytes`](Communicator::bucket_bytes)), a second thread sums them over
//! the ranks:
//!
//! ```text
//! this thread      forward   conv4   conv3   conv2   conv1   wait
//!                                \       \               \
//! second thread                   exchange exchange       exchange
//! ```
//!
//! All ranks compute the same pass, so they exchange the same buckets in the same order. A rank
//! whose pass has a number that is not finite also completes its sweep and exchanges all buckets.
//! Only after that do the ranks agree whether any of them has failed, so that no rank waits for a
//! message that never comes, and no message is left for the next step.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use kernels::job_local::JobLocal;
use kernels::timing::{Category, Work, time};
use tensor::Tensor;

use crate::reduction::{Flat, butterfly};
use crate::{CommunicationError, Communicator, StepError};

/// Some gradients that are summed over the ranks together.
#[derive(Default)]
struct Bucket {
    /// The parameters, and where their gradients are in the sum.
    parameters: Vec<(String, Range<usize>)>,
    sum: Flat,
}

/// The gradients of a result whose sums over all shards are complete before the rest is summed.
#[derive(Default)]
pub(crate) struct Completed {
    buckets: Vec<Bucket>,
    /// By parameter: the number of the bucket, and where the gradient is in it.
    places: BTreeMap<String, (usize, Range<usize>)>,
}

impl Completed {
    /// The gradient of this parameter.
    pub(crate) fn get(&self, parameter: &str) -> Option<&[f32]> {
        let (bucket, place) = self.places.get(parameter)?;
        Some(&self.buckets[*bucket].sum.values[place.clone()])
    }

    fn push(&mut self, bucket: Bucket) {
        let number = self.buckets.len();
        self.places.extend(bucket.parameters.iter().map(|(name, place)| (name.clone(), (number, place.clone()))));
        self.buckets.push(bucket);
    }
}

/// Gradients by parameter.
pub(crate) type Named = BTreeMap<String, Tensor>;

/// Takes the gradients of one sweep, and hands them over in buckets.
pub(crate) struct GradientBuckets {
    /// The gradients of the rank's other shards, in the order in which they are added.
    others: Vec<Named>,
    bucket: Bucket,
    /// The number of bytes after which the bucket is handed over.
    bucket_bytes: usize,
    buckets: Sender<Bucket>,
}

impl GradientBuckets {
    /// Takes the complete gradient of a parameter.
    pub(crate) fn completed(&mut self, parameter: &str, gradient: &Tensor) {
        let values = &mut self.bucket.sum.values;
        let place = values.len()..values.len() + gradient.size();
        values.extend(gradient.data());
        for others in self.others.iter().filter_map(|others| others.get(parameter)) {
            let sums = values[place.clone()].iter_mut().zip(others.data());
            sums.for_each(|(sum, low)| *sum += low);
        }
        self.bucket.parameters.push((parameter.to_owned(), place));
        if size_of_val(&*self.bucket.sum.values) >= self.bucket_bytes {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        // If the second thread has ended, it has failed, which is reported when it is joined.
        let _ = self.buckets.send(std::mem::take(&mut self.bucket));
    }
}

impl Drop for GradientBuckets {
    fn drop(&mut self) {
        // After a panic, no other rank waits for the rest, because this one ends them all.
        if !self.bucket.parameters.is_empty() && !thread::panicking() {
            self.hand_over();
        }
    }
}

thread_local! {
    static GRADIENT_BUCKETS: JobLocal<GradientBuckets> = const { JobLocal::new() };
}

/// The [`GradientBuckets`] for the gradients of the sweep that is about to begin on this thread, if
/// they are summed over ranks.
pub(crate) fn gradient_buckets() -> Option<GradientBuckets> {
    // WebAssembly has no thread for messages.
    if cfg!(target_family = "wasm") { None } else { GRADIENT_BUCKETS.with(|own| own.replace(None)) }
}

/// Drops the buckets that no sweep has taken, also in a panic.
struct Clear;

impl Drop for Clear {
    fn drop(&mut self) {
        GRADIENT_BUCKETS.with(|own| own.replace(None));
    }
}

/// Runs `pass`, and sums the gradients of its first [`differentiate`](crate::differentiate()) over
/// the ranks, whose number must be a power of two. `others` are the gradients of the rank's other
/// shards, partly summed already, in the order in which they are added. The pass must not
/// exchange messages itself: two threads would use the communicator at the same time.
///
/// # Errors
/// When another rank cannot be reached, or the second thread cannot be started.
pub(crate) fn during<R>(
    ranks: &dyn Communicator,
    others: Vec<Named>,
    pass: impl FnOnce() -> R,
) -> Result<(R, Completed), StepError> {
    thread::scope(|scope| {
        let (buckets, received) = channel();
        let second = thread::Builder::new().name("messages".into());
        let exchange = second.spawn_scoped(scope, move || exchange(ranks, &received));
        let exchange = exchange.map_err(|why| StepError::Thread(why.to_string()))?;
        let result = {
            let _clear = Clear;
            let (bucket, bucket_bytes) = (Bucket::default(), ranks.bucket_bytes());
            let gradients = GradientBuckets { others, bucket, bucket_bytes, buckets };
            GRADIENT_BUCKETS.with(|own| own.replace(Some(gradients)));
            pass()
        };
        let completed = time(Category::Messages, "wait for gradients", Work::Unknown, || exchange.join());
        Ok((result, completed.unwrap_or_else(|panic| resume_unwind(panic))?))
    })
}

/// Sums each bucket over the ranks.
fn exchange(ranks: &dyn Communicator, buckets: &Receiver<Bucket>) -> Result<Completed, CommunicationError> {
    let mut completed = Completed::default();
    for mut bucket in buckets {
        let exchange = |peer, bytes: &[u8], received: &mut [u8]| ranks.exchange_in_background(peer, bytes, received);
        butterfly(ranks, &mut bucket.sum, exchange)?;
        completed.push(bucket);
    }
    Ok(completed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use tensor::{NonFinite, Var};

    use super::*;
    use crate::layers::{BatchNorm, Dense};
    use crate::losses::mse;
    use crate::{Dialect, Gradients, InProcess, Network, RngContext, Shard, Shards, differentiate, on_ranks};

    type Result<T> = std::result::Result<T, NonFinite>;

    fn network() -> Network {
        let network = Network::new("net", &[3], Dialect::Torch, 7).with("first", Dense::new(6));
        network.with("norm", BatchNorm::with_momentum(0.9)).with("second", Dense::new(2))
    }

    /// The gradients and the loss of a network on some numbers, of which `first` is the first one.
    fn pass_on(shard: Shard, first: f32) -> Result<(Gradients, f64)> {
        let network = network();
        let rng = RngContext { seed: 3, step: 0, purpose: "test" };
        differentiate(rng, |ctx| {
            // The loss does not depend on this parameter.
            ctx.parameter("unused", &Tensor::full([4], 1.0));
            let number = |i: usize| if i == 0 { first } else { (0.7 + (5 * shard.number + i) as f32).sin() };
            let x = Var::constant(Tensor::from_fn([4, 3], number));
            let loss = mse(&network.forward(ctx, &x), &Var::constant(Tensor::full([4, 2], 0.5)));
            let value = f64::from(loss.item());
            (loss, value)
        })
    }

    fn pass(shard: Shard) -> Result<(Gradients, f64)> {
        pass_on(shard, 0.1)
    }

    fn bits((gradients, loss): &(Gradients, f64)) -> Vec<(String, Vec<u32>)> {
        let tensors = gradients.parameters.iter().chain(&gradients.buffers);
        let tensors = tensors.map(|(name, tensor)| (name.clone(), tensor.data().iter().map(|x| x.to_bits()).collect()));
        tensors.chain([(format!("{loss:?}"), Vec::new())]).collect()
    }

    #[test]
    fn messages_during_the_sweep_change_no_bit() {
        for (size, count) in [(2, 2), (2, 4), (2, 16), (4, 4), (4, 8), (2, 6), (3, 3)] {
            let alone = bits(&Shards::new(count).mean(pass).unwrap());
            assert!(alone.iter().any(|(name, _)| name == ".unused") && alone.len() >= 10, "{alone:?}");
            let found = on_ranks(size, |rank| {
                let shards = Shards::new(count).shared_by(Arc::new(rank)).unwrap();
                // Twice, with the same messages.
                [(); 2].map(|()| bits(&shards.mean(pass).unwrap()))
            });
            assert_eq!(found, vec![[alone.clone(), alone]; size], "{size} ranks, {count} shards");
        }
    }

    /// Counts the messages in the background.
    #[derive(Debug)]
    struct Counting {
        ranks: InProcess,
        bucket_bytes: usize,
        count: AtomicUsize,
    }

    impl Communicator for Counting {
        fn rank(&self) -> usize {
            self.ranks.rank()
        }
        fn size(&self) -> usize {
            self.ranks.size()
        }
        fn send(&self, to: usize, bytes: &[u8]) -> std::result::Result<(), CommunicationError> {
            self.ranks.send(to, bytes)
        }
        fn receive(&self, from: usize, bytes: &mut [u8]) -> std::result::Result<(), CommunicationError> {
            self.ranks.receive(from, bytes)
        }
        fn exchange(
            &self,
            peer: usize,
            bytes: &[u8],
            received: &mut [u8],
        ) -> std::result::Result<(), CommunicationError> {
            self.ranks.exchange(peer, bytes, received)
        }
        fn exchange_in_background(
            &self,
            peer: usize,
            bytes: &[u8],
            received: &mut [u8],
        ) -> std::result::Result<(), CommunicationError> {
            self.count.fetch_add(1, Ordering::Relaxed);
            self.exchange(peer, bytes, received)
        }
        fn bucket_bytes(&self) -> usize {
            self.bucket_bytes
        }
    }

    #[test]
    fn the_gradients_are_on_their_way_before_the_pass_ends() {
        on_ranks(2, |rank| {
            let bucket_bytes = rank.bucket_bytes();
            let ranks = Arc::new(Counting { ranks: rank, bucket_bytes, count: AtomicUsize::new(0) });
            let shards = Shards::new(2).shared_by(ranks.clone()).unwrap();
            let result = shards.mean(|shard| {
                let result = pass(shard);
                let began = Instant::now();
                while ranks.count.load(Ordering::Relaxed) == 0 {
                    assert!(began.elapsed() < Duration::from_secs(60), "no message was sent during the pass");
                    thread::yield_now();
                }
                result
            });
            result.unwrap();
            // Two for each bucket: the three layers, from the last to the first, and the parameter
            // that is not used.
            assert_eq!(ranks.count.load(Ordering::Relaxed), 8);
        });
    }

    #[test]
    fn the_size_of_the_buckets_decides_how_many_messages_there_are_but_no_bit() {
        let alone = bits(&Shards::new(2).mean(pass).unwrap());
        for (bucket_bytes, messages) in [(1, 14), (usize::MAX, 2)] {
            let found = on_ranks(2, |rank| {
                let ranks = Arc::new(Counting { ranks: rank, bucket_bytes, count: AtomicUsize::new(0) });
                let shards = Shards::new(2).shared_by(ranks.clone()).unwrap();
                (bits(&shards.mean(pass).unwrap()), ranks.count.load(Ordering::Relaxed))
            });
            assert_eq!(found, vec![(alone.clone(), messages); 2], "{bucket_bytes} bytes");
        }
    }

    #[test]
    fn a_failure_on_one_rank_leaves_no_message_for_the_next_step() {
        let after = bits(&Shards::new(4).mean(pass).unwrap());
        for failing in 0..4 {
            let found = on_ranks(2, |rank| {
                let shards = Shards::new(4).shared_by(Arc::new(rank)).unwrap();
                let fails = |shard: Shard| pass_on(shard, if shard.number == failing { f32::INFINITY } else { 0.1 });
                (shards.mean(fails).unwrap_err().to_string(), bits(&shards.mean(pass).unwrap()))
            });
            assert!(found[0].0.starts_with(&format!("on rank {}: ", failing / 2)), "{}", found[0].0);
            assert_eq!(found, vec![(found[0].0.clone(), after.clone()); 2], "shard {failing}");
        }
    }

    /// Cannot happen in a run, because all passes end with their sweep.
    #[test]
    fn a_pass_without_its_sweep_is_an_error_and_no_waiting() {
        let bad = NonFinite::in_tensor("exp", "a value", &Tensor::full([2], f32::NAN)).unwrap();
        let errors = on_ranks(2, |rank| {
            let shards = Shards::new(2).shared_by(Arc::new(rank)).unwrap();
            shards.mean(|shard| if shard.number == 1 { Err(bad.clone()) } else { pass(shard) }).unwrap_err()
        });
        assert!(errors.iter().all(|error| matches!(error, StepError::Communication(_))), "{errors:?}");
    }

    #[test]
    fn a_panic_on_one_rank_ends_its_pass_and_the_wait_of_the_others() {
        let errors = on_ranks(2, |rank| {
            let panics = rank.rank() == 1;
            let shards = Shards::new(2).shared_by(Arc::new(rank)).unwrap();
            let body = move || {
                let pass = |shard| if panics { panic!("a bug") } else { pass(shard) };
                shards.mean(pass).unwrap_err().to_string()
            };
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).ok()
        });
        assert_eq!(errors[1], None);
        assert!(errors[0].as_ref().is_some_and(|error| error.contains("it has ended")), "{errors:?}");
    }
}
