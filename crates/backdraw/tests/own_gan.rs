//! The example trains, resumes bit-identically, and can be sampled.

#[path = "../examples/own_gan.rs"]
#[allow(dead_code, reason = "the example's own `main`")]
mod own_gan;

use backdraw::prelude::*;
use backdraw::runs::sampling::{SampleRequest, sample};
use own_gan::OwnGan;

#[test]
fn an_own_gan_trains_goes_on_to_the_same_bits_and_is_sampled() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, steps: u32| {
        let run = Run::new(OwnGan::new).images(backdraw::datasets::apples(40, 1));
        run.steps(steps).out(folder.path().join(name)).output(Output::Silent)
    };
    let whole = run("whole", 4).train().unwrap();
    run("parts", 2).train().unwrap();
    let parts = run("parts", 4);
    assert_eq!(parts.train().unwrap().weights_hash, whole.weights_hash);
    let own = Some(parts.system());
    let request = SampleRequest { own, count: Some(4), output: Output::Silent, ..SampleRequest::of(&whole.run) };
    let sheet = sample(&request).unwrap();
    assert!(sheet.path.is_file() && sheet.about.contains("4 samples of own-gan, step 4"), "{sheet}");
    for file in ["metrics.csv", "curves/loss.svg", "samples/step-000004.png", "log.txt"] {
        assert!(whole.run.join(file).is_file(), "{file}");
    }
}
