//! Shared pieces of the tests that cross crates: reading the golden files and measuring the
//! distance from them.
//!
//! `tools/README.md` describes what the files hold and how far they can be trusted.

use serde_json::Value;
use tensor::{Tensor, Var};

use kernels::Element;
use models::System;
use nn::State;

/// The file `tests/golden/<name>.json`, after a check that [`fill`] makes what the file's own
/// filler made.
///
/// # Panics
/// When it cannot be read, or the filler is wrong.
pub fn golden(name: &str) -> Value {
    let path = format!("{}/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"));
    let file: Value = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{path}: {why}"));
    let check = &file["fill_check"];
    assert_eq!(tensor::<f64>(check).data(), numbers(&check["values"]), "{name}: the filler is wrong");
    file
}

/// The cases of a golden file, each with its name.
pub fn cases(file: &Value) -> impl Iterator<Item = (&str, &Value)> {
    list(&file["cases"]).iter().map(|case| (text(&case["name"]), case))
}

/// A JSON list.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is not a list"))
}

/// The entries of a JSON object.
pub fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().unwrap_or_else(|| panic!("{value} is not an object")).iter().map(|(key, value)| (&**key, value))
}

/// A JSON string.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text"))
}

/// A JSON number.
pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

/// A JSON list of numbers.
pub fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(number).collect()
}

/// A JSON list of sizes.
pub fn sizes(value: &Value) -> Vec<usize> {
    list(value).iter().map(|size| size.as_u64().unwrap_or_else(|| panic!("{size} is not a size")) as usize).collect()
}

/// Two sizes: a stride, a factor.
pub fn pair(value: &Value) -> [usize; 2] {
    sizes(value).try_into().unwrap_or_else(|_| panic!("{value} is not a pair"))
}

