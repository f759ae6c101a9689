//! The arithmetic of single elements and the check of every node: each op is recomputed in `f64`.
//!
//! A convolution of a whole batch would be slow in `f64`. For a large node, the explained element
//! is in the first image, and only that image is recomputed; its check uses the first two images.
//! Such ops treat each row of a batch separately, so the numbers are the same; for ops that do not
//! (batch normalisation) the whole batch is recomputed.

use kernels::Key;
use tensor::arithmetic::evaluate;
use tensor::{NodeCheck, Tensor};

use crate::atlas::{Atlas, Place};
use crate::cost::multiplications;
use crate::document::{Check, Document, GradientTerm, Probe};
use crate::recorder::{NodeRecord, Recording, Source};

/// An op with at most this many multiplications and numbers is recomputed as a whole.
const SMALL: u64 = 200_000;
/// The number of rows in the check of a larger op.
const CHECKED_ROWS: usize = 2;
/// The number of terms of a gradient that are listed.
const LISTED_TERMS: usize = 8;

/// Adds the arithmetic of `count` elements of every node. `progress` is called before each node
/// with the number done.
pub(crate) fn probe(
    document: &mut Document,
    recording: &Recording,
    atlas: &Atlas<'_>,
    count: usize,
    progress: &mut dyn FnMut(usize),
) {
    let seed = document.header.seed;
    let mut done = 0;
    for tape in 0..recording.tapes.len() {
        let tape = ReplayedTape::new(recording, atlas, tape);
        for number in 0..tape.nodes.len() {
            progress(done);
            done += 1;
            let id = atlas.id(Place::Node(tape.number, number));
            document.nodes[id].probes = tape.probes(number, id, seed, count);
        }
    }
}

/// Checks the gradient rule of every node. `progress` is called before each node with the number
/// done.
pub(crate) fn check(
    document: &mut Document,
    recording: &Recording,
    atlas: &Atlas<'_>,
    progress: &mut dyn FnMut(usize),
) {
    let mut done = 0;
    for (number, tape) in recording.tapes.iter().enumerate() {
        let mut check = |record| {
            progress(done);
            done += 1;
            checked(recording, number, record)
        };
        let checks: Vec<Vec<Checked>> = tape.nodes.iter().map(&mut check).collect();
        for (place, record) in tape.nodes.iter().enumerate() {
            let node = &mut document.nodes[atlas.id(Place::Node(number, place))];
            let slots: Vec<String> = node.inputs.iter().map(|input| input.slot.clone()).collect();
            node.check = if record.op.is_some() {
                worst(checks[place].iter(), &slots)
            } else {
                // A variable has no rule; its gradient comes from its users.
                let mut all = Vec::new();
                for (reader, checks) in tape.nodes.iter().zip(&checks) {
                    all.extend(checks.iter().filter(|own| reader.inputs[own.check.input] == Source::Node(place)));
                }
                worst(all.iter().copied(), &[])
            };
        }
    }
}

/// The check of one input of a node.
struct Checked {
    check: NodeCheck,
    op: &'static str,
    rows: Option<[usize; 2]>,
    /// Whether the input is a single number.
    single: bool,
}

fn checked(recording: &Recording, tape: usize, record: &NodeRecord) -> Vec<Checked> {
    let (Some(op), Some(gradient)) = (&record.op, &record.gradient) else { return Vec::new() };
    let inputs = values(recording, tape, record);
    let rows = if is_small(record, &inputs) { None } else { Some(CHECKED_ROWS) };
    let Some(probe) = tensor::Probe::new(&**op, &inputs, *record.value.shape(), rows) else { return Vec::new() };
    let gy = rows_of(gradient, &probe);
    let rows = probe.cut().map(|_| [gy.shape()[0], record.value.shape()[0]]);
    let wanted = |check: &NodeCheck| record.sent.iter().any(|(input, _)| *input == check.input);
    let all = probe.check(&gy).into_iter().filter(wanted);
    all.map(|check| Checked { single: probe.inputs()[check.input].size() == 1, check, op: op.name(), rows }).collect()
}

