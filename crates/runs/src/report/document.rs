//! [`Document`]: the content of a report as plain data. The page only draws: every number and every
//! sentence is decided here.

use serde::{Deserialize, Serialize};

/// One or several runs.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Document {
    pub(crate) title: String,
    pub(crate) runs: Vec<RunReport>,
}

/// A run.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct RunReport {
    /// The name of its folder.
    pub(crate) name: String,
    /// Facts with their names: system, data, seed, hash.
    pub(crate) facts: Vec<(String, String)>,
    /// Steps done, and their total number.
    pub(crate) step: u64,
    pub(crate) total: u64,
    /// What the report lacks, and why.
    pub(crate) missing: Vec<String>,
    pub(crate) charts: Vec<Chart>,
    pub(crate) sheets: Vec<Sheet>,
    /// Pictures of the data: a title and the file.
    pub(crate) data: Vec<(String, String)>,
    pub(crate) scores: Vec<ScoreHistory>,
    pub(crate) layers: LayerHistory,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) record: Record,
    /// The text of `config.toml`.
    pub(crate) config: String,
}

/// Curves on common axes.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Chart {
    pub(crate) title: String,
    /// The label of the vertical axis.
    pub(crate) label: String,
    /// The range of the vertical axis; None to derive it from the data.
    pub(crate) range: Option<(f64, f64)>,
    pub(crate) lines: Vec<Line>,
}

/// A curve.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// How to read it, in a sentence.
    pub(crate) sentence: String,
    pub(crate) steps: Vec<f64>,
    /// None where the value is not finite.
    pub(crate) values: Vec<Option<f64>>,
}

/// A sheet of samples.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Sheet {
    pub(crate) step: u64,
    /// A path relative to the run folder, or a `data:` address.
    pub(crate) file: String,
}

/// The scores of a discriminator, as a histogram for each probe.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ScoreHistory {
    pub(crate) discriminator: String,
    pub(crate) steps: Vec<u64>,
    /// The range of the bins, which are equally wide; scores outside count in the last one.
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// For each probe, the share of scores in each bin, in thousandths.
    pub(crate) reals: Vec<Vec<u16>>,
    pub(crate) fakes: Vec<Vec<u16>>,
}

/// The layers over time.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct LayerHistory {
    pub(crate) steps: Vec<u64>,
    pub(crate) rows: Vec<LayerRow>,
}

/// A layer: a value for each probe, None where there is none.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct LayerRow {
    pub(crate) network: String,
    pub(crate) layer: String,
    pub(crate) gradient: Vec<Option<f64>>,
    pub(crate) weight: Vec<Option<f64>>,
    pub(crate) ratio: Vec<Option<f64>>,
    pub(crate) dead: Vec<Option<f64>>,
    pub(crate) saturated: Vec<Option<f64>>,
}

/// A row of `diagnoses.csv`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Alert {
    pub(crate) step: u64,
    pub(crate) last_step: u64,
    pub(crate) sign: String,
    pub(crate) severity: String,
    pub(crate) evidence: String,
    pub(crate) remedy: String,
    pub(crate) chapter: String,
    /// The chapter's page, if it is known.
    pub(crate) link: Option<String>,
}

/// What only a running training knows: `report/record.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    /// Where the images come from.
    pub(crate) data: String,
    /// Steps done.
    pub(crate) step: u64,
    /// The hash of the weights, after the last step of a process.
    pub(crate) hash: Option<String>,
    /// What the discriminators saw.
    pub(crate) seen: Vec<SeenPictures>,
    /// The gradients that the discriminators send to the pixels of fakes.
    pub(crate) gradients: Vec<GradientPictures>,
    /// The nearest training images of the sheet's samples.
    pub(crate) neighbours: Option<Neighbours>,
    /// A walk through the space of latents.
    pub(crate) walk: Option<Walk>,
}

/// Images as a discriminator received them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SeenPictures {
    pub(crate) step: u64,
    pub(crate) discriminator: String,
    pub(crate) reals: String,
    pub(crate) fakes: String,
}

/// Fakes, and the gradient of the discriminator's output with respect to their pixels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GradientPictures {
    pub(crate) step: u64,
    /// `fakes`, or the direction of a translation.
    pub(crate) of: String,
    pub(crate) fakes: String,
    pub(crate) gradients: String,
    /// The discriminator's output on each fake.
    pub(crate) scores: Vec<f32>,
}

/// The nearest training image of each sample of the newest sheet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Neighbours {
    pub(crate) step: u64,
    /// A sheet without gaps.
    pub(crate) file: String,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// The number of each neighbour in the data, and its distance.
    pub(crate) numbers: Vec<usize>,
    pub(crate) distances: Vec<f64>,
    /// How many training images were compared, and the median distance between neighbours among
    /// them.
    pub(crate) searched: usize,
    pub(crate) typical: f64,
}

/// Interpolations: a row for each pair of latents, a column for each frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Walk {
    pub(crate) step: u64,
    pub(crate) file: String,
    pub(crate) rows: usize,
    pub(crate) frames: usize,
}

/// A number with five significant digits, as the page needs no more; None if it is not finite.
pub(crate) fn short(number: f64) -> Option<f64> {
    if !number.is_finite() {
        return None;
    }
    format!("{number:.4e}").parse().ok()
}
