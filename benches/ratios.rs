//! Kernels timed in turns with a yardstick, and their ratios compared with a committed table.
//!
//! How fast a kernel is depends on the machine and on what else runs there. The ratio of its rate
//! to that of a yardstick, measured in the same second on the same thread, depends on them much
//! less. Kernel and yardstick take turns of about a millisecond, and each keeps its best call: on a
//! busy machine many calls are interrupted, but some are not. So the problems are small: a call
//! takes a few milliseconds at most.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::record::record;

/// A kernel and what it is compared with.
pub struct Problem {
    /// What the kernel is compared with.
    pub yardstick: Yardstick,
    /// Floating-point operations or bytes of a call of the kernel.
    pub amount: f64,
    /// Floating-point operations or bytes of a call of the yardstick.
    pub yardstick_amount: f64,
    /// Calls the kernel.
    pub kernel: Box<dyn FnMut() + Send>,
    /// Calls the yardstick.
    pub reference: Box<dyn FnMut() + Send>,
}

/// What a kernel is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yardstick {
    /// The product of the crate `matrixmultiply`, for convolutions after im2col.
    MatrixMultiply,
    /// Multiply-adds on registers alone: the peak.
    Peak,
    /// A copy.
    Copy,
}

impl Yardstick {
    /// Its name in the report.
    fn name(self) -> &'static str {
        match self {
            Self::MatrixMultiply => "matrixmultiply",
            Self::Peak => "the peak",
            Self::Copy => "a copy",
        }
    }

    /// The unit of its rates, which are printed in 10^9 per second.
    fn unit(self) -> &'static str {
        if self == Self::Copy { "GB/s" } else { "GFLOP/s" }
    }
}

/// The measurement of a problem.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Seconds of a call of the kernel, at best.
    pub seconds: f64,
    /// Its operations or bytes per second.
    pub rate: f64,
    /// The rate divided by that of the yardstick.
    pub ratio: f64,
    /// The yardstick.
    pub yardstick: Yardstick,
}

/// The minimal duration of a turn, which repeats short calls.
const TURN: Duration = Duration::from_micros(800);
/// The minimal number of turns of the kernel, and of the yardstick.
const TURNS: usize = 6;

/// Seconds of the best call of one turn.
fn turn(work: &mut dyn FnMut()) -> f64 {
    let (start, mut best) = (Instant::now(), Duration::MAX);
    loop {
        let call = Instant::now();
        work();
        best = best.min(call.elapsed());
        if start.elapsed() >= TURN {
            return best.as_secs_f64();
        }
    }
}

impl Problem {
    /// Lets the yardstick and the kernel take turns, at least for the time `least`, then until the
    /// ratio reaches `enough`, but not beyond the time `most`.
    pub fn measure(&mut self, [least, most]: [Duration; 2], enough: f64) -> Measured {
        let (start, mut turns, mut best) = (Instant::now(), 0, [f64::INFINITY; 2]);
        loop {
            best[0] = best[0].min(turn(&mut self.reference));
            best[1] = best[1].min(turn(&mut self.kernel));
            turns += 1;
            let (of_yardstick, rate) = (self.yardstick_amount / best[0], self.amount / best[1]);
            let measured = Measured { seconds: best[1], rate, ratio: rate / of_yardstick, yardstick: self.yardstick };
            let time = start.elapsed();
            if turns >= TURNS && (time >= most || time >= least && measured.ratio >= enough) {
                return measured;
            }
        }
    }
}

/// Prints a line about the problem `name`, and adds it to the JSON file.
pub fn report(name: &str, measured: Measured, committed: Option<f64>, verdict: Verdict) {
    let Measured { seconds, rate, ratio, yardstick } = measured;
    let before = committed.map_or_else(|| "   -".to_owned(), |committed| format!("{committed:4.2}"));
    println!(
        "RATIO {name:44} {:8.3} ms {:7.1} {:7} {ratio:5.2} of {:14} (table {before}) {}",
        seconds * 1e3,
        rate / 1e9,
        yardstick.unit(),
        yardstick.name(),
        verdict.name(),
    );
    let (rate, unit, yardstick) = (rate / 1e9, yardstick.unit(), yardstick.name());
    let all = json!({
        "seconds": seconds, "rate": rate, "unit": unit, "ratio": ratio, "yardstick": yardstick, "committed": committed,
    });
    record(name, all);
}

/// Whether a ratio is as good as the committed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as good, better, or only a little worse.
    Kept,
    /// It fell too far.
    Fell,
    /// The table has no such ratio.
    Unknown,
}

impl Verdict {
    /// The verdict on a measured ratio, which must be at least `share` times the committed one.
    pub fn of(measured: f64, committed: Option<f64>, share: f64) -> Self {
        match committed {
            None => Self::Unknown,
            // A NaN does not pass.
            Some(committed) if measured >= share * committed => Self::Kept,
            Some(_) => Self::Fell,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kept => "ok",
            Self::Fell => "FELL",
            Self::Unknown => "not in the table",
        }
    }
}

