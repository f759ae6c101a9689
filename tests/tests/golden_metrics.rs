//! Every metric against its most direct form in NumPy and SciPy, on the same features and images.

use metrics::class_score::class_score;
use metrics::color_histogram::color_distance;
use metrics::diversity::diversity;
use metrics::frechet::frechet;
use metrics::ink::ink;
use metrics::kid::{Subsets, kid};
use metrics::memorization::memorization;
use metrics::ms_ssim::ms_ssim;
use metrics::precision_recall::{NEIGHBOR, precision_recall};
use metrics::sliced_wasserstein::laplacian_level;
use metrics::two_sample::two_sample_accuracy;
use metrics::{Matrix, Pca, Pictures};
use serde_json::Value;
use tests::{Report, cases, entries, golden, number, relative, sizes, tensor, values};

fn matrix(spec: &Value) -> Matrix {
    let shape = sizes(&spec["shape"]);
    Matrix::new(shape[0], shape[1], values(&tensor::<f64>(spec)))
}

fn pictures(spec: &Value) -> Pictures {
    let shape = sizes(&spec["shape"]);
    let pixels = values(&tensor::<f64>(spec)).into_iter().map(|x| x.floor() as u8).collect();
    Pictures::new(pixels, [shape[1], shape[2], shape[3]])
}

/// The value of the metric with this name.
fn of_features(name: &str, inputs: &Value) -> f64 {
    let (real, fake) = (matrix(&inputs["real"]), matrix(&inputs["fake"]));
    let half = real.rows() / 2;
    match name {
        "frechet" => frechet(&real, &fake),
        "kid" => kid(&real, &fake, Subsets::default()).mean,
        "precision" => precision_recall(&real, &fake, NEIGHBOR).precision,
        "recall" => precision_recall(&real, &fake, NEIGHBOR).recall,
        "two_sample" => two_sample_accuracy(&real, &fake),
        "diversity" => diversity(&real, &fake),
        "memorization" => memorization(&real.part(0..half), &real.part(half..real.rows()), &fake),
        "class_score" => class_score(&matrix(&inputs["logits"]), 5).mean,
        "class_score_deviation" => class_score(&matrix(&inputs["logits"]), 5).deviation,
        other => panic!("no such metric: {other}"),
    }
}

fn of_images(name: &str, inputs: &Value) -> f64 {
    let (real, fake) = (pictures(&inputs["real"]), pictures(&inputs["fake"]));
    let (first, second, size) = (real.image(0), real.image(1), real.size());
    let numbered = |start: &str| name.strip_prefix(start).and_then(|number| number.parse::<usize>().ok());
    if let Some(number) = numbered("pca_variance_") {
        return Pca::fit(&real, 3).variances()[number];
    }
    if let Some(level) = numbered("level_") {
        let level = laplacian_level(first, size, level, 2);
        return level.iter().enumerate().map(|(j, x)| (j as f64).cos() * x).sum();
    }
    match name {
        "colors" => color_distance(&real, &fake),
        "ink_mean" => ink(&real, &fake).mean,
        "ink_variance" => ink(&real, &fake).variance,
        "ms_ssim" => ms_ssim(first, second, size),
        "ms_ssim_blend" => {
            let blend = first.iter().zip(second).map(|(a, b)| (u16::from(*a) + u16::from(*b)) / 2);
            ms_ssim(first, &blend.map(|x| x as u8).collect::<Vec<_>>(), size)
        }
        other => panic!("no such metric: {other}"),
    }
}

#[test]
fn metrics_agree() {
    let mut report = Report::new("metrics", 1e-6);
    // The extractor itself works in f32.
    let mut components = Report::new("principal components", 1e-5);
    for (name, case) in cases(&golden("metrics")) {
        for (key, expected) in entries(&case["values"]) {
            let metric = if name.starts_with("features") { of_features } else { of_images };
            let (expected, got) = (number(expected), metric(key, &case["inputs"]));
            let report = if key.starts_with("pca") { &mut components } else { &mut report };
            report.note(format!("{name} {key}"), relative(got - expected, expected));
        }
    }
    report.finish();
    components.finish();
}
