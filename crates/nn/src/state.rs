//! [`State`]: everything that training changes in networks and optimisers, by name.

use core::fmt;
use std::collections::BTreeMap;

use tensor::Tensor;

/// Named tensors and named counters: the contents of a checkpoint.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct State {
    /// Weights, running statistics and the state of optimisers: `discriminator.conv1.weight`, ...
    pub tensors: BTreeMap<String, Tensor>,
    /// Counters, such as the number of updates: `optimizer.discriminator.updates`, ...
    pub counters: BTreeMap<String, u64>,
}

/// Why a [`State`] does not fit the networks and optimisers that should load it. Lists every name
/// that does not fit.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct StateError {
    /// Names that are expected but not in the state.
    pub missing: Vec<String>,
    /// Names that are in the state but not expected.
    pub unexpected: Vec<String>,
    /// Name, expected shape and shape in the state.
    pub reshaped: Vec<(String, Vec<usize>, Vec<usize>)>,
    /// Counters above their limit: name, limit and value in the state.
    pub beyond: Vec<(String, u64, u64)>,
}

/// The limit of counters without a lower limit of their own. No run counts that far, and sums of
/// such numbers do not overflow.
pub const MOST_COUNTED: u64 = 1 << 48;

/// Something that training changes and a checkpoint stores: a network, an optimiser, several of
/// them.
pub trait Stateful {
    /// Adds everything that training changes to `state`.
    fn save(&self, state: &mut State);

    /// Restores it from `state`, which must have everything that [`save`](Stateful::save) adds.
    fn load(&mut self, state: &State);

    /// The limits, by name, of counters for which [`MOST_COUNTED`] is too large.
    fn limits(&self) -> Vec<(String, u64)> {
        Vec::new()
    }
}

impl<S: Stateful> Stateful for Option<S> {
    fn save(&self, state: &mut State) {
        self.iter().for_each(|part| part.save(state));
    }

    fn load(&mut self, state: &State) {
        self.iter_mut().for_each(|part| part.load(state));
    }

    fn limits(&self) -> Vec<(String, u64)> {
        self.iter().flat_map(|part| part.limits()).collect()
    }
}

impl<S: Stateful, const N: usize> Stateful for [S; N] {
    fn save(&self, state: &mut State) {
        self.iter().for_each(|part| part.save(state));
    }

    fn load(&mut self, state: &State) {
        self.iter_mut().for_each(|part| part.load(state));
    }

    fn limits(&self) -> Vec<(String, u64)> {
        self.iter().flat_map(|part| part.limits()).collect()
    }
}

impl State {
    /// The state of these parts together.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a dyn Stateful>) -> Self {
        let mut state = Self::default();
        parts.into_iter().for_each(|part| part.save(&mut state));
        state
    }

    /// Loads this state into `parts`.
    ///
    /// # Errors
    /// When it is not the state of exactly these parts, or a counter is above its limit. Nothing is
    /// changed then.
    pub fn restore(&self, mut parts: Vec<&mut dyn Stateful>) -> Result<(), StateError> {
        Self::of(parts.iter().map(|part| &**part)).accepts(self)?;
        self.within(&parts.iter().flat_map(|part| part.limits()).collect())?;
        parts.iter_mut().for_each(|part| part.load(self));
        Ok(())
    }

    /// Checks the counters against `limits`, or else [`MOST_COUNTED`].
    fn within(&self, limits: &BTreeMap<String, u64>) -> Result<(), StateError> {
        let most = |name: &String| limits.get(name).copied().unwrap_or(MOST_COUNTED);
        let beyond = self.counters.iter().filter(|(name, found)| **found > most(name));
        let beyond: Vec<_> = beyond.map(|(name, found)| (name.clone(), most(name), *found)).collect();
        if beyond.is_empty() { Ok(()) } else { Err(StateError { beyond, ..StateError::default() }) }
    }

    /// Checks that `found` has the same names and shapes as this state.
    ///
    /// # Errors
    /// Lists every difference.
    pub fn accepts(&self, found: &State) -> Result<(), StateError> {
        let mut error = StateError::default();
        for (name, tensor) in &self.tensors {
            match found.tensors.get(name) {
                None => error.missing.push(name.clone()),
                Some(other) if other.shape() != tensor.shape() => {
                    error.reshaped.push((name.clone(), tensor.shape().to_vec(), other.shape().to_vec()));
                }
                Some(_) => {}
            }
        }
        error.unexpected.extend(found.tensors.keys().filter(|name| !self.tensors.contains_key(*name)).cloned());
        error.missing.extend(self.counters.keys().filter(|name| !found.counters.contains_key(*name)).cloned());
        error.unexpected.extend(found.counters.keys().filter(|name| !self.counters.contains_key(*name)).cloned());
        if error == StateError::default() { Ok(()) } else { Err(error) }
    }
}

impl StateError {
    /// Whether names or shapes differ, not only the values of counters.
    pub fn is_of_another_architecture(&self) -> bool {
        !(self.missing.is_empty() && self.unexpected.is_empty() && self.reshaped.is_empty())
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (name, most, found) in &self.beyond {
            parts.push(format!("{name} is {found}, at most {most} is possible"));
        }
        for (name, wanted, found) in &self.reshaped {
            parts.push(format!("{name} has shape {found:?}, not {wanted:?}"));
        }
        if !self.missing.is_empty() {
            parts.push(format!("missing: {}", self.missing.join(", ")));
        }
        if !self.unexpected.is_empty() {
            parts.push(format!("not expected: {}", self.unexpected.join(", ")));
        }
        f.write_str(&parts.join("; "))
    }
}

impl std::error::Error for StateError {}
