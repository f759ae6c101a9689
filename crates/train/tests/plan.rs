//! The plan of a run: it is known before anything is written, and agrees with what the run really
//! takes.

mod common;

use common::{Outcome, Place, TINY, finish, text};

/// The bytes in a row of the table, such as `total memory    78 MiB`.
fn bytes_of(table: &str, row: &str) -> f64 {
    let line =
        table.lines().find_map(|line| line.strip_prefix(row)).unwrap_or_else(|| panic!("no {row:?} in:\n{table}"));
    let mut words = line.split_whitespace();
    let number: f64 = words.next().unwrap().parse().unwrap();
    let unit = ["B", "KiB", "MiB", "GiB", "TiB"].iter().position(|unit| words.clone().next() == Some(unit)).unwrap();
    number * 1024_f64.powi(unit as i32)
}

#[test]
fn a_dry_run_tells_everything_and_writes_nothing() {
    let place = Place::new();
    let table = place.good("progan --data built-in --dry-run").out;
    for row in
        ["weights", "optimisers", "data", "total memory", "free", "32x32, fading in", "a checkpoint", "disk space"]
    {
        assert!(table.contains(row), "{row}: {table}");
    }
    place.good(&format!("{TINY} --data built-in --dry-run --out run"));
    assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 0, "nothing was written");
    place.good(&format!("{TINY} --data built-in --steps 2 --out run"));
    let before = text(&place.path("run/config.toml"));
    let table = place.good("quickdraw --resume run --steps 9 --dry-run").out;
    assert!(table.contains("total memory"), "{table}");
    assert_eq!((text(&place.path("run/config.toml")), place.checkpoints("run")), (before, vec![2]));
}

#[test]
fn a_training_tells_in_one_line_what_it_needs() {
    let place = Place::new();
    let messages = place.good(&format!("{TINY} --data built-in --steps 1 --out run")).err;
    let line =
        messages.lines().find(|line| line.starts_with("needs        about ")).unwrap_or_else(|| panic!("{messages}"));
    assert!(line.contains("; a step about ") && line.ends_with(" a checkpoint"), "{line}");
}

/// Runs the command with this many kilobytes of address space.
#[cfg(unix)]
fn limited(place: &Place, kilobytes: u32, line: &str) -> Outcome {
    let program = place.command(line);
    let mut command = std::process::Command::new("sh");
    command.arg("-c").arg(format!("ulimit -v {kilobytes}; exec \"$0\" \"$@\"")).arg(program.get_program());
    command.args(program.get_args()).current_dir(place.folder.path()).env("RAYON_NUM_THREADS", "2");
    finish(command)
}

#[test]
#[cfg(target_os = "linux")]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let place = Place::new();
    let refused = |kilobytes: u32, line: &str, words: &[&str]| {
        let outcome = limited(&place, kilobytes, line);
        assert_eq!(outcome.code, Some(3), "{line}: {}", outcome.err);
        assert!(words.iter().all(|word| outcome.err.contains(word)), "{line}: {}", outcome.err);
        assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 0, "{line} left something");
    };
    refused(3_000_000, "quickdraw --batch 4096 --set depth=256 --steps 1", &["`--batch ", "ulimit -v"]);
    // Even the weights would not fit.
    refused(600_000, "stylegan2 --preset original", &["does not fit", "`--preset cpu`"]);
    // The first stages would fit, but a later one would not.
    refused(350_000, "progan --preset cpu64", &["the stage ", "from step "]);
    refused(3_000_000, "cyclegan --batch 256 --set size=1024", &["does not fit", "`--set size="]);
    refused(600_000, "explain stylegan2 --preset original", &["do not fit"]);
    assert!(limited(&place, 300_000, "summary stylegan2 --preset original").code == Some(0), "shapes need no memory");
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_of_a_larger_machine_is_refused_before_it_is_read() {
    let place = Place::new();
    place.good("dcgan --preset mnist28 --set width=256 --batch 2 --data built-in --steps 1 --out run");
    for line in ["dcgan --resume run --steps 2", "sample run --count 1 --out x.png"] {
        let outcome = limited(&place, 180_000, line);
        // A checkpoint whose tensors do not fit is rejected while it is read (code 5).
        assert!(matches!(outcome.code, Some(3 | 5)), "{line}: {:?} {}", outcome.code, outcome.err);
    }
}

/// The peak memory of the process of this command, in bytes, read while it runs.
#[cfg(target_os = "linux")]
fn peak(place: &Place, line: &str) -> f64 {
    let mut command = place.command(line);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command.env("RAYON_NUM_THREADS", "2");
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0.0_f64;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        most = most.max(peak.unwrap_or(0.0));
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert!(child.wait().unwrap().success(), "{line}");
    1024.0 * most
}

#[test]
#[cfg(target_os = "linux")]
fn what_is_planned_is_what_is_taken() {
    let lines = [
        "quickdraw --preset cpu --batch 16",
        "mnist",
        "wgan-gp --preset gauss8",
        "dcgan --preset mnist28 --batch 8",
        "cyclegan --set size=32 --set blocks=2",
        "progan --batch 4 --set size=16 --set stable_kimg=0.016 --set fade_kimg=0.016",
        "stylegan2 --preset grey --batch 2 --set size=16",
    ];
    let mut wrong = Vec::new();
    for line in lines {
        let place = Place::new();
        let mut dry = place.command(&format!("{line} --data built-in --steps 20 --dry-run"));
        dry.env("RAYON_NUM_THREADS", "2");
        let dry = finish(dry);
        assert_eq!(dry.code, Some(0), "{line}: {}", dry.err);
        let planned = bytes_of(&dry.out, "total memory");
        let steps = if line.starts_with("progan") { 20 } else { 2 };
        let taken = peak(&place, &format!("{line} --data built-in --steps {steps} --out run"));
        println!("{line}: planned {planned:.3e}, taken {taken:.3e}, ratio {:.2}", planned / taken);
        if !(0.75..1.25).contains(&(planned / taken)) {
            wrong.push(format!("{line}: planned {planned:.3e}, taken {taken:.3e}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[cfg(target_os = "linux")]
fn probes_take_at_most_a_tenth_more_memory() {
    // The weights of vanilla are large beside its images and activations.
    for line in ["vanilla", "folder"] {
        let [without, with] = ["--set probe_every=0", ""].map(|setting| {
            let place = Place::new();
            let run = |run| peak(&place, &format!("{line} --data built-in --steps 4 {setting} --out {run}"));
            // What the allocator holds back depends on the order in which the threads come.
            run("first").min(run("second"))
        });
        println!("{line}: {without:.3e} without probes, {with:.3e} with them, ratio {:.3}", with / without);
        assert!(with <= 1.1 * without, "{line}: {with:.3e} with probes, {without:.3e} without");
    }
}
