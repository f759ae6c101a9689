//! Import: [`import`] makes a run from the weights of a network that was trained elsewhere, to
//! sample from it, evaluate it, translate with it, or train it further.
//!
//! `state_dict.rs` reads the files and turns PyTorch's layouts into those of this project;
//! `programs.rs` has the PyTorch programs whose names are known; `exported.rs` the files that this
//! program exports.

pub(crate) mod exported;
mod programs;
pub(crate) mod state_dict;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasets::{advice, plural};
use models::System;
use nn::{Network, State, StateError};
use tensor::meta;
use toml::Value;

pub use programs::{PROGRAMS, Program};
use state_dict::{StateDict, Wanted, unscaled};

use crate::checkpoint::{Checkpoint, all_misfits, averaged, file_name, part_of, weights_hash};
use crate::config::{Assignment, Config, Source};
use crate::console::Output;
use crate::data;
use crate::failure::{Code, Failure};
use crate::folder::{self, Claimed};
use crate::layouts;
use crate::plan;
use crate::processor;
use crate::storage::{self, RealDisk};
use crate::suggestion::suggestion;
use crate::systems::{self, Trainable};

/// What to import, and where the run folder goes.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// The .safetensors file of the generator; of the generator A to B, for translators.
    pub file: PathBuf,
    /// The system of which the file has a network; None for a file that this program exported.
    pub system: Option<String>,
    /// Files of further networks of the system, by the names of these networks.
    pub others: Vec<(String, PathBuf)>,
    /// Settings of the run, such as its data. The sizes of the networks are read from the files.
    pub assignments: Vec<Assignment>,
    /// The run folder; by default the next free `runs/NNNN-SYSTEM`.
    pub out: Option<PathBuf>,
    /// Where messages go.
    pub output: Output,
}

/// The result of an import.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The run folder.
    pub run: PathBuf,
    /// The name of its system.
    pub system: String,
    /// The hash of its state.
    pub weights_hash: String,
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.run.display())?;
        writeln!(f, "weights hash: {}", self.weights_hash)
    }
}

/// Imports the networks. Networks of the system without a file keep random weights.
///
/// # Errors
/// When a file cannot be read or does not fit, the data that the request names cannot be used, or
/// the run folder is taken. Nothing is written then.
pub fn import(request: &ImportRequest) -> Result<Imported, Failure> {
    processor::on_a_kernel_thread(|| import_here(request))
}

/// A system with the weights of the files.
struct Filled {
    config: Config,
    state: State,
    /// The networks, each with its file and the tensors from it.
    sources: Vec<(String, PathBuf, Vec<String>)>,
}

/// Imports on the current thread.
fn import_here(request: &ImportRequest) -> Result<Imported, Failure> {
    let Filled { mut config, state, sources } = request.output.busy("reading the weights", || {
        let first = StateDict::read(&request.file)?;
        match &request.system {
            Some(name) => of_program(request, name, first),
            None => exported::filled(request, first),
        }
    })?;
    let lines = about(&config, &state, &sources)?;
    if config.data().is_some() {
        let system = meta::run(|| config.build())?;
        data::look_at(&config, &*system, 1, &request.output)?;
    }

    let name = config.entry.name;
    let Claimed { run, lock: _lock, is_begun } = folder::claim(request.out.as_deref(), Path::new("runs"), name)?;
    if is_begun {
        return Err(Failure::new(Code::Usage, "the folder already holds a run").at(run.display()).help(advice!(
            "import-needs-a-new-folder",
            "leave out `--out` for a numbered folder below runs/, or name another one"
        )));
    }
    folder::reopen(&run)?;
    config.record_data(&run);
    let imported = request.output.busy("writing the checkpoint", || -> Result<Imported, Failure> {
        let (text, weights_hash) = (config.to_toml(), weights_hash(&state));
        let (system, seed, images) = (name.to_owned(), config.seed(), String::new());
        let layouts = layouts::of(&*config.build()?).to_string();
        let checkpoint = Checkpoint { system, step: 0, seed, config: text.clone(), data: images, layouts, state };
        checkpoint.write(&RealDisk, &run.join("checkpoints").join(file_name(0)))?;
        // The configuration is written last: it marks the folder as a run.
        storage::write_whole(&RealDisk, &run.join("config.toml"), text.as_bytes())?;
        Ok(Imported { run, system: name.to_owned(), weights_hash })
    })?;
    lines.iter().for_each(|line| request.output.say(line));
    Ok(imported)
}

