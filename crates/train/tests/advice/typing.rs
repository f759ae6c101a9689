//! The tips of the command-line parser about mistyped words: each suggested word is tried in place
//! of the wrong one.

use super::common::finish;
use super::stage::Fixtures;

#[test]
fn the_tips_of_the_command_line_work() {
    let fixtures = Fixtures::default();
    let stage = fixtures.stage();
    stage.bring("run");
    for (line, wrong) in [
        ("quikdraw --preset cpu --batch 2 --set depth=2 --data doodles.npy --steps 1", "quikdraw"),
        ("quickdraw --preset cpu --bacth 2 --set depth=2 --data doodles.npy --steps 1", "--bacth"),
        ("quickdraw --preset cpu --batch 2 --sett depth=2 --data doodles.npy --steps 1", "--sett"),
        ("quickdraw --preset cpu --batch 2 --set depth=2 --data doodles.npy --steps 1 --log defualt", "defualt"),
        ("smaple run --count 2", "smaple"),
        ("sample run --cuont 2", "--cuont"),
        ("evaluate run --count 20 --metrics ink", "--metrics"),
        ("summary quickdrow", "quickdrow"),
        ("explain --presets scalar", "--presets"),
        ("fetch mnist --dry-rum", "--dry-rum"),
        ("systms", "systms"),
    ] {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let outcome = finish(stage.command(&words));
        assert_eq!(outcome.code, Some(2), "{line}: {}", outcome.err);
        let options: Vec<&str> = outcome.err.lines().filter(|line| line.trim_start().starts_with("tip:")).collect();
        assert!(!options.is_empty(), "{line}: no tip in {}", outcome.err);
        for better in options.iter().flat_map(|tip| tip.split('\'').skip(1).step_by(2)) {
            let words: Vec<String> = words.iter().map(|word| word.replace(wrong, better)).collect();
            let outcome = finish(stage.copied().command(&words));
            assert_eq!(outcome.code, Some(0), "{line}: {better}\n{}", outcome.err);
        }
    }
}

#[test]
fn where_there_is_no_better_word_there_is_no_tip() {
    let fixtures = Fixtures::default();
    let stage = fixtures.stage();
    stage.bring("run");
    for line in ["sample run --xyzzy", "explain --xyzzy", "fetch --xyzzy", "gradcheck --xyzzy", "quickdraw --xyzzy"] {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let outcome = finish(stage.command(&words));
        assert!(
            outcome.code == Some(2) && outcome.err.contains("--xyzzy") && !outcome.err.contains("tip:"),
            "{line}: {}",
            outcome.err
        );
    }
}

#[test]
fn the_examples_of_the_help_texts_work() {
    let fixtures = Fixtures::default();
    let stage = fixtures.stage();
    stage.bring("run");
    stage.bring("styles");
    for (command, run) in [("sample", "run"), ("sample", "styles")] {
        let help = finish(stage.command(&[command.into(), "--help".into()])).out;
        let examples: Vec<&str> =
            help.lines().filter_map(|line| line.trim().strip_prefix("train sample RUN ")).collect();
        assert!(examples.len() > 3, "{help}");
        for example in examples {
            let needs_styles = example.contains("--psi") || example.contains("--sheet");
            // A smaller array is enough for the test, and the run has no latents of its own.
            let example = example.replace("50000", "500").replace("z.npy --int", "1-3 --int");
            if needs_styles == (run == "styles") {
                let words = shlex::split(&format!("sample {run} {example}")).unwrap();
                let outcome = finish(stage.copied().command(&words));
                assert_eq!(outcome.code, Some(0), "train sample {run} {example}\n{}", outcome.err);
            }
        }
    }
}
