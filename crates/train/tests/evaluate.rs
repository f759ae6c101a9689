//! `train evaluate` and `--evaluate-every`: what they print, write and reject, and that they change
//! no bit of a run.

mod common;

use common::{Place, TINY, text};

/// The numbers are small, so that the test is quick; the images are the built-in apples.
const QUICK: &str = "--count 24 --metric frechet,precision-recall,ink";

#[test]
fn an_evaluation_prints_each_number_with_what_it_depends_on() {
    let place = Place::new();
    place.good(&format!("{TINY} --steps 2"));
    let outcome = place.good(&format!("evaluate runs/0001-quickdraw {QUICK} --out numbers.json"));
    let lines: Vec<&str> = outcome.out.lines().collect();
    assert_eq!(lines.len(), 5, "{}", outcome.out);
    for (line, start) in
        lines.iter().zip(["frechet[pca64, n=24]", "precision[pca64, n=24]", "recall[", "ink_mean[n=24]"])
    {
        assert!(line.starts_with(start) && line.contains("(real vs real "), "{line}");
    }
    assert!(!outcome.out.to_lowercase().contains("fid"), "{}", outcome.out);
    assert!(outcome.err.contains("step 2") && outcome.err.contains("built-in"), "{}", outcome.err);
    let again = place.good(&format!("evaluate runs/0001-quickdraw/checkpoints/step-000002.safetensors {QUICK}"));
    assert_eq!(again.out, outcome.out, "the same pictures, the same reals");
    let other = place.good(&format!("evaluate runs/0001-quickdraw {QUICK} --seed 9"));
    assert_ne!(other.out, outcome.out);

    let json: serde_json::Value = serde_json::from_str(&text(&place.path("numbers.json"))).unwrap();
    assert_eq!((&json["step"], &json["system"]), (&2.into(), &"quickdraw".into()));
    let first = &json["numbers"][0];
    assert_eq!((&first["metric"], &first["extractor"], &first["n"]), (&"frechet".into(), &"pca64".into(), &24.into()));
    assert!(first["value"].as_f64().unwrap() > first["real_vs_real"].as_f64().unwrap());
    assert!(json["numbers"][3]["extractor"].is_null());
    place.good(&format!("evaluate runs/0001-quickdraw {QUICK} --out numbers.csv"));
    let csv = text(&place.path("numbers.csv"));
    assert!(
        csv.starts_with("step,metric,direction,extractor,n,value,") && csv.contains("\n2,frechet,,pca64,24,"),
        "{csv}"
    );
}

/// Small enough for a test.
const TRANSLATOR: &str = "cyclegan --set size=32 --set blocks=1 --set generator_width=2 --set discriminator_width=2";

