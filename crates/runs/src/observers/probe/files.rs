//! `layers.csv`, `scores.csv`, `fakes.csv` and `modes.csv`: the probes of a run, for spreadsheets.
//! They are read back when the run is resumed, and for its report.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use models::System;

use super::{Fakes, Layer, Norms, Pair, Probe, Scores};
use crate::failure::Failure;
use crate::observers::forgiving::Forgiving;
use crate::observers::past_rows::{Keep, Table};
use crate::observers::{Observer, Opened, StepContext, StepRecord, TrainingContext};
use crate::storage::{RealDisk, StorageError, Unfinished, patiently};

/// One of the files.
pub(crate) struct Format {
    pub(crate) name: &'static str,
    pub(crate) header: &'static str,
    /// The number of columns with words, after the step, and with numbers.
    words: usize,
    numbers: usize,
    /// The rows of a probe, each without its step.
    pub(crate) rows: fn(&Probe) -> Vec<String>,
    /// Adds a row to its probe.
    read: fn(&mut Probe, &[&str], &[f64]),
}

/// The files, in the order in which they are read: `modes.csv` adds to the rows of `fakes.csv`.
pub(crate) const FORMATS: [Format; 4] = [
    Format {
        name: "layers.csv",
        header: "step,network,layer,gradient_norm,weight_norm,update_norm,dead,saturated",
        words: 2,
        numbers: 5,
        rows: |probe| {
            let row = |layer: &Layer| {
                let Layer { network, layer, norms, dead, saturated } = layer;
                let norms = norms.map_or([None; 3], |norms| [norms.gradient, norms.weight, norms.update].map(Some));
                let numbers: Vec<String> = norms.into_iter().chain([*dead, *saturated]).map(field).collect();
                format!("{network},{layer},{}", numbers.join(","))
            };
            probe.layers.iter().map(row).collect()
        },
        read: |probe, words, numbers| {
            let &[gradient, weight, update, dead, saturated] = numbers else { return };
            let [network, layer] = [words[0], words[1]].map(str::to_owned);
            let norms = known(weight).map(|weight| Norms { gradient, weight, update });
            probe.layers.push(Layer { network, layer, norms, dead: known(dead), saturated: known(saturated) });
        },
    },
    Format {
        name: "scores.csv",
        header: "step,discriminator,images,score",
        words: 2,
        numbers: 1,
        rows: |probe| {
            let rows = probe.scores.iter().flat_map(|scores| {
                let name = &scores.discriminator;
                let of = |images: &'static str, values: &[f32]| {
                    values.iter().map(|score| format!("{name},{images},{score}")).collect::<Vec<_>>()
                };
                [of("reals", &scores.reals), of("fakes", &scores.fakes)].concat()
            });
            rows.collect()
        },
        read: |probe, words, numbers| {
            let [name, images] = [words[0], words[1]];
            let at = probe.scores.iter().position(|scores| scores.discriminator == name).unwrap_or_else(|| {
                probe.scores.push(Scores { discriminator: name.to_owned(), ..Scores::default() });
                probe.scores.len() - 1
            });
            let Scores { reals, fakes, .. } = &mut probe.scores[at];
            (if images == "reals" { reals } else { fakes }).push(numbers[0] as f32);
        },
    },
    Format {
        name: "fakes.csv",
        header: "step,of,count,distance,distance_of_reals,minimum,minimum_of_reals,maximum,maximum_of_reals,nyquist,\
                 nyquist_of_reals,nearest,nearest_of_reals",
        words: 1,
        numbers: 11,
        rows: |probe| {
            let row = |fakes: &Fakes| {
                let Fakes { of, count, distance, minimum, maximum, nyquist, nearest, modes: _ } = fakes;
                let pairs = [Some(*distance), Some(*minimum), Some(*maximum), *nyquist, *nearest];
                let numbers = pairs.iter().map(|pair| match pair {
                    Some(Pair { fakes, reals }) => format!("{fakes},{reals}"),
                    None => ",".into(),
                });
                format!("{of},{count},{}", numbers.collect::<Vec<_>>().join(","))
            };
            probe.fakes.iter().map(row).collect()
        },
        read: |probe, words, numbers| {
            let &[count, ref pairs @ ..] = numbers else { return };
            let pair = |at: usize| Pair { fakes: pairs[2 * at], reals: pairs[2 * at + 1] };
            // Where something was not measured, the number of the reals is missing, too.
            let measured = |at| Some(pair(at)).filter(|pair| !pair.reals.is_nan());
            let [distance, minimum, maximum] = [0, 1, 2].map(pair);
            let (nyquist, nearest) = (measured(3), measured(4));
            let (of, count) = (words[0].to_owned(), count as usize);
            probe.fakes.push(Fakes { of, count, distance, minimum, maximum, nyquist, nearest, modes: None });
        },
    },
    Format {
        name: "modes.csv",
        header: "step,of,covered,covered_by_reals",
        words: 1,
        numbers: 2,
        rows: |probe| {
            let row = |of: &Fakes| of.modes.map(|Pair { fakes, reals }| format!("{},{fakes},{reals}", of.of));
            probe.fakes.iter().filter_map(row).collect()
        },
        read: |probe, words, numbers| {
            let found = probe.fakes.iter_mut().filter(|fakes| fakes.of == words[0]);
            found.for_each(|fakes| fakes.modes = Some(Pair { fakes: numbers[0], reals: numbers[1] }));
        },
    },
];

