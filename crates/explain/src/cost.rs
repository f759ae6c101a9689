//! The cost of a node: arithmetic for matrix products and convolutions, memory traffic for
//! everything else.

use tensor::Tensor;

use crate::document::{Cost, Saved};
use crate::recorder::NodeRecord;

/// The cost of a node in both directions. `inputs` are the values that it read. None for a
/// variable.
pub(crate) fn cost(node: &NodeRecord, inputs: &[&Tensor]) -> Option<Cost> {
    let op = node.op.as_ref()?;
    let wanted = node.sent.len() as u64;
    let swept = node.gradient.is_some();
    let nothing = || "nothing: the sweep does not reach it".to_owned();
    if let Some(products) = multiplications(op.name(), inputs, &node.value) {
        let backward = if swept { flops(2 * products * wanted) } else { nothing() };
        return Some(Cost { forward: flops(2 * products), backward });
    }
    let bytes = |tensors: usize| 4 * tensors as u64;
    let forward = bytes(inputs.iter().map(|input| input.size()).sum::<usize>() + node.value.size());
    let sent: usize = node.sent.iter().map(|(_, sent)| sent.size()).sum();
    let backward = if swept { traffic(bytes(node.value.size() + sent)) } else { nothing() };
    Some(Cost { forward: traffic(forward), backward })
}

/// The number of multiplications of a matrix product or a convolution; None for other ops.
pub(crate) fn multiplications(op: &str, inputs: &[&Tensor], value: &Tensor) -> Option<u64> {
    let [a, b] = inputs else { return None };
    let size = |tensor: &Tensor| tensor.size() as u64;
    match op {
        // The inner axis has length sqrt(|a| |b| / |y|).
        "matmul" => Some((size(a) as f64 * size(b) as f64 * size(value) as f64).sqrt().round() as u64),
        // Every pixel of the smaller image is multiplied by every weight once.
        "conv2d" => Some(size(value) / *value.shape().last()? as u64 * size(b)),
        "conv2d_input_grad" => Some(size(a) / *a.shape().last()? as u64 * size(b)),
        "conv2d_weight_grad" => Some(size(b) / *b.shape().last()? as u64 * size(value)),
        _ => None,
    }
}

/// What a node saves for the sweep. None for a variable.
pub(crate) fn saved(node: &NodeRecord, inputs: &[&Tensor], names: &[String]) -> Option<Saved> {
    node.op.as_ref()?;
    let kept: Vec<usize> = (0..inputs.len()).filter(|i| node.saves.keeps_input(*i)).collect();
    let mut what: Vec<String> = kept.iter().map(|i| format!("its input {}", names[*i])).collect();
    let mut numbers: usize = kept.iter().map(|i| inputs[*i].size()).sum();
    if node.saves.keeps_output() {
        what.push("its value".into());
        numbers += node.value.size();
    }
    let text = if what.is_empty() { "nothing: its rule needs no values".into() } else { what.join(" and ") };
    Some(Saved { text, bytes: 4 * numbers as u64 })
}

/// The names of an op's inputs in the formulas of the dictionary.
pub(crate) fn slots(op: &str, count: usize) -> Vec<String> {
    let names: &[&str] = match op {
        "conv2d" => &["x", "w"],
        "conv2d_input_grad" => &["gy", "w"],
        "conv2d_weight_grad" => &["x", "gy"],
        "matmul" | "add" | "sub" | "mul" | "div" => &["a", "b"],
        "batch_norm" | "instance_norm" | "sync_batch_norm" => &["x", "gamma", "beta"],
        "bias_act" => &["x", "bias"],
        _ => &["x"],
    };
    (0..count).map(|i| names.get(i).map_or_else(|| format!("input {i}"), |name| (*name).to_owned())).collect()
}

/// `2.1 GFLOP`.
fn flops(count: u64) -> String {
    scaled(count, ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"])
}

/// `12.8 MB read and written`.
fn traffic(bytes: u64) -> String {
    format!("{} read and written", scaled(bytes, ["B", "kB", "MB", "GB", "TB"]))
}

fn scaled(count: u64, units: [&str; 5]) -> String {
    let mut number = count as f64;
    let mut unit = 0;
    while number >= 1000.0 && unit + 1 < units.len() {
        (number, unit) = (number / 1000.0, unit + 1);
    }
    if unit == 0 { format!("{count} {}", units[0]) } else { format!("{number:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_fitting_units() {
        assert_eq!(
            (flops(999), flops(1_500), flops(2_100_000_000)),
            ("999 FLOP".into(), "1.5 kFLOP".into(), "2.1 GFLOP".into())
        );
        assert_eq!(traffic(12_800_000), "12.8 MB read and written");
    }

    #[test]
    fn products_are_counted() {
        let zeros = |shape: &[usize]| Tensor::zeros(shape);
        let product = multiplications("matmul", &[&zeros(&[3, 5]), &zeros(&[5, 7])], &zeros(&[3, 7]));
        assert_eq!(product, Some(105));
        let x = [&zeros(&[2, 8, 8, 3]), &zeros(&[5, 5, 3, 4])];
        assert_eq!(multiplications("conv2d", &x, &zeros(&[2, 4, 4, 4])), Some(2 * 4 * 4 * 4 * 75));
        assert_eq!(multiplications("add", &x, &zeros(&[1])), None);
    }
}