/// The committed ratios of one instruction set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// The CPU that they were measured on.
    pub cpu: String,
    /// From a problem's name to its ratio.
    pub ratios: BTreeMap<String, f64>,
}

/// The committed ratios: a column per instruction set.
pub type Table = BTreeMap<String, Column>;

/// Reads a table.
///
/// # Errors
/// A message that says what is wrong with it.
pub fn parse(text: &str) -> Result<Table, String> {
    let all: BTreeMap<String, serde_json::Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let column = |(isa, value): (String, serde_json::Value)| {
        let cpu = value["cpu"].as_str().ok_or(format!("{isa} has no `cpu`"))?.to_owned();
        let ratios = value["ratios"].as_object().ok_or(format!("{isa} has no `ratios`"))?;
        let ratio = |(name, ratio): (&String, &serde_json::Value)| {
            let positive = ratio.as_f64().filter(|ratio| *ratio > 0.0);
            positive.map(|ratio| (name.clone(), ratio)).ok_or(format!("{isa}: {name} has no positive ratio"))
        };
        let ratios = ratios.iter().map(ratio).collect::<Result<_, _>>()?;
        Ok((isa, Column { cpu, ratios }))
    };
    all.into_iter().map(column).collect()
}

/// The text of a table, with two decimals.
pub fn render(table: &Table) -> String {
    let rounded = |ratio: &f64| (ratio * 100.0).round() / 100.0;
    let column = |column: &Column| {
        let ratios: BTreeMap<_, _> = column.ratios.iter().map(|(name, ratio)| (name, rounded(ratio))).collect();
        json!({ "cpu": column.cpu, "ratios": ratios })
    };
    let all: BTreeMap<_, _> = table.iter().map(|(isa, of)| (isa, column(of))).collect();
    serde_json::to_string_pretty(&all).expect("numbers and names") + "\n"
}

/// The fraction of a committed ratio that a measured one must reach: three quarters on the CPU that
/// the committed ratio was measured on. Other CPUs have different caches and execution units, so
/// there one half is enough.
pub fn share_to_keep(column: &Column, cpu: &str) -> f64 {
    if column.cpu == cpu { 0.75 } else { 0.5 }
}

/// The CPU's model, as Linux names it; `unknown` elsewhere.
pub fn cpu() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |key: &str| {
        let line = text.lines().find(|line| line.split(':').next().is_some_and(|name| name.trim() == key));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    match (value("model name"), value("cpu family"), value("model")) {
        (Some(name), Some(family), Some(model)) => format!("{name}, family {family}, model {model}"),
        (Some(name), ..) => name,
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let ratios = [("copying".to_owned(), 0.9), ("multiplying".to_owned(), 2.5)].into();
        [("avx2".to_owned(), Column { cpu: "some CPU".into(), ratios })].into()
    }

    #[test]
    fn a_ratio_may_fall_by_a_quarter_and_not_more() {
        let of = |measured| Verdict::of(measured, Some(2.0), 0.75);
        assert_eq!([3.0, 2.0, 1.5].map(of), [Verdict::Kept; 3]);
        assert_eq!([1.49, 0.0, f64::NAN].map(of), [Verdict::Fell; 3]);
        assert_eq!(Verdict::of(0.1, None, 0.75), Verdict::Unknown);
    }

    #[test]
    fn another_cpu_may_differ_by_more() {
        let column = &table()["avx2"];
        assert_eq!([share_to_keep(column, "some CPU"), share_to_keep(column, "another")], [0.75, 0.5]);
    }

    #[test]
    fn a_table_is_read_as_it_was_written() {
        assert_eq!(parse(&render(&table())), Ok(table()));
        let wrong = ["[]", r#"{"avx2": {"ratios": {}}}"#, r#"{"avx2": {"cpu": "x", "ratios": {"a": 0}}}"#];
        assert!(wrong.iter().all(|text| parse(text).is_err()));
    }

    #[test]
    fn the_committed_table_can_be_read() {
        parse(include_str!("ratios.json")).unwrap_or_else(|wrong| panic!("ratios.json: {wrong}"));
    }

    /// Two kinds of work, one of which does three times as much in a call: what counts is the rate.
    #[test]
    fn rates_are_compared_not_times() {
        let spin = |times: u64| {
            move || {
                std::hint::black_box((0..times * 20_000).fold(0, |a, b| a ^ std::hint::black_box(b)));
            }
        };
        let mut problem = Problem {
            yardstick: Yardstick::Peak,
            amount: 3.0,
            yardstick_amount: 1.0,
            kernel: Box::new(spin(3)),
            reference: Box::new(spin(1)),
        };
        let measured = problem.measure([Duration::ZERO; 2], 0.0);
        assert!((measured.rate - 3.0 / measured.seconds).abs() < 1e-6 * measured.rate && measured.ratio > 0.0);
    }
}