/// `count` numbers of the shared filler: a hash of the name and the position, in [low, high), exact
/// in `f32`.
pub fn fill(name: &str, count: usize, low: f64, high: f64) -> Vec<f64> {
    let hash = name.bytes().fold(0x811C_9DC5_u32, |h, byte| (h ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let value = |i: usize| {
        let mut x = hash.wrapping_add((i as u32).wrapping_mul(0x9E37_79B9));
        x ^= x >> 16;
        x = x.wrapping_mul(0x7FEB_352D);
        x ^= x >> 15;
        x = x.wrapping_mul(0x846C_A68B);
        x ^= x >> 16;
        let u = f64::from(x >> 8) / f64::from(1 << 24);
        f64::from((low + u * (high - low)) as f32)
    };
    (0..count).map(value).collect()
}

/// An input of a case: filled or stored.
pub fn tensor<T: Element>(spec: &Value) -> Tensor<T> {
    let shape = sizes(&spec["shape"]);
    let values = match spec.get("fill") {
        Some(name) => fill(text(name), shape.iter().product(), number(&spec["low"]), number(&spec["high"])),
        None => numbers(&spec["values"]),
    };
    Tensor::new(&shape, values.into_iter().map(T::from_f64).collect())
}

/// `difference` as a share of `scale`. Of a scale of 0, any difference is infinitely much, and so
/// is a NaN of any.
pub fn relative(difference: f64, scale: f64) -> f64 {
    match difference.abs() {
        0.0 => 0.0,
        difference if difference.is_nan() || scale == 0.0 => f64::INFINITY,
        difference => difference / scale.abs(),
    }
}

/// The distance of `got` from `expected`, elementwise, as a share of the largest expected element.
pub fn error_of_values(expected: &[f64], got: &[f64]) -> f64 {
    assert_eq!(expected.len(), got.len());
    let scale = expected.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    expected.iter().zip(got).fold(0.0, |worst, (x, y)| worst.max(relative(x - y, scale)))
}

/// The numbers of a tensor.
pub fn values<T: Element>(tensor: &Tensor<T>) -> Vec<f64> {
    tensor.data().iter().map(|x| x.to_f64()).collect()
}

/// The distance of `got` from a stored tensor, whole or a digest, as a share of its size; infinite
/// if the shape differs. The samples of a digest that `compared` does not choose by their position
/// are left out.
pub fn error_where<T: Element>(expected: &Value, got: &Tensor<T>, compared: impl Fn(usize) -> bool) -> f64 {
    if sizes(&expected["shape"]) != **got.shape() {
        return f64::INFINITY;
    }
    let got = values(got);
    let Some(dot) = expected.get("dot") else { return error_of_values(&numbers(&expected["values"]), &got) };
    let with = fill(text(&dot["with"]), got.len(), -1.0, 1.0);
    let l2 = number(&expected["l2"]);
    let spread = l2 * (got.len() as f64).sqrt();
    let largest = number(&expected["max_abs"]);
    let samples = sizes(&expected["index"]).into_iter().zip(numbers(&expected["value"]));
    let whole = [
        (number(&expected["sum"]), got.iter().sum(), spread),
        (number(&dot["value"]), got.iter().zip(&with).map(|(x, w)| x * w).sum(), spread),
        (l2, got.iter().map(|x| x * x).sum::<f64>().sqrt(), l2),
    ];
    let samples = samples.filter(|(i, _)| compared(*i)).map(|(i, x)| (x, got[i], largest));
    let errors = whole.into_iter().chain(samples).map(|(x, y, scale): (f64, f64, f64)| relative(x - y, scale));
    errors.fold(0.0, f64::max)
}

/// The distance of `got` from a stored tensor, whole or a digest, as a share of its size.
pub fn error<T: Element>(expected: &Value, got: &Tensor<T>) -> f64 {
    error_where(expected, got, |_| true)
}

/// Puts a fresh system into the state of a golden file of one step. Every weight is given there;
/// what a system remembers (of its optimisers, running statistics, pools) starts as it does here.
///
/// # Panics
/// When a weight is not given, or more than the weights are.
pub fn prepare(system: &mut dyn System, file: &Value) {
    let mut state = system.state();
    for (name, weight) in &mut state.tensors {
        let given = &file["inputs"][name];
        // Noise that has the weight 0, the mean of all styles, and the average of a generator are
        // not part of a step's turns.
        let aside = [".noise.map", ".noise.weight", ".styles.mean"].iter().any(|ending| name.ends_with(ending));
        let memory = name.starts_with("optimizer.")
            || name.starts_with("pool_")
            || name.contains(".running_")
            || name.starts_with("average.")
            || aside;
        assert!(memory != given.is_object(), "{name} must be given, or start as it does here");
        if !memory {
            *weight = tensor(given);
        }
    }
    system.restore(&state).expect("the same names and shapes");
}

/// The gradient of the parameter `name` in the first step of Adam with beta1 = 0.5: its mean is
/// half of it after one update.
pub fn first_gradient(state: &State, name: &str) -> Tensor {
    Var::constant(state.tensors[&format!("optimizer.{name}.mean")].clone()).scale(2.0).into_value()
}

/// The distance of the parameter `name` after its first update by Adam from the stored one, where
/// `gradient` is large enough: that update is the step size times the gradient's sign, unless that
/// is tiny, where rounding decides.
pub fn error_after_first_update(expected: &Value, state: &State, name: &str, gradient: &Tensor) -> f64 {
    let largest = number(&expected["gradient"]["max_abs"]) as f32;
    let clear = |i: usize| gradient.data()[i].abs() >= 1e-3 * largest;
    error_where(&expected["updated"], &state.tensors[name], clear)
}

/// Collects the errors of a group of comparisons, so that a failure lists all that is off.
pub struct Report {
    group: &'static str,
    tolerance: f64,
    count: usize,
    worst: (f64, String),
    failures: Vec<String>,
}

impl Report {
    /// Nothing compared yet; relative errors of up to `tolerance` will be allowed.
    pub fn new(group: &'static str, tolerance: f64) -> Self {
        Self { group, tolerance, count: 0, worst: (0.0, "nothing".into()), failures: Vec::new() }
    }

    /// Takes note of one relative error.
    pub fn note(&mut self, what: impl Into<String>, error: f64) {
        let what = what.into();
        self.count += 1;
        if error.is_nan() || error > self.tolerance {
            self.failures.push(format!("{what}: {error:.2e}"));
        }
        if error >= self.worst.0 {
            self.worst = (error, what);
        }
    }

    /// Prints the worst error.
    ///
    /// # Panics
    /// When any error was too large; the message lists them all.
    pub fn finish(self) {
        let Self { group, tolerance, count, worst: (error, what), failures } = self;
        println!("{group}: {count} comparisons to {tolerance:.0e}, the worst {error:.1e} ({what})");
        assert!(count > 0, "{group}: nothing was compared");
        let off = failures.len();
        assert!(off == 0, "{group}: {off} of {count} are off by more than {tolerance:.0e}:\n{}", failures.join("\n"));
    }
}
