//! [`weights_hash`]: a whole state as one short text.

use nn::State;
use sha2::{Digest, Sha256};

/// How many floats are converted to bytes at a time.
const AT_A_TIME: usize = 4096;

/// SHA-256 of the whole state in name order: every tensor's name, shape and bits, then every
/// counter. Two runs with the same hash are the same to the last bit.
pub fn weights_hash(state: &State) -> String {
    let mut hasher = Sha256::new();
    let number = |number: usize| (number as u64).to_le_bytes();
    for (name, tensor) in &state.tensors {
        hasher.update(number(name.len()));
        hasher.update(name);
        hasher.update(number(tensor.shape().len()));
        for &size in tensor.shape().iter() {
            hasher.update(number(size));
        }
        for numbers in tensor.data().chunks(AT_A_TIME) {
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            hasher.update(bytes);
        }
    }
    for (name, count) in &state.counters {
        hasher.update(number(name.len()));
        hasher.update(name);
        hasher.update(count.to_le_bytes());
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
