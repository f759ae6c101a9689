//! [`Document`]: the content of a report as plain data. The page only draws: every number and every
//! sentence is decided here.

use serde::{Deserialize, Deserializer, Serialize};

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
    /// What the bands behind its lines are, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
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
    /// The range of normal runs, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) band: Option<Band>,
}

/// A range of values over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Band {
    pub(crate) steps: Vec<f64>,
    pub(crate) low: Vec<Option<f64>>,
    pub(crate) high: Vec<Option<f64>>,
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
    /// What it is called, and what it means; empty for a sign that this program does not know.
    pub(crate) title: String,
    pub(crate) meaning: String,
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
    /// The nearest training images of the sheet's samples, or of each direction of a translation.
    /// Older records have one object, or null.
    #[serde(deserialize_with = "one_or_many")]
    pub(crate) neighbours: Vec<Neighbours>,
    /// A walk through the space of latents.
    pub(crate) walk: Option<Walk>,
}

fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Neighbours>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Found {
        Many(Vec<Neighbours>),
        One(Neighbours),
    }
    Ok(match Option::deserialize(from)? {
        Some(Found::Many(many)) => many,
        Some(Found::One(one)) => {
            let (grid, places) = ([one.columns, one.rows], (0..one.numbers.len()).collect());
            vec![Neighbours { of: "sample".into(), grid, places, ..one }]
        }
        None => Vec::new(),
    })
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
    /// The discriminator's output on each fake; None if it is not finite.
    pub(crate) scores: Vec<Option<f64>>,
}

/// The nearest training image of each sample of the newest sheet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Neighbours {
    pub(crate) step: u64,
    /// `sample`, or the direction of a translation: `A to B`. Older records lack it, and the next
    /// two fields: their sheet has the same arrangement as the file.
    pub(crate) of: String,
    /// A sheet without gaps.
    pub(crate) file: String,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// Columns and rows of the sheet of samples.
    pub(crate) grid: [usize; 2],
    /// Where each sample is on the sheet, counted row by row.
    pub(crate) places: Vec<usize>,
    /// The number of each neighbour in the data, and its distance (-1 if it is not finite).
    pub(crate) numbers: Vec<usize>,
    pub(crate) distances: Vec<f64>,
    /// How many training images were compared, and the median distance between a training image and
    /// its own nearest neighbour.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_an_older_program_is_read() {
        let old = r#"{"data":"d","step":3,"hash":null,"seen":[],"gradients":[],"walk":null,"neighbours":{"step":3,
            "file":"report/nearest.png","columns":4,"rows":4,"numbers":[5,6],"distances":[0.5,-1.0],"searched":9,
            "typical":0.25}}"#;
        let record: Record = serde_json::from_str(old).unwrap();
        let [found] = &record.neighbours[..] else { panic!("{record:?}") };
        assert_eq!(
            (&*found.of, found.grid, &found.places, &found.numbers),
            ("sample", [4, 4], &vec![0, 1], &vec![5, 6])
        );
        let again: Record = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
        assert_eq!(again, record);
        let none: Record = serde_json::from_str(r#"{"neighbours":null}"#).unwrap();
        assert!(none.neighbours.is_empty());
    }
}
