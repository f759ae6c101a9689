use museum::*;
use runs::{Output, Run};
fn main() {
    let bugs = [Bug::None, Bug::NoCut, Bug::NoFreeze, Bug::KeptGradients, Bug::NaiveLoss, Bug::DoubleSigmoid, Bug::StaleStatistics, Bug::HighRate, Bug::SwappedLabels, Bug::SaturatingLoss, Bug::LargeWeights, Bug::SameLatents, Bug::UnscaledData, Bug::DeadUnits, Bug::ForgottenReals, Bug::NoActivations];
    let steps: u32 = std::env::args().nth(1).unwrap().parse().unwrap();
    let d: f64 = std::env::args().nth(2).unwrap().parse().unwrap();
    let g: f64 = std::env::args().nth(3).unwrap().parse().unwrap();
    let only = std::env::args().nth(4);
    for bug in bugs.into_iter().filter(|b| only.as_ref().is_none_or(|o| o.contains(&format!("{b:?},")))) {
        let out = format!("/tmp/museum/{bug:?}");
        let _ = std::fs::remove_dir_all(&out);
        let settings = Settings { bug, d_learning_rate: d, g_learning_rate: g };
        let t = std::time::Instant::now();
        let r = Run::of(trainable(settings)).data("built-in").steps(steps).out(&out).output(Output::Silent).sample_every(steps).train();
        println!("{bug:?} {:.1}s {}", t.elapsed().as_secs_f64(), r.map_or_else(|e| e.to_string().replace('\n', " "), |_| String::new()));
        let text = std::fs::read_to_string(format!("{out}/metrics.csv")).unwrap();
        let rows: Vec<Vec<f64>> = text.lines().skip(1).map(|l| l.split(',').map(|x| x.parse().unwrap()).collect()).collect();
        if bug == Bug::None { println!("   {}", text.lines().next().unwrap()); }
        for part in rows.chunks(rows.len().div_ceil(4).max(1)) {
            let mean = |i: usize| part.iter().map(|r| r[i]).sum::<f64>() / part.len() as f64;
            println!("   {:>6} {}", part.last().unwrap()[0], (1..part[0].len()).map(|i| format!("{:>9.4}", mean(i))).collect::<Vec<_>>().join(" "));
        }
    }
}
