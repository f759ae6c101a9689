//! The three measures that are defined on the features of Inception, by their own names: FID
//! (Heusel et al. 2017), KID (Binkowski et al. 2018) and the Inception Score (Salimans et al.
//! 2016), as torch-fidelity computes them. The formulas are those of [`frechet`](crate::frechet),
//! [`kid`](crate::kid) and [`class_score`](crate::class_score).
//!
//! They are only these if the features are those of the network `inception-2015-12-05`, and the
//! logits are without the bias of its last layer. Whoever selects them must use that extractor.

use super::class_score::class_score;
use super::frechet::frechet;
use super::kid::{Subsets, kid};
use crate::metric::{Metric, Number, Of};

/// The number of splits of the Inception Score.
const SPLITS: usize = 10;

/// The entries in the suite.
pub const INCEPTION_METRICS: [Metric; 3] = [
    Metric {
        name: "fid",
        alias: Some("frechet"),
        about: "Frechet Inception Distance; 0 means identical; compare only values of equally many images",
        of: Of::Features,
        fewest: 2,
        most: usize::MAX,
        quick: false,
        measure: |real, fake| vec![Number::plain("fid", frechet(&real.features, &fake.features))],
    },
    Metric {
        name: "kid",
        alias: None,
        about: "Kernel Inception Distance: mean over 100 subsets of 1000 images, with the deviation",
        of: Of::Features,
        fewest: 1000,
        most: usize::MAX,
        quick: false,
        measure: |real, fake| {
            let found = kid(&real.features, &fake.features, Subsets::default());
            vec![Number { name: "kid", value: found.mean, deviation: Some(found.deviation) }]
        },
    },
    Metric {
        name: "is",
        alias: Some("class-score"),
        about: "Inception Score of the generated images, from 1 to 1008: mean over 10 splits, with the deviation",
        of: Of::Classes,
        fewest: SPLITS,
        most: usize::MAX,
        quick: false,
        measure: |_, fake| {
            let found = class_score(fake.classified(), SPLITS);
            vec![Number { name: "is", value: found.mean, deviation: Some(found.deviation) }]
        },
    },
];