/// The check with the largest error. `slots` are the names of the node's inputs; a variable has
/// none.
fn worst<'a>(checks: impl Iterator<Item = &'a Checked> + Clone, slots: &[String]) -> Option<Check> {
    let count = checks.clone().count();
    let agreement = |checked: &Checked| (checked.check.passed, checked.check.tolerance - checked.check.error);
    let worst = checks.min_by(|a, b| {
        let ((a_passed, a_left), (b_passed, b_left)) = (agreement(a), agreement(b));
        a_passed.cmp(&b_passed).then(a_left.total_cmp(&b_left))
    })?;
    let NodeCheck { input, analytic, numeric, error, tolerance, passed, ref note, .. } = worst.check;
    let op = worst.op;
    let slot = slots.get(input).map_or("this variable", |slot| slot);
    let mut text = match (slots.is_empty(), count) {
        (true, 1) => {
            format!("A variable has no op, so the contribution of `{op}`, which reads it, is checked. ")
        }
        (true, _) => format!(
            "A variable has no op, so the contributions of the ops that read it are checked; of {count} checks, that of `{op}` has the largest error. "
        ),
        (false, 1) => format!("The contribution of `{op}` to the gradient of its input {slot} is checked. "),
        (false, _) => {
            format!(
                "The contributions of `{op}` to the gradients of its inputs are checked; of {count}, {slot} has the largest error. "
            )
        }
    };
    text += "The op was recomputed in f64 at the recorded values";
    if let Some([some, all]) = worst.rows {
        text += &format!(" for the first {some} of {all} rows");
    }
    text += &format!(", with {slot} moved by a small step in both directions");
    text += if worst.single {
        ". By finite differences: the change of its value times the gradient of the value. By the rule: the contribution to the gradient of the input."
    } else {
        " along a random direction. By finite differences: the change of its value, multiplied element by element by the gradient of the value \
         and summed. By the rule: the contribution to the gradient of the input, multiplied by the direction and summed."
    };
    text += &format!(" The relative error is {error:.1e}; {tolerance:.0e} is allowed.");
    if !note.is_empty() {
        text += &format!(" {}.", note.trim_end_matches('.'));
    }
    Some(Check { analytic, numeric, error, tolerance, pass: passed, text })
}

/// The values of a node's inputs.
fn values<'a>(recording: &'a Recording, tape: usize, record: &NodeRecord) -> Vec<&'a Tensor> {
    let tape = &recording.tapes[tape];
    let value = |source: &Source| match *source {
        Source::Node(node) => &tape.nodes[node].value,
        Source::Constant(number) => &tape.constants[number].value,
    };
    record.inputs.iter().map(value).collect()
}

fn is_small(record: &NodeRecord, inputs: &[&Tensor]) -> bool {
    let op = record.op.as_ref().map_or("variable", |op| op.name());
    let numbers = inputs.iter().map(|input| input.size()).sum::<usize>() + record.value.size();
    multiplications(op, inputs, &record.value).unwrap_or(0).max(numbers as u64) <= SMALL
}

/// The gradient in `f64`, cut to the rows of the probe.
fn rows_of(gradient: &Tensor, probe: &tensor::Probe<'_>) -> Tensor<f64> {
    match probe.cut() {
        Some(_) => gradient.first_rows(probe.shape()[0]).cast(),
        None => gradient.cast(),
    }
}

/// A tape whose ops can be recomputed.
struct ReplayedTape<'a> {
    number: usize,
    nodes: &'a [NodeRecord],
    atlas: &'a Atlas<'a>,
    probes: Vec<Option<tensor::Probe<'a>>>,
    /// The users of each node, in the order of the sweep, with the number of the input.
    readers: Vec<Vec<(usize, usize)>>,
}