/// The networks of a PyTorch program in the system `name`.
fn of_program(request: &ImportRequest, name: &str, first: StateDict) -> Result<Filled, Failure> {
    let program =
        Program::find(name).ok_or_else(|| {
            let names = PROGRAMS.each_ref().map(|program| program.name);
            Failure::new(Code::Usage, format!("weights cannot be imported as `{name}`"))
                .at("option --as")
                .help(advice!("no-such-import", "{}", suggestion(name, &names)))
        })?;
    exported::refuse(&first)?;
    let mut dicts = BTreeMap::from([(program.networks[0], first)]);
    for (network, path) in &request.others {
        let known = program.networks.iter().find(|known| *known == network).ok_or_else(|| {
            Failure::new(Code::Usage, format!("`{network}` is no network of `{name}`"))
                .at("option --with")
                .help(advice!("no-such-network", "{}", suggestion(network, program.networks)))
        })?;
        if dicts.insert(known, StateDict::read(path)?).is_some() {
            return Err(two_files(network, program.networks[0]));
        }
    }
    dicts.values_mut().for_each(|dict| program.simplify(dict));

    let entry = systems::find(name).expect("every program is imported as a system of the table");
    let source = Source::Weights(request.file.display().to_string());
    let setting = |key: String, value: Value| Assignment { key, value, source: source.clone() };
    let read = program.settings(&dicts.iter().map(|(name, dict)| (*name, dict)).collect());
    let mut given = vec![setting("preset".into(), "original".into())];
    let number = |size: usize| Value::Integer(i64::try_from(size).unwrap_or(i64::MAX));
    given.extend(read.into_iter().map(|(key, size)| setting(format!("{name}.{key}"), number(size))));
    let dicts: Vec<_> = dicts.into_iter().map(|(name, dict)| (name.to_owned(), dict)).collect();
    fill(request, &given, &entry, dicts, |network| program.wanted(network))
}

/// The failure for a second file of `network`; the first file of the request is that of `first`.
fn two_files(network: &str, first: &str) -> Failure {
    Failure::new(Code::Usage, format!("there are two files for the network `{network}`"))
        .at("option --with")
        .because(format!("the first file is used for `{first}`"))
}

/// A system with the settings `given`, which the files determine, and those of the request. Its
/// networks are filled from `dicts`; `wanted` lists the tensors of a network.
///
/// # Errors
/// When a file does not fit its network: lists all differences of all files.
fn fill(
    request: &ImportRequest,
    given: &[Assignment],
    entry: &Arc<Trainable>,
    dicts: Vec<(String, StateDict)>,
    wanted: impl Fn(&Network) -> Vec<Wanted>,
) -> Result<Filled, Failure> {
    let config = Config::resolve(entry, &[given, &request.assignments].concat())?;
    let wanted_by = |system: &dyn System, name: &str| -> Vec<Wanted> {
        system.networks().into_iter().filter(|network| part_of(network.name()) == name).flat_map(&wanted).collect()
    };
    let misfits = |config: &Config| -> Result<Vec<(PathBuf, StateError)>, Failure> {
        let system = meta::run(|| config.build())?;
        let misfit = |(name, dict): &(String, StateDict)| {
            let wanted = wanted_by(&*system, name);
            let mut error = dict.misfits(&wanted);
            // The system has no such network.
            error.missing.extend(wanted.is_empty().then(|| name.clone()));
            (error != StateError::default()).then(|| (dict.path.clone(), error))
        };
        Ok(dicts.iter().filter_map(misfit).collect())
    };
    let does_not_fit = |found: &[_]| misfit("the weights do not fit the network; nothing was imported", found);
    let found = misfits(&config)?;
    if !found.is_empty() {
        let failure = does_not_fit(&found);
        let count =
            |config: &Config| Some(misfits(config).ok()?.iter().flat_map(|(_, error)| all_misfits(error)).count());
        let causes = config.typed_causes(&Config::resolve(entry, given)?, count);
        let causes = causes.into_iter().collect::<Vec<_>>().join(" ");
        return Err(if causes.is_empty() {
            failure.help(advice!(
                "weights-do-not-fit",
                "the page of the Manual about importing lists the programs and the networks whose weights fit"
            ))
        } else {
            failure.help(advice!("import-does-not-fit", "leave out `{causes}`, which changes the networks"))
        });
    }

    plan::can_open(&config, &request.file)?;
    let system = config.build()?;
    let mut state = system.state();
    let mut sources = Vec::new();
    for (name, dict) in dicts {
        let path = dict.path.clone();
        let taken = dict.take(&wanted_by(&*system, &name));
        let mut tensors = taken.map_err(|error| does_not_fit(&[(path.clone(), error)]))?;
        // A file has the weights that layers use, already multiplied by their factors.
        for (name, factor) in system.networks().iter().flat_map(|network| network.factors()) {
            if let Some(tensor) = tensors.get_mut(&name) {
                *tensor = unscaled(tensor, factor).map_err(|used| too_large(&path, &name, used, factor))?;
            }
        }
        sources.push((name, path, tensors.keys().cloned().collect()));
        state.tensors.extend(tensors);
    }
    // The moving average of a generator starts at its weights.
    let averages: Vec<(String, String)> =
        state.tensors.keys().filter_map(|name| Some((name.clone(), averaged(name)?))).collect();
    for (name, source) in averages {
        if let Some(tensor) = state.tensors.get(&source).cloned() {
            state.tensors.insert(name, tensor);
        }
    }
    Ok(Filled { config, state, sources })
}

