//! [`Timings`]: the results of profiling, as a table and as CSV.

use core::fmt;
use std::collections::HashMap;
use std::rc::Rc;

use super::{Category, Direction, Spent};

/// The calls of one kernel in one scope.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// The path of a layer; empty outside all layers.
    pub scope: Rc<str>,
    /// The kernel's name.
    pub kernel: &'static str,
    /// The category of the kernel.
    pub category: Category,
    /// [forward, backward]
    pub spent: [Spent; 2],
}

/// Where the time of some steps went. Its `Display` is a table of means per step;
/// [`csv`](Timings::csv) has the same numbers.
#[derive(Clone, Debug, Default)]
pub struct Timings {
    measurements: Vec<Measurement>,
    numbers: HashMap<(Rc<str>, &'static str), usize>,
    steps: u64,
    seconds: f64,
}

impl Timings {
    /// All measurements, in the order of first appearance.
    pub fn measurements(&self) -> &[Measurement] {
        &self.measurements
    }

    /// Records the end of a step that took `seconds` in all.
    pub fn end_step(&mut self, seconds: f64) {
        self.steps += 1;
        self.seconds += seconds;
    }

    /// The counters that a call is to be added to.
    pub(super) fn spent(
        &mut self,
        scope: &Rc<str>,
        kernel: &'static str,
        category: Category,
        direction: Direction,
    ) -> &mut Spent {
        let number = *self.numbers.entry((Rc::clone(scope), kernel)).or_insert(self.measurements.len());
        if number == self.measurements.len() {
            self.measurements.push(Measurement {
                scope: Rc::clone(scope),
                kernel,
                category,
                spent: [Spent::default(); 2],
            });
        }
        &mut self.measurements[number].spent[direction as usize]
    }

    /// The measurements grouped by scope, in the order in which scopes first appeared; those
    /// outside all layers last.
    fn sorted(&self) -> Vec<&Measurement> {
        let mut first: HashMap<&str, usize> = HashMap::new();
        for (number, entry) in self.measurements.iter().enumerate() {
            first.entry(&entry.scope).or_insert(number);
        }
        let mut rows: Vec<&Measurement> = self.measurements.iter().collect();
        rows.sort_by_key(|entry| (entry.scope.is_empty(), first[&*entry.scope]));
        rows
    }

    /// The sum over a category.
    fn total(&self, category: Category) -> [Spent; 2] {
        let mut total = [Spent::default(); 2];
        for entry in self.measurements.iter().filter(|entry| entry.category == category) {
            for (total, spent) in total.iter_mut().zip(&entry.spent) {
                total.calls += spent.calls;
                total.seconds += spent.seconds;
                total.flops += spent.flops;
                total.bytes += spent.bytes;
            }
        }
        total
    }

    /// The time between kernels.
    fn rest(&self) -> Spent {
        let counted: f64 = self.measurements.iter().flat_map(|entry| entry.spent).map(|spent| spent.seconds).sum();
        Spent { seconds: self.seconds - counted, ..Spent::default() }
    }

    fn milliseconds(&self, spent: Spent) -> f64 {
        spent.seconds * 1e3 / self.steps.max(1) as f64
    }

    /// Calls per step, milliseconds per step and rate of each direction, and the share of the step.
    fn numbers(&self, spent: [Spent; 2]) -> String {
        let calls = match spent[0].calls + spent[1].calls {
            0 => String::new(),
            calls => format!("{:.0}", calls as f64 / self.steps.max(1) as f64),
        };
        let [forward, backward] = spent.map(|spent| match spent.seconds {
            0.0 => format!("{:23}", ""),
            _ => format!("{:8.2} {:14}", self.milliseconds(spent), rate(spent)),
        });
        let share = 100.0 * (spent[0].seconds + spent[1].seconds) / self.seconds;
        format!("{calls:>5} {forward} {backward} {share:5.1}%")
    }

