//! `train derive`: derives the gradient of one operation from its formula, and checks it
//! numerically.

use std::cell::RefCell;
use std::rc::Rc;

use crate::cli::tools::DeriveArgs;
use crate::commands::gradcheck::operation;
use runs::console;
use runs::failure::{Code, Failure};
use tensor::arithmetic::Arithmetic;
use tensor::ops::{Domain, Entry as Operation, sample};
use tensor::{Op, Probe, RecordedNode, Shape, SweptNode, Tape, TapeObserver, Tensor};

/// Columns of a terminal.
const WIDTH: usize = 80;

/// How many elements of a tensor are shown.
const SHOWN: usize = 12;

/// Prints the derivation of an operation, and a check on a small case.
///
/// # Errors
/// When there is no such operation; when its derivative is wrong.
pub(crate) fn run(options: &DeriveArgs) -> Result<(), Failure> {
    let entry = operation(&options.op)?;
    console::print(&description(entry))?;
    let example = Example::of(entry);
    let (text, wrong) = example.proven();
    console::print(&text)?;
    match wrong {
        0 => Ok(()),
        wrong => Err(Failure::new(Code::Wrong, format!("`{}` has a wrong derivative", entry.name))
            .because(format!("{wrong} elements of its gradients differ from finite differences"))),
    }
}

/// The registry's description of an operation.
fn description(entry: &Operation) -> String {
    let mut text = wrapped("", &format!("{}: {}", entry.name, entry.idea)) + "\n";
    for (title, line) in [("forward", entry.forward), ("backward", entry.rule)] {
        text += &labelled(title, line);
    }
    text += "\nThe derivation\n";
    for (number, step) in entry.derivation.iter().enumerate() {
        text += &format!("  {}  {step}\n", number + 1);
    }
    text += "\n";
    let chapter = format!("chapter {} of the guide (cargo doc -p guide --open)", entry.chapter);
    let rows = [("shapes", entry.shape), ("kept", entry.saved), ("cost", entry.cost)];
    for (title, line) in rows.into_iter().chain([("read", &*chapter), ("code", entry.file)]) {
        text += &labelled(title, line);
    }
    text
}

/// One op with its numbers.
struct Example {
    label: String,
    op: Rc<dyn Op<f64>>,
    inputs: Vec<Tensor<f64>>,
    shape: Shape,
}

/// An observer that keeps the first node of one operation.
struct Catcher {
    name: &'static str,
    caught: RefCell<Option<Example>>,
}

impl TapeObserver<f64> for Catcher {
    fn node_recorded(&self, node: &RecordedNode<'_, f64>) {
        let mut caught = self.caught.borrow_mut();
        if let Some(op) = node.op.filter(|op| op.name() == self.name && caught.is_none()) {
            let inputs = node.inputs.iter().map(|x| x.value().clone()).collect();
            *caught = Some(Example { label: String::new(), op: Rc::clone(op), inputs, shape: *node.value.shape() });
        }
    }

    fn node_swept(&self, _node: &SweptNode<'_, f64>) {}
}

impl Example {
    /// The first case of the operation that has a few numbers to show.
    fn of(entry: &Operation) -> Self {
        let mut examples = (entry.cases)().into_iter().filter_map(|case| {
            let catcher = Rc::new(Catcher { name: entry.name, caught: RefCell::default() });
            let tape = Tape::observed(Rc::<Catcher>::clone(&catcher));
            let variables: Vec<_> = case.inputs.iter().map(|x| tape.variable("x", x.clone())).collect();
            (case.apply)(&variables);
            let example = Self { label: case.label, ..catcher.caught.take()? };
            // If the operands were broadcast first, the op's inputs are not those of the case.
            let own = example.inputs.iter().map(Tensor::shape).eq(case.inputs.iter().map(Tensor::shape));
            own.then_some(example)
        });
        let telling = |example: &Self| {
            let inputs: usize = example.inputs.iter().map(Tensor::size).sum();
            inputs >= 3 && example.shape.size() >= 2
        };
        let found = examples.find(telling);
        found.expect("every operation is checked on more than one number")
    }

