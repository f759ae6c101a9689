//! `train museum`: the museum of bugs.

use std::path::{Path, PathBuf};

use datasets::advice;
use museum::{EXHIBITS, Exhibit, Seen, Visit, find, visit};
use runs::console::{Output, print};
use runs::failure::{Code, Failure};
use runs::report::{ReportRequest, report};

use crate::cli::tools::MuseumArgs;

/// Lists the exhibits, or shows one of them.
///
/// # Errors
/// As [`visit()`] and [`report()`].
pub(crate) fn run(args: &MuseumArgs) -> Result<(), Failure> {
    let Some(exhibit) = args.bug.as_deref().and_then(find) else { return print(&list()) };
    let out = args.out.clone().unwrap_or_else(|| Path::new("museum").join(exhibit.name));
    if out.join("config.toml").is_file() {
        return Err(Failure::new(Code::Usage, "this folder holds a run")
            .at(out.display())
            .because("an exhibit writes two runs and a report of both, which would replace that of the run")
            .help(advice!("museum-in-run", "choose another folder, such as `--out museum`")));
    }
    let seen = visit(&Visit { exhibit, out: out.clone(), seed: args.seed, output: Output::Standard })?;
    print(&card(exhibit))?;
    print(&findings(&seen))?;
    let page: PathBuf = out.join("report.html");
    let runs = vec![seen.healthy, seen.sick];
    let written = report(&ReportRequest { runs, out: Some(page), own: Some(seen.system) })?;
    print(&format!("{written}\n"))
}

fn list() -> String {
    let rows = EXHIBITS.iter().map(|exhibit| format!("{:<18}{}\n", exhibit.name, exhibit.title));
    rows.collect()
}

fn card(exhibit: &Exhibit) -> String {
    let Exhibit { title, wrong, right, symptom, why, .. } = exhibit;
    format!("\n{title}\n  wrong    {wrong}\n  right    {right}\n  symptom  {symptom}\n  why      {why}\n")
}

/// The last metrics of both runs, and what the diagnosis said of the sick one.
fn findings(seen: &Seen) -> String {
    let [healthy, sick] = &seen.columns;
    let mut text = format!("\n{:<13}{:>12}{:>12}\n", "late mean of", "healthy", "sick");
    for metric in healthy.metrics() {
        text += &format!("{metric:<13}{:>12.4}{:>12.4}\n", healthy.late(metric), sick.late(metric));
    }
    text += "\n";
    if let Some(failure) = &seen.diverged {
        text += &format!("the sick run ended early: {failure}\n\n");
    }
    for [step, sign, evidence] in &seen.diagnoses {
        text += &format!("diagnosed at step {step}: {sign} ({evidence})\n");
    }
    text
}
