//! Makes the page of a [`Document`]: the live page, which loads its data from a file beside it, and
//! the self-contained one.
//!
//! The content security policy allows only the style and the script of the page, by their hashes,
//! and pictures; the live page may also load scripts from where it lies itself.

use std::fmt::Write;

use datasets::grouped;
use page::{Page, in_script, in_text};

use super::document::{Document, RunReport};

const BODY: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");

/// The files of the script, in order: each can use the ones before it.
const SCRIPT: [&str; 6] = [
    include_str!("page/elements.js"),
    include_str!("page/charts.js"),
    include_str!("page/strips.js"),
    include_str!("page/pictures.js"),
    include_str!("page/selftest.js"),
    include_str!("page/main.js"),
];

/// The page without its data, which [`data`] has. Without JavaScript, it shows the state in
/// `document`.
pub(crate) fn live(document: &Document) -> String {
    make(document, "", "null", "'self' file:", "'self' file: data:")
}

/// The page with its data, and the text of a `comparison` of its runs at the top unless it is
/// empty.
pub(crate) fn whole(document: &Document, comparison: &str) -> String {
    make(document, comparison, &json(document), "", "data:")
}

/// The script that hands the data to a live page.
pub(crate) fn data(document: &Document) -> String {
    format!("backdrawReport({});\n", in_script(&json(document)))
}

fn json(document: &Document) -> String {
    serde_json::to_string(document).expect("a document is plain data")
}

fn sources<'a>(document: &'a Document, scripts: &'a str, images: &'a str) -> Page<'a> {
    Page {
        title: &document.title,
        style: STYLE,
        script: &SCRIPT,
        images,
        scripts,
        styles: "",
        connections: "",
        body: BODY,
    }
}

fn make(document: &Document, comparison: &str, data: &str, scripts: &str, images: &str) -> String {
    sources(document, scripts, images).write(|name| match name {
        "comparison" if comparison.is_empty() => String::new(),
        "comparison" => format!("<section><h2>Comparison</h2><pre>{}</pre></section>", in_text(comparison)),
        "plain" => plain(document),
        "data" => in_script(data),
        _ => unreachable!("page.html asks for {name}"),
    })
}

/// The last state of all runs, as plain HTML.
fn plain(document: &Document) -> String {
    document.runs.iter().map(plain_run).collect()
}

fn plain_run(run: &RunReport) -> String {
    let [step, total] = [run.step, run.total].map(grouped);
    let mut html = format!("<section><h2>{}</h2><p>Step {step} of {total}</p>", in_text(&run.name));
    let mut add = |text: String| html.push_str(&text);
    for remark in &run.missing {
        add(format!("<p><strong>Missing:</strong> {}</p>", in_text(remark)));
    }
    if !run.alerts.is_empty() {
        add("<h3>Diagnoses</h3><ul>".into());
        for alert in &run.alerts {
            add(format!(
                "<li>Steps {} to {}: <strong>{}</strong> ({}). {} {} {}</li>",
                grouped(alert.step),
                grouped(alert.last_step),
                in_text(&alert.sign),
                in_text(&alert.title),
                in_text(&alert.meaning),
                in_text(&alert.evidence),
                in_text(&alert.remedy)
            ));
        }
        add("</ul>".into());
    }
    if let Some(sheet) = run.sheets.last() {
        let (step, file) = (grouped(sheet.step), in_text(&sheet.file));
        add(format!("<h3>Samples of step {step}</h3><img alt=\"Samples\" src=\"{file}\">"));
    }
    add("<h3>Last values</h3><table><tr><th>Metric</th><th>Value</th><th>How to read it</th></tr>".into());
    for line in run.charts.iter().flat_map(|chart| &chart.lines) {
        let value = line.values.iter().rev().flatten().next().map_or_else(String::new, ToString::to_string);
        add(format!("<tr><td>{}</td><td>{value}</td><td>{}</td></tr>", in_text(&line.name), in_text(&line.sentence)));
    }
    add("</table><h3>The run</h3><table>".into());
    for (name, value) in &run.facts {
        add(format!("<tr><th>{}</th><td>{}</td></tr>", in_text(name), in_text(value)));
    }
    let _ = write!(html, "</table><pre>{}</pre></section>", in_text(&run.config));
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::{Alert, Chart, Line, Sheet};

    /// A run in which every text would like to be a program.
    fn hostile() -> Document {
        let wish = || "</script><img src=x onerror=alert(1)>\"&{{script}}\u{2028}".to_owned();
        let line =
            Line { name: wish(), sentence: wish(), steps: vec![1.0], values: vec![Some(2.0)], ..Line::default() };
        let run = RunReport {
            name: wish(),
            facts: vec![(wish(), wish())],
            missing: vec![wish()],
            charts: vec![Chart { title: wish(), label: wish(), range: None, lines: vec![line], note: Some(wish()) }],
            sheets: vec![Sheet { step: 3, file: wish() }],
            alerts: vec![Alert { sign: wish(), evidence: wish(), remedy: wish(), ..Alert::default() }],
            config: wish(),
            ..RunReport::default()
        };
        Document { title: wish(), runs: vec![run] }
    }

    #[test]
    fn no_text_leaves_its_place() {
        for page in [whole(&hostile(), "</pre><img src=x>"), live(&hostile())] {
            assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (2, 2));
            assert!(!page.contains("<img src=x"), "{page}");
            assert!(page.contains("&lt;img src=x"));
        }
        let data = data(&hostile());
        assert!(!data.contains(['<', '>', '&', '\u{2028}']), "{data}");
    }

    #[test]
    fn steps_in_sentences_are_written_with_commas() {
        let run = RunReport {
            step: 1500,
            total: 20_000,
            sheets: vec![Sheet { step: 1400, file: "sheet.png".into() }],
            alerts: vec![Alert { step: 1010, last_step: 1390, ..Alert::default() }],
            ..RunReport::default()
        };
        let html = plain(&Document { title: "run".into(), runs: vec![run] });
        for words in ["Step 1,500 of 20,000", "Steps 1,010 to 1,390", "Samples of step 1,400"] {
            assert!(html.contains(words), "{words}: {html}");
        }
    }

    #[test]
    fn the_policy_lets_only_the_live_page_load_a_script() {
        let (whole, live) = (whole(&hostile(), "</pre><img src=x>"), live(&hostile()));
        assert!(!whole.contains("file:") && whole.contains("img-src data:;"));
        assert!(live.contains("'self' file:;") && !live.contains("unsafe"));
        for loader in ["fetch(", "XMLHttpRequest", "import(", "WebSocket", "innerHTML", "eval(", "localStorage"] {
            assert!(!whole.contains(loader), "the page uses {loader}");
        }
        let bytes = sources(&hostile(), "", "").size();
        assert!(bytes <= 64 * 1024, "{bytes} bytes of style and script");
    }
}
