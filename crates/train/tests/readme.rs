//! The README against the program: its tables are what the program prints, its links lead somewhere, its pictures are of
//! this code.

use std::path::PathBuf;
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

fn train(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_train")).args(arguments).output().unwrap();
    assert!(output.status.success(), "train {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_layers_in_the_readme_are_those_of_the_program() {
    let summary = train(&["summary", "quickdraw"]);
    assert!(readme().contains(summary.trim()), "paste this into README.md:\n{summary}");
}

#[test]
fn every_option_in_the_readme_exists() {
    let readme = readme();
    let commands = readme.lines().filter(|line| line.contains("cargo run -p train -- "));
    let mut seen = 0;
    for line in commands {
        let command =
            line.split("cargo run -p train -- ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
        let help = train(&[command, "--help"]);
        for word in
            line.split("#").next().unwrap().split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2)
        {
            let option = word.trim_end_matches('`');
            assert!(help.contains(option) || option == "--help", "{option} in README.md: {line}");
            seen += 1;
        }
    }
    assert!(seen > 3, "the README shows options in its commands");
}

#[test]
fn the_switches_in_the_readme_are_those_of_the_systems() {
    let systems = train(&["systems"]);
    let names = systems.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_whitespace().next());
    let mut rows: Vec<(Vec<&'static str>, Vec<&str>)> = Vec::new();
    for name in names {
        let switches = models::trainer::switches::of(name);
        match rows.iter_mut().find(|(of, _)| *of == switches) {
            Some((_, systems)) => systems.push(name),
            None => rows.push((switches, vec![name])),
        }
    }
    // The longest list comes first.
    rows.sort_by_key(|(switches, _)| std::cmp::Reverse(switches.len()));
    let coded = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let row = |(switches, systems): &(Vec<&str>, Vec<&str>)| {
        let switches = if switches.is_empty() { "none".to_owned() } else { coded(switches) };
        format!("| {} | {switches} |\n", coded(systems))
    };
    let table = format!("| systems | switches |\n|---|---|\n{}", rows.iter().map(row).collect::<String>());
    assert!(readme().contains(&table), "paste this into README.md:\n{table}");
}

#[test]
fn the_switches_that_the_readme_sets_together_go_together() {
    let readme = readme();
    let line = readme.split("`quickdraw --set").nth(1).and_then(|rest| rest.split('`').next()).expect("an example");
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let tiny = "quickdraw --preset cpu --batch 2 --set depth=2 --data built-in --steps 1 --set";
    let words = tiny.split_whitespace().chain(line.split_whitespace()).chain(["--out", run.to_str().unwrap()]);
    train(&words.collect::<Vec<_>>());
}

#[test]
fn every_link_in_the_readme_leads_to_a_file() {
    let readme = readme();
    let targets = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let images = readme.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let mut seen = 0;
    for target in targets.chain(images).filter(|target| !target.starts_with("http")) {
        if let Some(anchor) = target.strip_prefix('#') {
            let heading = |line: &str| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            let found = readme.lines().any(|line| line.starts_with('#') && heading(line) == anchor);
            assert!(found, "README.md links to its heading {target}, which is not there");
            continue;
        }
        assert!(root().join(target).exists(), "README.md links to {target}, which is not there");
        seen += 1;
    }
    assert!(seen > 10, "the README has links");
}

/// The first picture of the gallery shows the untrained network of the default run: it can be drawn again in a moment, and is
/// the same bytes as long as nothing has changed the weights, the latents, the generator or the picture.
#[test]
fn the_gallery_is_of_this_code() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    train(&["quickdraw", "--data", "built-in", "--steps", "1", "--out", run.to_str().unwrap()]);
    let [drawn, shown] = [run.join("samples/step-000000.png"), root().join("data/gallery/quickdraw/step-000000.png")];
    let same = std::fs::read(drawn).unwrap() == std::fs::read(shown).unwrap();
    assert!(
        same,
        "data/gallery/quickdraw shows other code: train quickdraw on the real apples again and copy its pictures"
    );
}