impl<'a> ReplayedTape<'a> {
    fn new(recording: &'a Recording, atlas: &'a Atlas<'a>, number: usize) -> Self {
        let tape = &recording.tapes[number];
        let again = |record: &'a NodeRecord| {
            let (op, inputs) = (&**record.op.as_ref()?, values(recording, number, record));
            let make = |rows| tensor::Probe::new(op, &inputs, *record.value.shape(), rows);
            if is_small(record, &inputs) {
                return make(None);
            }
            make(Some(1)).filter(tensor::Probe::has_own_numbers).or_else(|| make(None))
        };
        let mut readers = vec![Vec::new(); tape.nodes.len()];
        for reader in &tape.order {
            let record = &tape.nodes[*reader];
            for (input, _) in &record.sent {
                if let Source::Node(node) = record.inputs[*input] {
                    readers[node].push((*reader, *input));
                }
            }
        }
        Self { number, nodes: &tape.nodes, atlas, probes: tape.nodes.iter().map(again).collect(), readers }
    }

    /// The number of elements of a node that can be explained: those of the first image, if only
    /// that is recomputed.
    fn reach(&self, node: usize) -> usize {
        let all = self.nodes[node].value.size();
        let own = self.probes[node].as_ref().map_or(all, |probe| probe.shape().size());
        let read = |(reader, input): &(usize, usize)| {
            let probe = self.probes[*reader].as_ref();
            probe.map_or(all, |probe| probe.inputs()[*input].size())
        };
        self.readers[node].iter().map(read).fold(own, usize::min).max(1)
    }

    /// Up to `count` elements of a node.
    fn probes(&self, node: usize, id: usize, seed: u64, count: usize) -> Vec<Probe> {
        let record = &self.nodes[node];
        let reach = self.reach(node).min(record.value.size());
        let (numbers, what) = match &record.gradient {
            Some(gradient) => (gradient.data(), "gradient"),
            None => (record.value.data(), "value"),
        };
        let within = &numbers[..reach];
        let size = |i: &usize| within[*i].abs();
        // The first one, if several are equal.
        let largest = (0..reach).reduce(|most, i| if size(&i) > size(&most) { i } else { most });
        let nonzero = (0..reach).filter(|i| within[*i] != 0.0);
        let smallest = nonzero.reduce(|least, i| if size(&i) < size(&least) { i } else { least });
        let words = kernels::random::words(Key::named(seed, "probe"), id as u32);
        let random = kernels::random::index(words[0], reach);
        let place = match record.value.shape().len() {
            _ if reach == numbers.len() => "",
            4 => " of the first image",
            _ => " of the first row",
        };
        let chosen = [
            (largest, format!("largest {what}{place}")),
            (smallest, format!("smallest {what} that is not 0{place}")),
            (Some(0), "the first".into()),
            (Some(random), format!("at random{place}")),
        ];
        let mut probes: Vec<(usize, Probe)> = Vec::new();
        for (at, why) in chosen.into_iter().filter_map(|(at, why)| Some((at?, why))).take(count) {
            if probes.iter().all(|(other, _)| *other != at) && at < record.value.size() {
                probes.push((at, self.element(node, at, why)));
            }
        }
        probes.into_iter().map(|(_, probe)| probe).collect()
    }

    fn element(&self, node: usize, at: usize, why: String) -> Probe {
        let record = &self.nodes[node];
        let value = record.value.data()[at];
        let value_expression =
            self.probes[node].as_ref().map_or_else(String::new, |probe| probe.value_arithmetic(at).text);
        let mut probe = Probe {
            index: index(record.value.shape(), at),
            why,
            value,
            value_rest: rest(value, &value_expression),
            value_expression,
            gradient: record.gradient.as_ref().map(|gradient| gradient.data()[at]),
            gradient_terms: Vec::new(),
            gradient_terms_more: 0,
            gradient_expression: String::new(),
            gradient_rest: 0.0,
            gradient_rest_text: String::new(),
        };
        if let Some(gradient) = probe.gradient {
            self.add_gradient_terms(&mut probe, gradient, node, at);
        }
        probe
    }

    /// Adds the contributions of all users of the node to the gradient of one element.
    fn add_gradient_terms(&self, probe: &mut Probe, gradient: f32, node: usize, at: usize) {
        let mut addends: Vec<String> = Vec::new();
        let mut others = None;
        for (reader, input) in &self.readers[node] {
            let (Some(again), Some(gy)) = (&self.probes[*reader], &self.nodes[*reader].gradient) else { continue };
            let rows = gy.shape().first().copied().unwrap_or(1);
            let terms = again.gradient_terms(*input, at, &rows_of(gy, again));
            addends.push(again.terms_arithmetic(*input, &terms).text);
            let node = self.atlas.id(Place::Node(self.number, *reader));
            probe.gradient_terms.extend(terms.terms.iter().take(LISTED_TERMS).map(|term| GradientTerm {
                node,
                upstream: term.number as f32,
                slope: term.slope as f32,
                product: (term.number * term.slope) as f32,
            }));
            probe.gradient_terms_more += terms.more + terms.terms.len().saturating_sub(LISTED_TERMS);
            if again.cut().is_some_and(|cut| !cut[*input]) {
                let what = if gy.shape().len() == 4 { "images" } else { "rows" };
                others = Some(format!("{} {what}", rows - again.shape()[0]));
            }
        }
        // The largest terms of all users.
        probe.gradient_terms.sort_by(|a, b| b.product.abs().total_cmp(&a.product.abs()));
        probe.gradient_terms_more += probe.gradient_terms.len().saturating_sub(LISTED_TERMS);
        probe.gradient_terms.truncate(LISTED_TERMS);
        probe.gradient_expression = match &addends[..] {
            [] => "1".into(),
            [one] => one.clone(),
            several => several.iter().map(|addend| format!("({addend})")).collect::<Vec<_>>().join(" + "),
        };
        probe.gradient_rest = rest(gradient, &probe.gradient_expression);
        probe.gradient_rest_text = match others {
            Some(others) => format!("the contributions of the other {others}, and the rounding of f32"),
            None => "the rounding of f32".into(),
        };
    }
}

/// The difference between `number` and the value of the expression; 0 without an expression.
fn rest(number: f32, expression: &str) -> f64 {
    evaluate(expression).map_or(0.0, |value| f64::from(number) - value)
}

/// The index of an element along each axis.
pub(crate) fn index(shape: &[usize], mut at: usize) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (axis, length) in shape.iter().enumerate().rev() {
        (index[axis], at) = (at % length, at / length);
    }
    index
}
