use std::fmt::Write as _;

use super::*;
use crate::observers::probe::files::FORMATS;
use crate::observers::probe::{Fakes, Layer, Norms, Pair, Probe, Scores};

/// A run folder of `steps` steps: metrics, probes, and a sheet every hundred steps.
fn synthetic(run: &Path, steps: u64) {
    let noise = |number: u64| (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / f64::from(1 << 24);
    let mut metrics = String::from("step,d_loss,d_acc,g_loss,g_acc,d_real,d_fake,seconds\n");
    for step in 1..=steps {
        let value = |metric: u64| if step == 54_321 { 777.0 } else { noise(6 * step + metric) };
        let row: Vec<String> = (0..6).map(|metric| value(metric).to_string()).collect();
        writeln!(metrics, "{step},{},0.01", row.join(",")).unwrap();
    }
    fs::write(run.join("metrics.csv"), metrics).unwrap();
    let mut tables: Vec<String> = FORMATS.iter().map(|format| format!("{}\n", format.header)).collect();
    for step in (250..=steps).step_by(250) {
        let layer = |number: u64| Layer {
            network: ["discriminator", "generator"][number as usize % 2].into(),
            layer: format!("conv{number}"),
            norms: Some(Norms { gradient: noise(step + number), weight: 1.0, update: 0.001 }),
            dead: Some(noise(step)),
            saturated: None,
        };
        let scores = |shift: u64| (0..64).map(|i| noise(64 * step + i + shift) as f32).collect();
        let pair = || Pair { fakes: noise(step), reals: 1.0 };
        let [distance, minimum, maximum] = [(); 3].map(|()| pair());
        let probe = Probe {
            step,
            scores: vec![Scores { discriminator: "discriminator".into(), reals: scores(0), fakes: scores(7) }],
            layers: (0..24).map(layer).collect(),
            fakes: vec![Fakes {
                of: "fakes".into(),
                count: 64,
                distance,
                minimum,
                maximum,
                nyquist: Some(pair()),
                nearest: Some(pair()),
                modes: None,
            }],
            seen: Vec::new(),
        };
        for (format, table) in FORMATS.iter().zip(&mut tables) {
            (format.rows)(&probe).iter().for_each(|row| writeln!(table, "{step},{row}").unwrap());
        }
    }
    for (format, table) in FORMATS.iter().zip(tables) {
        fs::write(run.join(format.name), table).unwrap();
    }
    fs::create_dir_all(run.join("samples")).unwrap();
    for step in (0..=steps).step_by(100) {
        fs::write(run.join(format!("samples/step-{step:06}.png")), vec![(step % 251) as u8; 50_000]).unwrap();
    }
    fs::write(run.join("config.toml"), "system = \"quickdraw\"\nsteps = 100000\n").unwrap();
}

#[test]
fn a_hundred_thousand_steps_fit_into_ten_megabytes_with_their_peaks() {
    let folder = tempfile::tempdir().unwrap();
    let (run, out) = (folder.path().join("long"), folder.path().join("page.html"));
    fs::create_dir(&run).unwrap();
    synthetic(&run, 100_000);
    let written = report(&ReportRequest { runs: vec![run.clone()], out: Some(out.clone()), own: None }).unwrap();
    let page = fs::read_to_string(out).unwrap();
    assert!(page.len() <= 10_000_000, "{}: {} bytes", written.about, page.len());
    assert!(page.contains("777.0"), "the peak of one step is there");
    let found = folder::read(&run, None);
    assert!(found.charts.iter().flat_map(|chart| &chart.lines).all(|line| line.values.len() <= 2000));
    assert!(found.charts.len() >= 5 && found.layers.rows.len() == 24 && found.scores.len() == 1);
    assert_eq!(found.charts[0].lines[0].name, "Discriminator", "as the system describes it");
    // The first and the last sheet are among those that are kept.
    let (first, last) = (found.sheets.first().unwrap().step, found.sheets.last().unwrap().step);
    assert_eq!((first, last), (0, 100_000));
}

#[test]
fn several_runs_share_a_page_and_what_is_no_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let runs = ["a", "b<script>"].map(|name| folder.path().join(name));
    for run in &runs {
        fs::create_dir(run).unwrap();
        synthetic(run, 500);
    }
    let request = ReportRequest { runs: runs.to_vec(), out: Some(folder.path().join("two.html")), own: None };
    report(&request).unwrap();
    let page = fs::read_to_string(folder.path().join("two.html")).unwrap();
    assert!(page.contains("\"name\":\"a\"") && page.contains("b\\u003cscript\\u003e") && !page.contains("b<script>"));
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let failure = report(&ReportRequest { runs: vec![empty], ..request.clone() }).unwrap_err();
    assert!(failure.to_string().contains("empty"), "{failure}");
    // The live page of a run is not replaced, whichever run is reported.
    let live = runs[0].join("report.html");
    fs::write(&live, "live").unwrap();
    for run in &runs {
        let over = ReportRequest { runs: vec![run.clone()], out: Some(live.clone()), own: None };
        let failure = report(&over).unwrap_err();
        assert!(failure.to_string().contains("live page"), "{failure}");
        assert_eq!(fs::read_to_string(&live).unwrap(), "live");
    }
}