/// The failure for a weight that is finite in the file, which has it multiplied by the factor of
/// its layer, but not without the factor.
fn too_large(path: &Path, name: &str, used: f32, factor: f64) -> Failure {
    Failure::new(Code::Checkpoint, "a weight is too large; nothing was imported")
        .at(path.display())
        .because(format!(
            "`{name}` has the value {used:e}; its layer multiplies weights by {factor:.3e}, and \
             {used:e} / {factor:.3e} is not a finite f32"
        ))
        .help(advice!(
            "weight-too-large",
            "the file is damaged, or its training has diverged: export the run again, from an earlier checkpoint"
        ))
}

/// The failure `what` for files that do not fit: all names, with the shapes in the file.
pub(crate) fn misfit(what: &str, misfits: &[(PathBuf, StateError)]) -> Failure {
    let paths: Vec<String> = misfits.iter().map(|(path, _)| path.display().to_string()).collect();
    let lines = misfits.iter().flat_map(|(path, error)| {
        let heading = (misfits.len() > 1).then(|| format!("{}:", path.display()));
        heading.into_iter().chain(all_misfits(error))
    });
    Failure::new(Code::Checkpoint, what).at(paths.join(", ")).because(lines.collect::<Vec<_>>().join("\n"))
}

/// Lines about what was imported, and what was not.
fn about(config: &Config, state: &State, sources: &[(String, PathBuf, Vec<String>)]) -> Result<Vec<String>, Failure> {
    let system = meta::run(|| config.build())?;
    let mut lines: Vec<String> = sources
        .iter()
        .map(|(name, path, tensors)| {
            let count: usize = tensors.iter().map(|tensor| state.tensors[tensor].size()).sum();
            format!("imported     {name}: {} {} from {}", count, plural(count, "number"), path.display())
        })
        .collect();
    let imported: BTreeSet<&String> = sources.iter().flat_map(|(.., tensors)| tensors).collect();
    for (name, ..) in sources {
        let networks = system.networks();
        let parts = networks.iter().filter(|network| part_of(network.name()) == name);
        let lacking = parts.filter(|part| part.tensors().iter().any(|(tensor, ..)| !imported.contains(tensor)));
        let lacking: Vec<&str> = lacking.map(|part| part.name()).collect();
        if !lacking.is_empty() {
            let why = "not in the file, because the exported generator did not use them";
            lines.push(format!("random       {}: {why}; drawn from seed {}", lacking.join(", "), config.seed()));
        }
    }
    let mut others: Vec<&str> = system.networks().iter().map(|network| part_of(network.name())).collect();
    others.dedup();
    others.retain(|name| sources.iter().all(|(imported, ..)| imported != name));
    lines.extend(others.iter().map(|name| format!("random       {name}: drawn from seed {}", config.seed())));
    Ok(lines)
}