fn field(number: Option<f64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

fn known(number: f64) -> Option<f64> {
    (!number.is_nan()).then_some(number)
}

impl Format {
    fn table(&self, until: u64) -> Table<'static> {
        Table { header: Some(self.header), numbers: Some(self.numbers), words: self.words, until }
    }

    /// Adds a row that was read to `probes`.
    fn add(&self, probes: &mut Vec<Probe>, line: &str, step: u64, numbers: &[f64]) {
        let at = probes.binary_search_by_key(&step, |probe| probe.step).unwrap_or_else(|at| {
            probes.insert(at, Probe { step, ..Probe::default() });
            at
        });
        let words: Vec<&str> = line.trim_end().split(',').skip(1).take(self.words).collect();
        (self.read)(&mut probes[at], &words, numbers);
    }
}

/// The probes in the files of the run folder `run`, up to step `until`. Damaged lines are skipped.
///
/// # Errors
/// When a file is there but cannot be read.
pub(crate) fn read(run: &Path, until: u64) -> Result<Vec<Probe>, StorageError> {
    let mut probes = Vec::new();
    for format in &FORMATS {
        let keep: &mut Keep<'_> = &mut |line, step, numbers| {
            format.add(&mut probes, line, step, numbers);
            Ok(())
        };
        format.table(until).read(&RealDisk, &run.join(format.name), keep)?;
    }
    Ok(probes)
}

/// Writes the files.
struct Writer {
    /// A file for each format, opened at the first row.
    files: Vec<(PathBuf, Option<File>)>,
    from: u64,
}

/// Opens the observer; probes of earlier steps are passed to `past`.
///
/// # Errors
/// When a file cannot be read or written.
pub(crate) fn open<'a>(
    training: &TrainingContext<'a>,
    _system: &dyn System,
    past: &mut dyn FnMut(&Probe),
) -> Opened<'a> {
    let run = training.run;
    let mut probes = Vec::new();
    for format in &FORMATS {
        let path = run.join(format.name);
        let failed = |error| StorageError::new("write", &path, error);
        if !path.exists() {
            continue;
        }
        let mut new = BufWriter::new(Unfinished::begin(&RealDisk, &path)?);
        writeln!(new, "{}", format.header).map_err(failed)?;
        let report = format.table(training.from).read(&RealDisk, &path, &mut |line, step, numbers| {
            format.add(&mut probes, line, step, numbers);
            new.write_all(line.as_bytes()).map_err(failed)
        })?;
        report.set_aside(&RealDisk, &path)?.iter().for_each(|note| training.console.say(note));
        new.into_inner().map_err(|error| failed(error.into_error()))?.finish()?;
    }
    probes.iter().for_each(past);
    if training.config.probe_every() == 0 {
        return Ok(None);
    }
    let files = FORMATS.iter().map(|format| (run.join(format.name), None)).collect();
    Ok(Some(Box::new(Forgiving::new(training.console, Writer { files, from: training.from }))))
}

impl Writer {
    fn write(&mut self, probe: &Probe) -> Result<(), StorageError> {
        for (format, (path, file)) in FORMATS.iter().zip(&mut self.files) {
            let rows = (format.rows)(probe);
            if rows.is_empty() {
                continue;
            }
            let failed = |error| StorageError::new("write", path, error);
            let mut text: String = rows.iter().map(|row| format!("{},{row}\n", probe.step)).collect();
            let is_new = !path.exists();
            if is_new {
                text.insert_str(0, &format!("{}\n", format.header));
            }
            if is_new || file.is_none() {
                *file = Some(
                    patiently(&RealDisk, || OpenOptions::new().append(true).create(true).open(&path))
                        .map_err(failed)?,
                );
            }
            let file = file.as_mut().expect("it was just opened");
            patiently(&RealDisk, || file.write_all(text.as_bytes())).map_err(failed)?;
        }
        Ok(())
    }
}

impl Observer for Writer {
    fn step(&mut self, now: &StepContext<'_>, numbers: &StepRecord<'_>) -> Result<(), Failure> {
        match numbers.probe.filter(|_| now.step > self.from) {
            Some(probe) => Ok(self.write(probe)?),
            None => Ok(()),
        }
    }
}