    /// The measurements as comma-separated values with a header, as means per step. `gflops` and
    /// `gbs` are 10^9 operations and bytes per second, empty where they were not counted.
    pub fn csv(&self) -> String {
        let mut text = String::from("layer,kernel,direction,calls,milliseconds,gflops,gbs,share\n");
        let mut line = |scope: &str, kernel: &str, direction: &str, spent: Spent| {
            let per_second =
                |amount: f64| if amount > 0.0 { format!("{:.3}", amount / spent.seconds / 1e9) } else { String::new() };
            let (flops, bytes) = (per_second(spent.flops), per_second(spent.bytes));
            let calls = spent.calls as f64 / self.steps.max(1) as f64;
            let (time, share) = (self.milliseconds(spent), spent.seconds / self.seconds);
            text += &format!("{scope},{kernel},{direction},{calls},{time:.4},{flops},{bytes},{share:.5}\n");
        };
        for entry in self.sorted() {
            for (direction, spent) in ["forward", "backward"].into_iter().zip(entry.spent) {
                if spent.calls > 0 {
                    line(&entry.scope, entry.kernel, direction, spent);
                }
            }
        }
        line("", "everything else", "", self.rest());
        text
    }
}

/// The rate in 10^9 operations or bytes per second.
fn rate(spent: Spent) -> String {
    let Spent { seconds, flops, bytes, .. } = spent;
    match (flops > 0.0, bytes > 0.0) {
        (true, false) => format!("{:6.1} GFLOP/s", flops / seconds / 1e9),
        (false, true) => format!("{:6.1} GB/s", bytes / seconds / 1e9),
        _ => String::new(),
    }
}

impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes = self.measurements.iter().map(|entry| entry.scope.len());
        let width = scopes.chain(["matrix products".len()]).max().unwrap_or(0);
        let kernels = self
            .measurements
            .iter()
            .map(|entry| entry.kernel.len())
            .chain(["everything else".len()])
            .max()
            .unwrap_or(0);
        let step = self.seconds * 1e3 / self.steps.max(1) as f64;
        writeln!(f, "where the time of a step goes: {step:.2} ms, the mean of {}", self.steps)?;
        let head = format!(
            "{:<width$} {:<kernels$} calls  forward ms {:<9} backward ms {:<10} share",
            "layer", "kernel", "", ""
        );
        writeln!(f, "{head}")?;
        let rule = "-".repeat(head.len());
        writeln!(f, "{rule}")?;
        for entry in self.sorted() {
            let scope = if entry.scope.is_empty() { "-" } else { &entry.scope };
            writeln!(f, "{scope:<width$} {:<kernels$} {}", entry.kernel, self.numbers(entry.spent))?;
        }
        writeln!(f, "{rule}")?;
        let categories = [
            ("convolutions", Category::Convolution),
            ("matrix products", Category::MatrixProduct),
            ("moving memory", Category::Memory),
            ("optimiser", Category::Optimizer),
            ("batch preparation", Category::Batch),
            ("messages", Category::Messages),
        ];
        let whole = width + 1 + kernels;
        // A process that trains alone has no messages.
        let is_shown = |category| category != Category::Messages || self.total(category)[0].calls > 0;
        for (name, category) in categories.into_iter().filter(|(_, category)| is_shown(*category)) {
            writeln!(f, "{name:<whole$} {}", self.numbers(self.total(category)))?;
        }
        writeln!(f, "{:<whole$} {}", "everything else", self.numbers([self.rest(), Spent::default()]))?;
        let step = Spent { seconds: self.seconds, ..Spent::default() };
        writeln!(f, "{:<whole$} {}", "the step", self.numbers([step, Spent::default()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timing::Work;

    fn example() -> Timings {
        let mut timings = Timings::default();
        let [a, b, none]: [Rc<str>; 3] = ["net.a".into(), "net.b".into(), "".into()];
        let mut add = |scope, kernel, category, direction, work, seconds| {
            timings.spent(scope, kernel, category, direction).add(work, seconds);
        };
        let [forward, backward] = [Direction::Forward, Direction::Backward];
        add(&none, "gather", Category::Batch, forward, Work::Unknown, 0.010);
        add(&a, "conv2d", Category::Convolution, forward, Work::Products(1_000_000_000), 0.020);
        add(&b, "add", Category::Memory, forward, Work::Floats(10_000_000), 0.004);
        add(&a, "conv2d_weight_grad", Category::Convolution, backward, Work::Products(3_000_000_000), 0.040);
        add(&b, "add", Category::Memory, backward, Work::Floats(10_000_000), 0.016);
        timings.end_step(0.100);
        timings
    }

    #[test]
    fn the_table_has_a_row_per_kernel_and_layer_and_sums_to_the_step() {
        let text = example().to_string();
        let lines: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        for line in [
            "where the time of a step goes: 100.00 ms, the mean of 1",
            "net.a conv2d 1 20.00 100.0 GFLOP/s 20.0%",
            "net.b add 2 4.00 10.0 GB/s 16.00 2.5 GB/s 20.0%",
            "- gather 1 10.00 10.0%",
            "convolutions 2 20.00 100.0 GFLOP/s 40.00 150.0 GFLOP/s 60.0%",
            "everything else 10.00 10.0%",
            "the step 100.00 100.0%",
        ] {
            assert!(lines.iter().any(|found| found == line), "{line}: {text}");
        }
        let layers: Vec<&str> = text.lines().skip(3).take(4).map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(layers, ["net.a", "net.a", "net.b", "-"]);
    }

    #[test]
    fn the_file_has_the_same_numbers() {
        let csv = example().csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "layer,kernel,direction,calls,milliseconds,gflops,gbs,share");
        assert_eq!(lines[2], "net.a,conv2d_weight_grad,backward,1,40.0000,150.000,,0.40000");
        assert_eq!(lines[4], "net.b,add,backward,1,16.0000,,2.500,0.16000");
        assert_eq!(lines[6], ",everything else,,0,10.0000,,,0.10000");
        let shares: f64 = lines[1..].iter().map(|line| line.rsplit(',').next().unwrap().parse::<f64>().unwrap()).sum();
        assert!((shares - 1.0).abs() < 1e-4, "{csv}");
    }
}
