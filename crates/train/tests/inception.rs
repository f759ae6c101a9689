//! `train evaluate` with Inception, and on folders of pictures. (That its features are those of
//! torch-fidelity is tested in the crate `tests`.)

mod common;

use common::weights::{ppm, safetensors, small};
use common::{Place, TINY, text};

/// The tensors of Inception in PyTorch's layouts.
fn tensors() -> Vec<(String, Vec<usize>)> {
    let turned = |shape: Vec<usize>| match shape[..] {
        [h, w, i, o] => vec![o, i, h, w],
        [i, o] => vec![o, i],
        _ => shape,
    };
    models::inception::Inception::tensors().into_iter().map(|(name, shape)| (name, turned(shape))).collect()
}

fn pictures(place: &Place, folder: &str, count: usize, size: impl Fn(usize) -> [usize; 2]) {
    std::fs::create_dir_all(place.path(folder)).unwrap();
    for number in 0..count {
        let [width, height] = size(number);
        let bytes = ppm(width, height, number + folder.len());
        std::fs::write(place.path(folder).join(format!("{number}.ppm")), bytes).unwrap();
    }
}

#[test]
fn two_folders_of_pictures_have_an_fid_whatever_their_sizes() {
    let place = Place::new();
    let value = |name: &str, i: usize| small(name, i) / if name.ends_with("conv.weight") { 8.0 } else { 1.0 };
    std::fs::write(place.path("inception.safetensors"), safetensors(&tensors(), value)).unwrap();
    pictures(&place, "fakes", 11, |number| [16 + number, 20]);
    pictures(&place, "reals", 10, |_| [24, 32]);
    let compared = "evaluate --pictures fakes --against reals --extractor inception --weights inception.safetensors";
    let outcome = place.good(&format!("{compared} --metric fid,is --out numbers.json"));
    let lines: Vec<&str> = outcome.out.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("fid[inception, n=11]"), "{}", outcome.out);
    assert!(lines[1].starts_with("is[inception, n=11]") && lines[1].contains(" ± "), "{}", outcome.out);
    let json: serde_json::Value = serde_json::from_str(&text(&place.path("numbers.json"))).unwrap();
    assert_eq!((&json["against"], &json["numbers"][0]["metric"]), (&"reals".into(), &"fid".into()));
    place.bad(&format!("{compared} --metric kid"), 2, &["`kid` cannot be computed", "at least 1000 images"]);
    place.bad(&format!("{compared} --metric ink"), 2, &["compares pixels"]);

    // A run's images, of another size.
    place.good(&format!("{TINY} --steps 1 --out run"));
    let run = "evaluate run --count 8 --extractor inception --weights inception.safetensors --metric frechet";
    let outcome = place.good(run);
    assert!(outcome.out.starts_with("fid[inception, n=8]"), "by its older name: {}", outcome.out);
}

#[test]
fn folders_are_compared_with_principal_components_if_their_pictures_have_one_size() {
    let place = Place::new();
    pictures(&place, "fakes", 12, |_| [24, 32]);
    pictures(&place, "reals", 20, |_| [24, 32]);
    let compared = "evaluate --pictures fakes --against reals";
    let outcome = place.good(compared);
    assert!(outcome.out.starts_with("frechet[pca64, n=12]") && outcome.out.contains("\nink_mean[n=12]"));
    assert_eq!(place.good(&format!("{compared} --seed 1")).out, outcome.out);
    let same = place.good("evaluate --pictures reals --against reals --metric frechet --out x.csv").out;
    let value: f64 = same.split_whitespace().nth(2).unwrap().parse().unwrap();
    assert!(value < 1e-6, "{same}");
    assert!(text(&place.path("x.csv")).contains("\n,frechet,,pca64,20,"));
    pictures(&place, "mixed", 9, |number| [24 + number % 2, 32]);
    place.bad("evaluate --pictures mixed --against reals", 4, &["different sizes", "32x25", "32x24"]);
    place.bad("evaluate --pictures few --against reals", 4, &["few"]);
    pictures(&place, "few", 3, |_| [24, 32]);
    place.bad("evaluate --pictures few --against reals", 4, &["found 3, need at least 8"]);
}

#[test]
fn what_contradicts_each_other_is_refused() {
    let place = Place::new();
    pictures(&place, "pics", 8, |_| [8, 8]);
    place.bad("evaluate", 2, &["required"]);
    place.bad("evaluate run --pictures pics --against pics", 2, &["cannot be used with"]);
    place.bad("evaluate --pictures pics", 2, &["--against"]);
    let compared = "evaluate --pictures pics --against pics";
    place.bad(&format!("{compared} --extractor evalnet28"), 2, &["classifier"]);
    place.bad(&format!("{compared} --extractor inception"), 2, &["needs its weights", "--weights FILE"]);
    place.bad(&format!("{compared} --weights x"), 2, &["for the extractor `inception`"]);
    place.bad(&format!("{compared} --extractor inception --weights x --metric fid"), 5, &["cannot read the weights"]);
    std::fs::write(place.path("x"), safetensors(&[("fc.weight".into(), vec![2, 3])], small)).unwrap();
    let wanted = ["`fc.weight`: expected [1008x2048], found [2x3]", "`fc.bias`: missing", "Mixed_7c.branch_pool"];
    place.bad(&format!("{compared} --extractor inception --weights x --metric fid"), 5, &wanted);
}
