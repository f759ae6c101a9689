//! [`State`]: everything of a network or an optimiser that training changes, by name.

use std::collections::BTreeMap;

use tensor::Tensor;

/// Named tensors and named counters. What a checkpoint holds.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct State {
    /// Weights, running statistics, moments of optimisers: `discriminator.conv1.weight`, ...
    pub tensors: BTreeMap<String, Tensor>,
    /// Numbers of updates made, and the like: `discriminator.optimizer.updates`, ...
    pub counters: BTreeMap<String, u64>,
}

/// Why a [`State`] does not fit the network or the optimiser that it is given to. Every name that does not fit is listed.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct StateError {
    /// Names that are wanted but not there.
    pub missing: Vec<String>,
    /// Names that are there but not wanted.
    pub unexpected: Vec<String>,
    /// Name, wanted shape, found shape.
    pub reshaped: Vec<(String, Vec<usize>, Vec<usize>)>,
}
