//! The figures in the chapters are those that the code draws.

use std::collections::BTreeSet;
use std::path::Path;

use guide::draw::figures;
use guide::{CHAPTERS, markdown};

const AGAIN: &str = "`cargo run -p guide --bin figures` writes them again";

#[test]
fn the_files_are_what_the_code_draws() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/figures");
    let mut drawn = BTreeSet::new();
    for figure in figures() {
        let file = format!("{}.svg", figure.name);
        let there = std::fs::read_to_string(folder.join(&file)).unwrap_or_default();
        assert!(there == figure.svg, "src/figures/{file} is not what the code draws; {AGAIN}");
        assert!(drawn.insert(file), "two figures are called {}", figure.name);
    }
    let there: BTreeSet<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.file_name()).collect();
    let stale: Vec<_> = there.iter().filter(|file| !drawn.contains(&*file.to_string_lossy())).collect();
    assert!(stale.is_empty(), "nothing draws {stale:?} any more");
}

#[test]
fn every_figure_is_shown_with_its_words_and_every_chapter_shows_one() {
    let (mut shown, mut without) = (BTreeSet::new(), Vec::new());
    for (name, text) in CHAPTERS {
        let before = shown.len();
        for (number, line) in markdown::prose(text) {
            for (at, _) in line.match_indices("](figures/") {
                let words = &line[line[..at].rfind("![").expect("a figure is shown, not linked") + 2..at];
                assert!(words.len() > 20, "{name}.md:{number}: say in words what the figure shows");
            }
        }
        shown.extend(
            markdown::links(text).into_iter().filter_map(|target| Some(target.strip_prefix("figures/")?.to_string())),
        );
        if shown.len() == before {
            without.push(name);
        }
    }
    assert!(without.is_empty(), "no figure of their own: {without:?}");
    let drawn: BTreeSet<_> = figures().iter().map(|figure| format!("{}.svg", figure.name)).collect();
    assert_eq!(shown, drawn, "shown, and drawn");
}

#[test]
fn figures_are_small() {
    for figure in figures() {
        assert!(figure.svg.len() < 40_000, "{} has {} bytes: draw less", figure.name, figure.svg.len());
    }
}
