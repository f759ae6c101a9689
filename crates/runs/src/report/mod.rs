//! The report of a run: a page with its curves, sheets, scores, layers and diagnoses.
//!
//! Every run folder has `report.html`, which an observer keeps up to
//! date while the run trains: the page loads `report/data.js` again every few seconds, so it needs
//! no server. [`report()`] writes one self-contained file for one or several runs.
//!
//! `gathered` keeps the numbers, `folder` reads a run folder, `pictures` draws what needs the
//! system, `neighbours` searches the training images, `document` is the content as plain data, and
//! `html` and the files in `page/` make the page of it.

pub(crate) mod document;
pub(crate) mod folder;
pub(crate) mod gathered;
pub(crate) mod html;
mod neighbours;
pub(crate) mod pictures;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasets::{advice, quoted};

use crate::failure::{Code, Failure};
use crate::folder as run_folder;
use crate::sampling::Written;
use crate::storage::{self, RealDisk};
use crate::systems::Trainable;
use document::{Document, RunReport, Sheet};

/// The default path of the page.
const OUT: &str = "report.html";
/// The largest number of bytes of sheets in a self-contained page, before they are encoded.
const SHEET_BYTES: usize = 5 << 20;
/// The largest number of bytes of the other pictures of a run.
const PICTURE_BYTES: usize = 1 << 20;

/// Which runs to report, and where the page goes.
#[derive(Clone, Debug, Default)]
pub struct ReportRequest {
    /// Run folders.
    pub runs: Vec<PathBuf>,
    /// The page; without it, `report.html` in the current folder.
    pub out: Option<PathBuf>,
    /// The caller's own system, if the runs are of that.
    pub own: Option<Arc<Trainable>>,
}

/// Writes a self-contained page about these runs.
///
/// # Errors
/// When a path is not a run folder, or the page cannot be written. What a run folder lacks is no
/// error: the page says what is missing.
pub fn report(request: &ReportRequest) -> Result<Written, Failure> {
    write(request, "")
}

/// Like [`report()`], with the text of a `comparison` of the runs at the top, unless it is empty.
pub(crate) fn write(request: &ReportRequest, comparison: &str) -> Result<Written, Failure> {
    let mut runs = Vec::new();
    for path in &request.runs {
        let run = run_folder::locate(path)?.run.unwrap_or_else(|| path.clone());
        if !is_run(&run) {
            return Err(Failure::new(Code::Usage, "this is not a run folder")
                .at(path.display())
                .because("it has neither config.toml nor metrics.csv")
                .help(advice!("report-of-no-run", "name the folder of a run: `train report RUN`")));
        }
        runs.push((run.clone(), folder::read(&run, request.own.as_ref())));
    }
    let out = request.out.clone().unwrap_or_else(|| PathBuf::from(OUT));
    // The page of a run itself, of these or of any other, is kept up to date by its training.
    let is_live = out.file_name().is_some_and(|name| name == OUT) && is_run(&out.with_file_name(""));
    if let Some((run, _)) = runs.first().filter(|_| is_live) {
        return Err(Failure::new(Code::Usage, "this file is the live page of a run")
            .at(out.display())
            .because("the next training step would replace it")
            .help(advice!(
                "report-over-live-page",
                "choose another name: `train report {} --out page.html`",
                quoted(run)
            )));
    }
    storage::make_folder_for(&out)?;
    let budget = SHEET_BYTES / runs.len().max(1);
    for (run, report) in &mut runs {
        embed(run, report, budget);
    }
    let names: Vec<String> = runs.iter().map(|(_, report)| report.name.clone()).collect();
    let missing: usize = runs.iter().map(|(_, report)| report.missing.len()).sum();
    let document =
        Document { title: format!("Report: {}", names.join(", ")), runs: runs.into_iter().map(|run| run.1).collect() };
    let page = html::whole(&document, comparison);
    storage::write_whole(&RealDisk, &out, page.as_bytes())?;
    let mut about =
        format!("{:.1} MB, {} {}", page.len() as f64 / 1e6, names.len(), datasets::plural(names.len(), "run"));
    if missing > 0 {
        about += &format!(", {missing} {} about what is missing", datasets::plural(missing, "remark"));
    }
    Ok(Written { path: out, about })
}

fn is_run(folder: &Path) -> bool {
    ["config.toml", "metrics.csv"].iter().any(|file| folder.join(file).is_file())
}

/// Replaces the files of all pictures by their content. Sheets that would take more than `budget`
/// bytes are left out, evenly; other pictures that are too large or missing are dropped.
fn embed(run: &Path, report: &mut RunReport, budget: usize) {
    let sizes: HashMap<u64, usize> = report
        .sheets
        .iter()
        .filter_map(|sheet| Some((sheet.step, usize::try_from(fs::metadata(run.join(&sheet.file)).ok()?.len()).ok()?)))
        .collect();
    let size = |sheets: &[Sheet]| sheets.iter().filter_map(|sheet| sizes.get(&sheet.step)).sum::<usize>();
    let mut most = report.sheets.len();
    while most > 2 && size(&report.sheets) > budget {
        most = (most * 3 / 4).max(2);
        report.sheets = folder::evenly(std::mem::take(&mut report.sheets), most);
    }
    let read = |file: &str, most: usize| {
        let bytes = fs::read(run.join(file)).ok().filter(|bytes| bytes.len() <= most)?;
        Some(format!("data:image/png;base64,{}", page::base64(&bytes)))
    };
    report.sheets.retain_mut(|sheet| read(&sheet.file, budget).map(|data| sheet.file = data).is_some());
    let into = |file: &mut String| read(file, PICTURE_BYTES).map(|data| *file = data).is_some();
    report.data.retain_mut(|(_, file)| into(file));
    let record = &mut report.record;
    record.seen.retain_mut(|seen| into(&mut seen.reals) && into(&mut seen.fakes));
    record.gradients.retain_mut(|of| into(&mut of.fakes) && into(&mut of.gradients));
    record.neighbours.retain_mut(|neighbours| into(&mut neighbours.file));
    if record.walk.as_mut().is_some_and(|walk| !into(&mut walk.file)) {
        record.walk = None;
    }
}

#[cfg(test)]
mod tests;
