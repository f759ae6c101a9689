//! [`make()`]: the bands of a preset from runs of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datasets::{BUILT_IN, advice, plural};
use models::step_metrics::Unit;
use tensor::meta;

use super::{Bands, PRESET, name_of_fakes};
use crate::config::Config;
use crate::failure::{Code, Failure};
use crate::observers::past_rows::{self, Table};
use crate::observers::probe::files;
use crate::report::gathered::OF_FAKES;
use crate::sampling::Written;
use crate::storage::{self, RealDisk};

/// The number of intervals.
const INTERVALS: u64 = 60;
/// The share of values of a run below a band, and above it.
const OUTSIDE: f64 = 0.05;

/// The values of a metric in one run, with their steps.
type Curve = Vec<(u64, f64)>;

/// The curves of a run by their names.
type Curves = BTreeMap<String, Curve>;

/// Writes the file of bands of the system of these runs into `folder`: runs of its preset `cpu` on
/// the built-in images, which differ only in their seeds. The bands end where the shortest run
/// does.
///
/// # Errors
/// When a run cannot be read or does not belong to the others, or the file cannot be written.
pub fn make(runs: &[PathBuf], folder: &Path) -> Result<Written, Failure> {
    let mut configs: Vec<Config> = Vec::new();
    let mut curves = Vec::new();
    for run in runs {
        let config = Config::of_run(&run.join("config.toml"), None)?;
        if let Some(why) = why_not(&config, &configs) {
            return Err(Failure::new(Code::Usage, "the bands cannot be made from this run")
                .at(run.display())
                .because(why));
        }
        curves.push(read(run, &config)?);
        configs.push(config);
    }
    let (Some(config), Some(steps)) = (configs.first(), curves.iter().map(|(steps, _)| *steps).min()) else {
        return Err(Failure::new(Code::Usage, "no run is named")
            .help(advice!("bands-of-no-runs", "name the folders of three runs of one system")));
    };
    let seeds = configs.iter().map(Config::seed).collect();
    let mut curves: Vec<Curves> = curves.into_iter().map(|(_, curves)| curves).collect();
    for curve in curves.iter_mut().flat_map(BTreeMap::values_mut) {
        curve.retain(|(step, _)| *step <= steps);
    }
    let settings = config.preset_alone(PRESET).expect("every built-in system has this preset").to_tables();
    let mut bands = Bands { steps, seeds, low: BTreeMap::new(), high: BTreeMap::new(), settings };
    for name in curves[0].keys() {
        let all: Vec<&Curve> = curves.iter().filter_map(|curves| curves.get(name)).collect();
        // What does not depend on the seed, such as the resolution, needs no band.
        if all.len() < curves.len() || all.len() > 1 && all.iter().all(|curve| *curve == all[0]) {
            continue;
        }
        let (low, high): (Vec<f64>, Vec<f64>) = (0..INTERVALS).map(|interval| ends(&all, steps, interval)).unzip();
        if low.iter().all(|end| end.is_nan()) {
            continue;
        }
        bands.low.insert(name.clone(), low);
        bands.high.insert(name.clone(), high);
    }
    let path = folder.join(format!("{}.toml", config.entry.name));
    let text = toml::to_string(&bands).expect("bands are plain data");
    storage::write_whole(&RealDisk, &path, text.as_bytes())?;
    let about = format!(
        "{} metrics of {} {}, {steps} steps, {:.1} kB",
        bands.low.len(),
        runs.len(),
        plural(runs.len(), "run"),
        text.len() as f64 / 1e3
    );
    Ok(Written { path, about })
}

/// Why a run with this configuration cannot be one of the runs, beside the others.
fn why_not(config: &Config, others: &[Config]) -> Option<String> {
    let name = config.entry.name;
    match others.first() {
        Some(other) if other.entry.name != name => {
            return Some(format!("it is a run of `{name}`, but the first one is of `{}`", other.entry.name));
        }
        _ => {}
    }
    if others.iter().any(|other| other.seed() == config.seed()) {
        return Some(format!("another of the runs has the seed {}, too", config.seed()));
    }
    if config.data() != Some(BUILT_IN) || config.class().is_some() {
        return Some("it does not learn from all built-in images".into());
    }
    super::misfit(config)
}

/// The steps that the run has done, and its curves.
fn read(run: &Path, config: &Config) -> Result<(u64, Curves), Failure> {
    let path = run.join("metrics.csv");
    let metrics = meta::run(|| config.build())?.metrics();
    let names = past_rows::header(&path).unwrap_or_default();
    let names: Vec<&str> = names.split(',').skip(1).collect();
    let (mut curves, mut last) = (Curves::new(), 0);
    let table = Table { header: None, numbers: Some(names.len()), words: 0, until: u64::MAX };
    table.read(&RealDisk, &path, &mut |_, step, values| {
        last = step;
        for (name, value) in names.iter().zip(values) {
            let is_random = |unit| !matches!(unit, Unit::Kimg | Unit::Pixels);
            if metrics.iter().any(|metric| metric.name == *name && is_random(metric.unit)) {
                curves.entry((*name).to_owned()).or_default().push((step, *value));
            }
        }
        Ok(())
    })?;
    for probe in files::read(run, last)? {
        for fakes in &probe.fakes {
            for chart in &OF_FAKES {
                let Some(pair) = (chart.pick)(fakes) else { continue };
                curves.entry(name_of_fakes(chart.column, &fakes.of)).or_default().push((probe.step, pair.fakes));
            }
        }
    }
    Ok((last, curves))
}

/// The low and the high end of a band in an interval; NaN if no run has a finite value there.
fn ends(curves: &[&Curve], steps: u64, interval: u64) -> (f64, f64) {
    let (from, to) =
        (interval.saturating_sub(1) * steps / INTERVALS, (interval + 2).min(INTERVALS) * steps / INTERVALS);
    let of_run = |curve: &&Curve| {
        let inside = curve.iter().filter(|(step, value)| *step > from && *step <= to && value.is_finite());
        let mut values: Vec<f64> = inside.map(|(_, value)| *value).collect();
        values.sort_unstable_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let outside = (OUTSIDE * last as f64) as usize;
        Some((values[outside], values[last - outside]))
    };
    let ends = curves.iter().filter_map(of_run).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let (low, high) = ends.unwrap_or((f64::NAN, f64::NAN));
    (rounded(low), rounded(high))
}

/// A number with three significant digits.
fn rounded(number: f64) -> f64 {
    format!("{number:.2e}").parse().unwrap_or(number)
}
