//! Measures how fast the network is for a run: times agreements, and sums of gradients of several
//! sizes over all ranks. `tools/scaling_model.py` needs these numbers.
//!
//! ```text
//! mpirun -n 2 --map-by ppr:1:node messages
//! mpirun -n 4 messages 0.001                   # as if each message took a millisecond longer
//! ```

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use backdraw_mpi::World;
use nn::{CommunicationError, Communicator, Shards, collectives};
use tensor::Tensor;

/// Delays every message.
#[derive(Debug)]
struct Delayed(World, Duration);

impl Communicator for Delayed {
    fn rank(&self) -> usize {
        self.0.rank()
    }
    fn size(&self) -> usize {
        self.0.size()
    }
    fn send(&self, to: usize, bytes: &[u8]) -> Result<(), CommunicationError> {
        self.0.send(to, bytes)
    }
    fn receive(&self, from: usize, bytes: &mut [u8]) -> Result<(), CommunicationError> {
        self.0.receive(from, bytes).map(|()| sleep(self.1))
    }
    fn exchange(&self, peer: usize, bytes: &[u8], received: &mut [u8]) -> Result<(), CommunicationError> {
        self.0.exchange(peer, bytes, received).map(|()| sleep(self.1))
    }
}

/// The best and the median of these times, in milliseconds.
fn summary(mut seconds: Vec<f64>) -> String {
    seconds.sort_by(f64::total_cmp);
    format!("best {:9.4} ms, median {:9.4} ms", 1e3 * seconds[0], 1e3 * seconds[seconds.len() / 2])
}

/// Times `body` on all ranks at once.
fn timed(ranks: &dyn Communicator, times: usize, mut body: impl FnMut()) -> Vec<f64> {
    let mut one = || {
        collectives::maximum(ranks, 0).expect("messages");
        let began = Instant::now();
        body();
        began.elapsed().as_secs_f64()
    };
    one();
    (0..times).map(|_| one()).collect()
}

fn main() {
    let delay = std::env::args().nth(1).map_or(0.0, |text| text.parse().expect("seconds"));
    let (mpi, world) = World::start().expect("MPI");
    let ranks: Arc<dyn Communicator> =
        if delay > 0.0 { Arc::new(Delayed(world, Duration::from_secs_f64(delay))) } else { Arc::new(world) };
    let size = ranks.size();
    let is_first = ranks.rank() == 0;
    let agreement = timed(&*ranks, 200, || assert_eq!(collectives::maximum(&*ranks, 1).expect("messages"), 1));
    if is_first {
        println!("{size} ranks, agreement:      {}", summary(agreement));
    }
    let shards = Shards::new(size).shared_by(Arc::clone(&ranks)).expect("as many shards as ranks");
    for megabytes in [0.0, 0.25, 1.0, 4.0, 16.0] {
        let gradients = Tensor::full([(megabytes * 250_000.0) as usize + 1], 1.0);
        let sum = || drop(shards.mean(|_| Ok(gradients.clone())).expect("messages"));
        let seconds = timed(&*ranks, if megabytes > 2.0 { 7 } else { 15 }, sum);
        if is_first {
            println!("{size} ranks, sum of {megabytes:5.2} MB: {}", summary(seconds));
        }
    }
    drop(mpi);
}