    /// The numbers of the example as text: the value, the gradients by rule and by finite
    /// differences, and the arithmetic of one element of each. Also returns the number of wrong
    /// elements.
    fn proven(&self) -> (String, usize) {
        let inputs: Vec<_> = self.inputs.iter().collect();
        let probe = Probe::new(&*self.op, &inputs, self.shape, None).expect("every operation can be recomputed");
        let gy = sample(Domain::Any, 9, &self.shape);
        let mut text = format!("\nA live check: {}\n", self.label);
        if !self.op.attributes().is_empty() {
            text += &labelled("with", &self.op.attributes());
        }
        for (number, input) in self.inputs.iter().enumerate() {
            text += &numbers(&format!("input {number}"), input);
        }
        text += &numbers("value", probe.value());
        text += &arithmetic("value", largest(probe.value()), |i| probe.value_arithmetic(i));
        text += &numbers("upstream", &gy);

        let mut wrong = 0;
        for (number, gradient) in probe.gradients(&gy).iter().enumerate() {
            let differences = probe.finite_differences(number, &gy);
            text += &format!("\n  the gradient with respect to input {number}\n");
            text += &format!("{:>12}{:>18}{:>22}{:>12}\n", "element", "by the rule", "by finite differences", "off by");
            for (j, (rule, difference)) in gradient.data().iter().zip(differences.data()).enumerate() {
                let off = (rule - difference).abs();
                let right = off <= 1e-6 * (1.0 + difference.abs());
                wrong += usize::from(!right);
                if j < SHOWN || !right {
                    let verdict = if right { "" } else { "  WRONG" };
                    text += &format!("{j:>12}{rule:>18.9}{difference:>22.9}{off:>12.0e}{verdict}\n");
                }
            }
            text += &more(gradient.size());
            text += &arithmetic("gradient", largest(gradient), |j| probe.gradient_arithmetic(number, j, &gy));
        }
        (text, wrong)
    }
}

/// The index of the element with the largest absolute value.
fn largest(tensor: &Tensor<f64>) -> usize {
    let sizes = tensor.data().iter().map(|x| x.abs()).enumerate();
    sizes.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))).map_or(0, |(i, _)| i)
}

/// A tensor in a line or two.
fn numbers(title: &str, tensor: &Tensor<f64>) -> String {
    let shown: Vec<_> = tensor.data().iter().take(SHOWN).map(|x| format!("{x:.4}")).collect();
    let left = tensor.size().saturating_sub(SHOWN);
    let rest = if left > 0 { format!(" and {left} more") } else { String::new() };
    labelled(title, &format!("{} {}{rest}", tensor.shape(), shown.join(" ")))
}

/// A line that says how many of `size` rows are not shown.
fn more(size: usize) -> String {
    if size > SHOWN { format!("{:>12} {} more, all right\n", "and", size - SHOWN) } else { String::new() }
}

/// The arithmetic of one element.
fn arithmetic(what: &str, at: usize, work: impl Fn(usize) -> Arithmetic) -> String {
    let arithmetic = work(at);
    labelled("worked", &format!("{what} {at} = {} = {:.9}", arithmetic.text, arithmetic.result))
}

/// A line with a label in front, wrapped.
fn labelled(label: &str, line: &str) -> String {
    wrapped(&format!("  {label:<10}"), line)
}

/// `line` broken at spaces so that it fits the terminal; `first` before its first line, spaces
/// before the others.
fn wrapped(first: &str, line: &str) -> String {
    let mut text = String::from(first);
    let mut column = first.len();
    for (number, word) in line.split(' ').enumerate() {
        let gap = usize::from(number > 0);
        if number > 0 && column + gap + word.len() > WIDTH {
            text += &format!("\n{:width$}", "", width = first.len());
            column = first.len();
        } else if number > 0 {
            text.push(' ');
            column += 1;
        }
        text += word;
        column += word.len();
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::ops::REGISTRY;

    #[test]
    fn every_operation_is_derived_in_eighty_columns_and_its_live_check_passes() {
        for entry in &REGISTRY {
            let (live, wrong) = Example::of(entry).proven();
            assert_eq!(wrong, 0, "{}: {live}", entry.name);
            let text = description(entry) + &live;
            for line in text.lines() {
                assert!(line.chars().count() <= WIDTH, "{}: {line}", entry.name);
            }
            for part in [entry.derivation[0], entry.chapter, "worked", "by the rule", "value"] {
                assert!(text.contains(part), "{}: {part} is not in\n{text}", entry.name);
            }
        }
    }
}
