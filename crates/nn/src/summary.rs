//! [`summary`](fn@summary) and [`totals`]: the table of a network's layers, and the number of its
//! parameters.
//!
//! A network may consist of several [`Network`]s, its parts: `generator.4x4` and `generator.rgb4x4`
//! are parts of `generator`, and one table lists the layers of both.

use core::fmt::Write as _;

use kernels::Precision;

use crate::init::Dialect;
use crate::layer::TensorKind;
use crate::network::Network;

/// Groups the parts of the same whole, in the order of their first part.
pub fn wholes<'a>(networks: &[&'a Network]) -> Vec<Vec<&'a Network>> {
    let mut wholes: Vec<Vec<&Network>> = Vec::new();
    for network in networks {
        match wholes.iter_mut().find(|parts| whole(parts[0]) == whole(network)) {
            Some(parts) => parts.push(network),
            None => wholes.push(vec![network]),
        }
    }
    wholes
}

/// The name of the whole that a network is a part of.
fn whole(network: &Network) -> &str {
    network.name().split_once('.').map_or(network.name(), |(whole, _)| whole)
}

fn count(parts: &[&Network], kind: TensorKind) -> usize {
    parts.iter().map(|network| network.count(kind)).sum()
}

/// The number of parameters of a whole in one line, counted as in the [`summary`](fn@summary):
/// `generator: 183,713 parameters, 6,384 of them not trainable`.
///
/// # Panics
/// When `parts` is empty.
pub fn totals(parts: &[&Network]) -> String {
    let (all, rest) = match parts[0].dialect() {
        Dialect::Keras => {
            (count(parts, TensorKind::Parameter) + count(parts, TensorKind::Buffer), count(parts, TensorKind::Buffer))
        }
        Dialect::Torch => (count(parts, TensorKind::Parameter), 0),
    };
    let fixed = if rest == 0 { String::new() } else { format!(", {} of them not trainable", thousands(rest)) };
    format!("{}: {} parameters{fixed}", whole(parts[0]), thousands(all))
}

/// The table of the layers of a whole, with name, kind, output shape and number of parameters, and
/// the totals. Running statistics count as non-trainable parameters in the Keras dialect and are
/// listed separately in the PyTorch dialect, as in these frameworks. A precision other than `f32`
/// is the last line.
///
/// # Panics
/// When `parts` is empty.
pub fn summary(parts: &[&Network]) -> String {
    let (dialect, name) = (parts[0].dialect(), whole(parts[0]));
    let kinds: &[TensorKind] = match dialect {
        Dialect::Keras => &[TensorKind::Parameter, TensorKind::Buffer],
        Dialect::Torch => &[TensorKind::Parameter],
    };
    let mut rows = vec![["layer", "kind", "output", "parameters"].map(String::from)];
    for network in parts {
        let part = network.name().strip_prefix(name).unwrap_or_default().trim_start_matches('.');
        let input = if part.is_empty() { "input".into() } else { format!("{part}: input") };
        rows.push([input, String::new(), shape_text(network.input_shape()), "0".into()]);
        rows.extend(network.rows().map(|(layer, kind, output, tensors)| {
            let counted = tensors.iter().filter(|(_, kind, _)| kinds.contains(kind));
            let count: usize = counted.map(|(_, _, tensor)| tensor.size()).sum();
            [layer.to_owned(), kind, shape_text(output), thousands(count)]
        }));
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [a, b, c, d] = [width(0), width(1), width(2), width(3)];
    let mut table = format!("{name}\n");
    let rule = "-".repeat(a + b + c + d + 6);
    for (i, [name, kind, output, count]) in rows.iter().enumerate() {
        writeln!(table, "{name:<a$}  {kind:<b$}  {output:<c$}  {count:>d$}").expect("writing to a string cannot fail");
        if i == 0 {
            table += &format!("{rule}\n");
        }
    }
    let (trainable, rest) = (count(parts, TensorKind::Parameter), count(parts, TensorKind::Buffer));
    let (all, others) = match dialect {
        Dialect::Keras => (trainable + rest, "Non-trainable params"),
        Dialect::Torch => (trainable, "Running statistics"),
    };
    let [all, trainable, rest] = [all, trainable, rest].map(thousands);
    let precision = match parts[0].precision() {
        Precision::F32 => "",
        Precision::Bf16 => "Products: bf16\n",
    };
    table + &format!("{rule}\nTotal params: {all}\nTrainable params: {trainable}\n{others}: {rest}\n{precision}")
}

fn shape_text(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

/// 4311553 as 4,311,553.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
