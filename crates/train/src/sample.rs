//! `train sample`: draws with a trained network.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use ndarray_npy::WriteNpyExt;

use crate::cli::SampleOptions;
use crate::console::{Console, print};
use crate::engine::{FromLatents, Sampler};
use crate::failure::{Code, Failure};
use crate::pictures;
use crate::resume;
use crate::storage::{self, RealDisk, StorageError};

/// More images than this need not be asked for at once.
const MOST: u64 = 1_000_000;
/// More tiles than this make a sheet that no program opens.
const MOST_ON_A_SHEET: u64 = 10_000;
/// Images that are drawn at a time: a network's memory grows with them.
const AT_A_TIME: usize = 64;

/// What the file is to be.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Sheet,
    Array,
}

/// Draws the samples and writes them.
///
/// # Errors
/// When the options make no sense, no checkpoint can be used, or the file cannot be written.
pub(crate) fn run(options: &SampleOptions) -> Result<(), Failure> {
    let form = match &options.out {
        Some(path) => form_of(path)?,
        None => Form::Sheet,
    };
    let most = if form == Form::Sheet { MOST_ON_A_SHEET } else { MOST };
    if !(1..=most).contains(&options.count) {
        return Err(Failure::new(Code::Usage, format!("cannot draw {} samples", options.count))
            .at("option --count")
            .because(format!("allowed: 1 to {MOST_ON_A_SHEET} for a .png, 1 to {MOST} for a .npy")));
    }
    let (config, found, located) = resume::open_state(&options.run)?;
    let mut system = config.build()?;
    found.checkpoint.restore(&mut *system, &found.path)?;
    let seed = options.seed.unwrap_or(config.seed);
    let out = match (&options.out, &located.run) {
        (Some(out), _) => out.clone(),
        (None, Some(run)) => run.join(format!("samples/sample-seed-{seed}.png")),
        (None, None) => PathBuf::from(format!("sample-seed-{seed}.png")),
    };

    let Sampler::Latents(sampler) = system.samples() else {
        return Err(Failure::new(Code::Usage, format!("`{}` draws from pictures, not from latents", config.row.name))
            .at(options.run.display()));
    };
    let count = usize::try_from(options.count).unwrap_or(usize::MAX);
    let pixels = draw(sampler, seed, count);
    let [height, width, channels] = system.image_shape();
    match form {
        Form::Sheet => pictures::write_sheet(&RealDisk, &out, &pixels, [height, width, channels], None)?,
        Form::Array => write_array(&out, pixels, count, height * width * channels)?,
    }
    for (path, flaw) in &found.damaged {
        Console::default().say(&format!("passed over {}: {flaw}", path.display()));
    }
    print(&format!(
        "{}: {count} samples of {}, step {}, seed {seed}\n",
        out.display(),
        config.row.name,
        found.checkpoint.step
    ))
}

fn form_of(path: &Path) -> Result<Form, Failure> {
    let ending = path.extension().unwrap_or_default();
    if ending.eq_ignore_ascii_case("png") {
        Ok(Form::Sheet)
    } else if ending.eq_ignore_ascii_case("npy") {
        Ok(Form::Array)
    } else {
        Err(Failure::new(Code::Usage, "the file's ending says no form that samples can be written in")
            .at(path.display())
            .because(format!("it ends with {ending:?}"))
            .help("end it with .png for a sheet or with .npy for an array of uint8"))
    }
}

/// The bytes of `count` images, drawn a few at a time: the same ones, however many are asked for.
fn draw(sampler: &dyn FromLatents, seed: u64, count: usize) -> Vec<u8> {
    let latents = sampler.latents(seed, "sample", count);
    let length = latents.data().len() / count;
    let rows = latents.data().chunks(length * AT_A_TIME);
    rows.flat_map(|rows| {
        let some = crate::engine::Tensor::new(&[rows.len() / length, length], rows.to_vec());
        pictures::bytes(&sampler.draw(&some))
    })
    .collect()
}

/// Writes an array of shape (count, pixels).
fn write_array(path: &Path, pixels: Vec<u8>, count: usize, each: usize) -> Result<(), Failure> {
    let failed = |why: String| StorageError::new("write", path, std::io::Error::other(why));
    let array = Array2::from_shape_vec((count, each), pixels).map_err(|error| failed(error.to_string()))?;
    let mut file = Vec::new();
    array.write_npy(&mut file).map_err(|error| failed(error.to_string()))?;
    Ok(storage::write_whole(&RealDisk, path, &file)?)
}
