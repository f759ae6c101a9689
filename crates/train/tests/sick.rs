//! Sick runs: what is reported, `--on-sick`, and that nothing depends on whether the run was
//! interrupted.

mod common;

use common::{Place, text};

/// A GAN of digits whose discriminator learns a thousand times as fast as its generator.
const SICK: &str = "mnist --data built-in --batch 8 --set latent=4 --set label_smooth=1 --set dropout=0 \
                    --set d_learning_rate=0.001 --set g_learning_rate=0.000001 --checkpoint-every 50";

/// The first fields of the rows of `diagnoses.csv`: step, last step, sign, severity.
fn rows(place: &Place, run: &str) -> Vec<[String; 4]> {
    let text = text(&place.path(run).join("diagnoses.csv"));
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("step,last_step,sign,severity,evidence,remedy,chapter"));
    let fields = |line: &str| {
        let fields: Vec<String> = line.split(',').take(4).map(str::to_owned).collect();
        fields.try_into().expect("at least four fields")
    };
    lines.map(fields).collect()
}

#[test]
fn a_sick_run_says_so_once_and_again_at_its_end() {
    let place = Place::new();
    let outcome = place.good(&format!("{SICK} --steps 300 --out run"));
    let err = &outcome.err;
    assert_eq!(err.matches("warning      step ").count(), 1, "{err}");
    assert!(err.contains("the discriminator wins (d-dominates): d_loss 0.0"), "{err}");
    assert!(err.contains("train mnist --from run --set g_learning_rate=0.002`"), "{err}");
    assert!(err.lines().last().unwrap().starts_with("warning      the run is sick: the discriminator wins"), "{err}");
    let rows = rows(&place, "run");
    let [[step, last, sign, severity]] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((&**last, &**sign, &**severity), ("300", "d-dominates", "sick"), "{rows:?}");
    assert!((100..=300).contains(&step.parse::<u64>().unwrap()), "{rows:?}");
}

#[test]
fn an_interrupted_run_reaches_the_same_diagnosis_and_the_same_bits() {
    let place = Place::new();
    let whole = place.good(&format!("{SICK} --steps 300 --out whole/run"));
    // In the middle of the episode, and before it.
    for at in [120, 260] {
        let out = format!("parts-{at}/run");
        place.good(&format!("{SICK} --steps {at} --out {out}"));
        let parts = place.good(&format!("mnist --resume {out} --steps 300"));
        assert_eq!(parts.hash(), whole.hash());
        let read = |run: &str| text(&place.path(run).join("diagnoses.csv")).replace(&out, "whole/run");
        assert_eq!(read(&out), read("whole/run"), "{at}");
    }
}

#[test]
fn stop_saves_and_ends_with_a_code_of_its_own_and_goes_on_when_asked() {
    let place = Place::new();
    place.bad(
        &format!("{SICK} --steps 300 --on-sick stop --out run"),
        9,
        &["the run is sick: stopped after step", "train mnist --from run"],
    );
    let stopped = *place.checkpoints("run").last().unwrap();
    assert!(stopped < 300 && stopped.to_string() == rows(&place, "run")[0][0], "{stopped}");
    let resumed = place.good("mnist --resume run");
    let whole = place.good(&format!("{SICK} --steps 300 --out whole"));
    assert_eq!(resumed.hash(), whole.hash());
    place.bad(&format!("{SICK} --steps 1 --on-sick panic --out x"), 3, &["on_sick", "allowed: warn, stop, rollback"]);
}

#[test]
fn rollback_returns_and_continues_with_other_settings_to_the_same_bits() {
    let place = Place::new();
    let line = format!("{SICK} --on-sick rollback");
    let whole = place.good(&format!("{line} --steps 300 --out whole/run"));
    let err = &whole.err;
    assert!(
        err.contains("rolled back  to step ") && err.contains("; continuing with g_learning_rate=0.002\n"),
        "{err}"
    );
    let config = text(&place.path("whole/run/config.toml"));
    assert!(config.contains("rolled_back = \"step ") && config.contains("\ng_learning_rate = 0.002\n"), "{config}");
    let table = text(&place.path("whole/run/diagnoses.csv"));
    assert!(table.contains("; rolled back to step "), "{table}");
    let metrics = text(&place.path("whole/run/metrics.csv"));
    assert_eq!(metrics.lines().count(), 301, "each step once");
    // Before the sign, where it has an extra checkpoint, and after the return.
    for at in [75, 290] {
        let out = format!("parts-{at}/run");
        place.good(&format!("{line} --steps {at} --out {out}"));
        let parts = place.good(&format!("mnist --resume {out} --steps 300"));
        assert_eq!(parts.hash(), whole.hash(), "{at}");
        let read = |run: &str| text(&place.path(run).join("diagnoses.csv")).replace(&out, "whole/run");
        assert_eq!(read(&out), read("whole/run"), "{at}");
    }
    // The same command again finds nothing left to do.
    assert_eq!(place.good(&format!("{line} --steps 300 --out whole/run")).hash(), whole.hash());
    // A new run with this configuration has not returned anywhere.
    let again = place.good("mnist --config whole/run/config.toml --set on_sick=warn --steps 2 --out again");
    assert!(!text(&place.path("again/config.toml")).contains("rolled_back"), "{}", again.err);
}

#[test]
fn a_divergence_returns_too() {
    let place = Place::new();
    let line = "vanilla --set net=paper --set size=4 --set latent=2 --batch 4 --set loss=lsgan --set d_learning_rate=10 \
                --set g_learning_rate=10 --data built-in --checkpoint-every 2 --steps 10";
    place.bad(&format!("{line} --out warned"), 6, &["diverged"]);
    let outcome = place.good(&format!("{line} --on-sick rollback --out run"));
    assert!(outcome.err.contains("rolled back  to step 0"), "{}", outcome.err);
    let config = text(&place.path("run/config.toml"));
    assert!(config.contains("(exploding): from step 0 with d_learning_rate=0.0002"), "{config}");
}