#[test]
fn a_translator_is_measured_both_ways_and_against_the_truth_where_it_is_known() {
    let place = Place::new();
    place.good(&format!("{TRANSLATOR} --steps 2 --checkpoint-every 1 --out run"));
    let measured = |checkpoint: &str, file: &str| {
        let outcome = place.good(&format!("evaluate {checkpoint} --count 24 --metric frechet,colors --out {file}"));
        assert!(outcome.err.contains("landscapes") && outcome.err.contains("(test split)"), "{}", outcome.err);
        let starts =
            ["frechet[pca64, n=24]", "colors[n=24]", "cycle_l1[", "true_l1[", "untranslated_l1[", "true_ratio["];
        let expected = ["a-to-b", "b-to-a"].map(|way| starts.map(|start| format!("{way}  {start}"))).concat();
        let lines: Vec<&str> = outcome.out.lines().collect();
        assert_eq!(lines.len(), expected.len(), "{}", outcome.out);
        assert!(lines.iter().zip(expected).all(|(line, start)| line.starts_with(&start)), "{}", outcome.out);
        let file: serde_json::Value = serde_json::from_str(&text(&place.path(file))).unwrap();
        file["numbers"].as_array().unwrap().clone()
    };
    let first = measured("run/checkpoints/step-000001.safetensors", "first.json");
    let last = measured("run", "last.json");
    for (direction, way) in [(0, "a-to-b"), (6, "b-to-a")] {
        let value = |numbers: &[serde_json::Value], at: usize| {
            assert_eq!(numbers[direction + at]["direction"], way);
            numbers[direction + at]["value"].as_f64().unwrap()
        };
        // The value for untranslated images does not depend on the network.
        assert_eq!(value(&first, 4), value(&last, 4));
        assert_ne!(value(&first, 3), value(&last, 3));
        assert!(value(&last, 2) > 0.0);
        assert!((value(&last, 5) - value(&last, 3) / value(&last, 4)).abs() < 1e-12);
    }

    // For images of the user, the true translation is unknown.
    for (folder, grey) in [("trainA", 10), ("trainB", 200)] {
        std::fs::create_dir_all(place.path("set").join(folder)).unwrap();
        for number in 0..16_u8 {
            let name = place.path("set").join(folder).join(format!("{number}.ppm"));
            let pixels = (0..32 * 32 * 3).map(|i| grey + (i % usize::from(number + 2)) as u8);
            let file: Vec<u8> = b"P6 32 32 255\n".iter().copied().chain(pixels).collect();
            std::fs::write(name, file).unwrap();
        }
    }
    let outcome = place.good("evaluate run --data set --count 16 --metric colors");
    assert!(outcome.err.contains("there is no test split"), "{}", outcome.err);
    assert_eq!(outcome.out.lines().count(), 4, "{}", outcome.out);
    assert!(outcome.out.contains("b-to-a  cycle_l1[n=16]") && !outcome.out.contains("true_"), "{}", outcome.out);
}

#[test]
fn what_cannot_be_measured_is_refused_with_its_code() {
    let place = Place::new();
    place.good(&format!("{TINY} --steps 1"));
    let run = "evaluate runs/0001-quickdraw";
    place.bad(&format!("{run} --metric freshet"), 2, &["freshet", "did you mean `frechet`?"]);
    place.bad(&format!("{run} --metric classes"), 2, &["needs a classifier", "no classifier for these images"]);
    place.bad(&format!("{run} --extractor xception"), 2, &["no extractor `xception`", "inception"]);
    place.bad(&format!("{run} --extractor inception"), 2, &["needs its weights"]);
    place.bad(&format!("{run} --count 3"), 2, &["cannot evaluate 3", "8 to"]);
    place.bad(&format!("{run} --out x.txt"), 2, &[".json or .csv"]);
    place.bad("evaluate runs/0007", 5, &["runs/0007"]);
    place.bad(&format!("{run} --data nothing.npy"), 4, &["nothing.npy"]);
    place.bad(&format!("{run} --extractor evalnet28 --count 24"), 4, &["they have no classes", "pca64"]);
    place.bad(&format!("{run} {QUICK} --out runs/0001-quickdraw/log.txt/x.csv"), 7, &["log.txt"]);
}

#[test]
fn measuring_while_training_writes_files_and_changes_no_bit() {
    let place = Place::new();
    let plain = place.good(&format!("{TINY} --steps 4"));
    let measured = place.good(&format!("{TINY} --steps 4 --evaluate-every 2"));
    assert_eq!(plain.hash(), measured.hash());
    assert!(!place.path("runs/0001-quickdraw/quality.csv").exists());
    let run = place.path("runs/0002-quickdraw");
    let csv = text(&run.join("quality.csv"));
    let steps: Vec<&str> = csv.lines().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(steps, ["step", "0", "2", "4"], "{csv}");
    assert!(csv.starts_with("step,frechet[pca64 n=1000],kid[pca64 n=1000],precision["), "{csv}");
    assert!(run.join("curves/quality.png").is_file() && run.join("curves/quality.svg").is_file());
    assert!(measured.out.contains("curves/quality.png"), "{}", measured.out);
    assert!(text(&run.join("log.txt")).contains("quality      step 4: frechet[pca64, n=1000]"));

    // After resuming from an earlier checkpoint, the later rows are written again, with the same
    // numbers.
    place.good("quickdraw --resume runs/0002-quickdraw --steps 6");
    let longer = text(&run.join("quality.csv"));
    assert!(longer.starts_with(&csv) && longer.lines().count() == 5, "{longer}");
}
