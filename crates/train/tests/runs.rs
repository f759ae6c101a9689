//! Whole runs: what they write, that they resume bit-identically, and what can be sampled from
//! them.

mod common;

use common::{Place, TINY, text};

#[test]
fn a_run_writes_what_it_promises_and_nothing_that_moves_the_cursor() {
    let place = Place::new();
    let outcome = place.good(&format!("{TINY} --steps 4 --sample-every 2 --checkpoint-every 2 --seed 5"));
    let run = place.path("runs/0001-quickdraw");
    for file in [
        "config.toml",
        "log.txt",
        "metrics.csv",
        "samples/reals.png",
        "samples/step-000000.png",
        "samples/step-000002.png",
        "samples/step-000004.png",
        "curves/loss.svg",
        "curves/loss.png",
        "curves/accuracy.svg",
        "curves/accuracy.png",
        "checkpoints/step-000002.safetensors",
        "checkpoints/step-000004.safetensors",
    ] {
        assert!(run.join(file).is_file(), "{file} is missing");
        assert!(outcome.out.contains(&format!("runs/0001-quickdraw/{file}")), "{file} is not listed: {}", outcome.out);
    }
    assert!(!run.join("lock").exists());
    for words in [
        "training",
        "data",
        "generator: 18",
        "parameters",
        "processor",
        "threads",
        "seed 5",
        "runs/0001-quickdraw",
        "step 4/4",
        "d_loss",
    ] {
        assert!(outcome.err.contains(words), "{words}: {}", outcome.err);
    }
    assert!(!format!("{}{}", outcome.out, outcome.err).contains(['\r', '\x1b']));

    let metrics = text(&run.join("metrics.csv"));
    let lines: Vec<&str> = metrics.lines().collect();
    assert_eq!((lines[0], lines.len()), ("step,d_loss,d_acc,g_loss,g_acc,seconds", 5));
    for (number, line) in lines[1..].iter().enumerate() {
        assert!(line.starts_with(&format!("{},", number + 1)) && line.split(',').count() == 6, "{line}");
    }
    let config = text(&run.join("config.toml"));
    assert!(config.contains("batch = 2") && config.contains("[quickdraw]") && !config.contains("threads"), "{config}");
    assert!(text(&run.join("log.txt")).contains("weights hash: "));

    let second = place.good(&format!("{TINY} --steps 4 --seed 5"));
    assert!(second.out.contains("runs/0002-quickdraw/"), "the next number");
    assert_eq!(second.out.lines().last(), outcome.out.lines().last(), "how often files are written changes no bit");
}

#[test]
fn the_clock_tells_where_the_time_went_and_changes_no_bit() {
    let place = Place::new();
    let plain = place.good(&format!("{TINY} --steps 4 --sample-every 2"));
    let timed = place.good(&format!("{TINY} --steps 4 --sample-every 2 --timings"));
    assert_eq!(plain.hash(), timed.hash());
    assert!(!plain.out.contains("forward ms"), "{}", plain.out);
    let row = |start: &str, kernel: &str| {
        let row = timed.out.lines().find(|line| line.starts_with(start) && line.contains(&format!(" {kernel} ")));
        row.unwrap_or_else(|| panic!("{start} {kernel}: {}", timed.out)).split_whitespace().collect::<Vec<_>>()
    };
    // A step runs the discriminator twice, forward and backward, and computes the gradients of its
    // weights once. Sheets that are drawn between steps are not counted.
    assert_eq!(row("discriminator.conv4", "conv2d")[2], "2");
    assert_eq!(row("discriminator.conv4", "conv2d_input_grad")[2], "2");
    assert_eq!(row("discriminator.conv4", "conv2d_weight_grad")[2], "1");
    assert_eq!(row("generator.convt3", "conv2d_input_grad")[2], "2");
    let shares = timed.out.lines().skip_while(|line| !line.starts_with("convolutions ")).take(6);
    let sum: f64 =
        shares.map(|line| line.rsplit(' ').next().unwrap().trim_end_matches('%').parse::<f64>().unwrap()).sum();
    assert!((sum - 100.0).abs() < 0.5, "{}", timed.out);
    assert!(timed.out.contains("large buffers (128 KiB and more) made in these steps: "), "{}", timed.out);
    let csv = text(&place.path("runs/0002-quickdraw/timings.csv"));
    assert!(
        csv.starts_with("layer,kernel,direction,") && csv.contains("\ndiscriminator.conv4,conv2d,forward,2,"),
        "{csv}"
    );
}

#[test]
fn the_resolved_configuration_makes_the_same_run() {
    let place = Place::new();
    let first = place.good(&format!("{TINY} --steps 2 --set dropout=0.25 --out a"));
    let again = place.good("quickdraw --config a/config.toml --out b");
    assert_eq!(first.hash(), again.hash());
    assert_eq!(text(&place.path("a/config.toml")), text(&place.path("b/config.toml")));
}

#[test]
fn threads_do_not_matter_and_the_seed_does() {
    let place = Place::new();
    let one = place.good(&format!("{TINY} --steps 2 --threads 1"));
    for threads in [2, 3] {
        assert_eq!(one.hash(), place.good(&format!("{TINY} --steps 2 --threads {threads}")).hash());
    }
    assert_ne!(one.hash(), place.good(&format!("{TINY} --steps 2 --seed 2")).hash());
}

#[test]
fn three_steps_and_three_more_are_six() {
    let place = Place::new();
    let whole = place.good(&format!("{TINY} --steps 6 --out whole"));
    place.good(&format!("{TINY} --steps 3 --out halves"));
    let halves = place.good("quickdraw --resume halves --steps 6");
    assert_eq!(whole.hash(), halves.hash());
    assert!(halves.err.contains("step-000003.safetensors, after step 3"), "{}", halves.err);
    let numbers = |run: &str| -> Vec<String> {
        let rows = text(&place.path(run).join("metrics.csv"));
        rows.lines().map(|row| row.rsplit_once(',').unwrap().0.to_owned()).collect()
    };
    assert_eq!(numbers("whole"), numbers("halves"));
    for file in ["samples/step-000006.png", "curves/loss.svg", "curves/accuracy.png"] {
        let read = |run: &str| std::fs::read(place.path(run).join(file)).unwrap();
        assert_eq!(read("whole"), read("halves"), "{file}");
    }
    let again = place.good("quickdraw --resume halves");
    assert_eq!(again.hash(), whole.hash(), "nothing left to do is no error");
    let file = place.good("quickdraw --resume halves/checkpoints/step-000003.safetensors --steps 6 --threads 1");
    assert_eq!(file.hash(), whole.hash(), "from a checkpoint file");
}

#[test]
fn a_damaged_newest_checkpoint_is_passed_over() {
    let place = Place::new();
    let whole = place.good(&format!("{TINY} --steps 6 --checkpoint-every 2 --out run"));
    let newest = place.path("run/checkpoints/step-000006.safetensors");
    let bytes = std::fs::read(&newest).unwrap();
    std::fs::write(&newest, &bytes[..bytes.len() / 2]).unwrap();
    std::fs::write(place.path("run/checkpoints/.step-000008.safetensors.tmp"), "half").unwrap();
    let resumed = place.good("quickdraw --resume run");
    assert_eq!(resumed.hash(), whole.hash());
    assert!(resumed.err.contains("passed over") && resumed.err.contains("incomplete"), "{}", resumed.err);
    assert!(resumed.err.contains("after step 4"), "{}", resumed.err);
    assert_eq!(place.checkpoints("run"), [4, 6]);
    assert!(!place.path("run/checkpoints/.step-000008.safetensors.tmp").exists());
    assert_eq!(text(&place.path("run/metrics.csv")).lines().count(), 7);
}

#[test]
fn the_notebooks_log_has_its_two_lines() {
    let place = Place::new();
    let outcome = place.good(&format!("{TINY} --steps 100 --log seed --sample-every 1000"));
    let mut lines = outcome.out.lines();
    assert_eq!(lines.next(), Some("Epoch #99"));
    let numbers = lines.next().unwrap();
    assert!(numbers.starts_with("99: [D loss: ") && numbers.contains("]  [A loss: "), "{numbers}");
    assert!(numbers.ends_with(']') && numbers.matches(", acc: ").count() == 2, "{numbers}");
    assert!(!outcome.err.contains("step 100/"), "{}", outcome.err);
}

#[test]
fn long_runs_write_few_lines() {
    let place = Place::new();
    let outcome = place.good(&format!("{TINY} --steps 220 --sample-every 1000"));
    assert!(outcome.err.contains("for 215 more steps ("), "the time that it will take: {}", outcome.err);
    let lines = outcome.err.lines().filter(|line| line.starts_with("step ") && line.contains("d_loss")).count();
    assert!((2..=40).contains(&lines), "{lines}");
}

#[test]
fn a_lone_checkpoint_is_enough_to_draw() {
    let place = Place::new();
    place.good(&format!("{TINY} --steps 1 --out run"));
    std::fs::copy(place.path("run/checkpoints/step-000001.safetensors"), place.path("lone.safetensors")).unwrap();
    place.good("sample lone.safetensors --count 2");
    assert!(place.path("sample-seed-1.png").is_file());
    place.bad("quickdraw --resume lone.safetensors", 5, &["not in a run folder", "lone.safetensors"]);
}

#[test]
fn a_run_can_be_moved() {
    let place = Place::new();
    let whole = place.good(&format!("{TINY} --steps 4 --out whole"));
    place.good(&format!("{TINY} --steps 2 --out here"));
    std::fs::rename(place.path("here"), place.path("there")).unwrap();
    assert_eq!(place.good("quickdraw --resume there/ --steps 4").hash(), whole.hash());
}

#[test]
fn systems_and_summaries_are_printed() {
    let place = Place::new();
    let systems = place.good("systems");
    assert!(systems.out.contains("quickdraw") && systems.out.contains("--preset cpu") && systems.err.is_empty());
    let (seed, cpu) = (place.good("summary quickdraw"), place.good("summary quickdraw --preset cpu --set batch=4"));
    assert!(seed.out.contains("discriminator") && seed.out.contains("generator"), "{}", seed.out);
    assert!(cpu.out.contains("discriminator") && cpu.err.is_empty(), "{}", cpu.out);
    assert!(std::fs::read_dir(place.folder.path()).unwrap().next().is_none(), "nothing is written");
}

#[test]
fn help_tells_examples_and_exit_codes() {
    let place = Place::new();
    for line in ["--help", "quickdraw --help", "-h"] {
        let help = place.good(line).out;
        assert!(help.contains("Exit codes:") && help.contains("130  interrupted"), "{help}");
    }
    assert!(place.good("--help").out.contains("Examples:"));
    assert!(place.good("--version").out.starts_with("train "));
}

/// A run that another process is still writing is rejected for this reason, even if its files
/// cannot be read: state that was read before taking the lock may be outdated, and resuming from it
/// would delete newer checkpoints.
#[test]
fn a_run_is_locked_before_it_is_read() {
    let place = Place::new();
    place.good(&format!("{TINY} --steps 2 --checkpoint-every 1 --out run"));
    let lock = std::fs::File::create(place.path("run/lock")).unwrap();
    lock.lock().unwrap();
    let same = format!("{TINY} --steps 2 --checkpoint-every 1 --out run");
    let held = |what: &str| {
        for line in
            ["quickdraw --resume run --steps 4", "quickdraw --resume run/checkpoints/step-000002.safetensors", &same]
        {
            let outcome = place.train(line);
            let output = format!("{what}: train {line}\n{}", outcome.err);
            assert!(outcome.code == Some(2) && outcome.err.contains("another process is working"), "{output}");
        }
    };
    held("a sound run");
    for step in place.checkpoints("run") {
        std::fs::write(place.path(&format!("run/checkpoints/step-{step:06}.safetensors")), "half").unwrap();
    }
    held("checkpoints that are being written");
    std::fs::write(place.path("run/config.toml"), "system = ").unwrap();
    held("a configuration that is being written");
    drop(lock);
    place.bad("quickdraw --resume run --steps 4", 3, &["config.toml"]);
}

/// No message has `1 images`, `1 steps` and the like.
#[test]
fn one_thing_is_singular() {
    let place = Place::new();
    let run = place.good(&format!("{TINY} --steps 1 --threads 1 --out run"));
    std::fs::create_dir(place.path("pics")).unwrap();
    std::fs::copy(place.path("run/samples/reals.png"), place.path("pics/a.png")).unwrap();
    std::fs::copy(place.path("run/samples/reals.png"), place.path("pics/b.png")).unwrap();
    let mut output = vec![run.err, run.out];
    for line in [
        "sample run --count 1 --out one.png",
        "sample run --interpolate --count 1 --frames 1 --keys 2 --out walk.png",
        "animate run --every 7 --out film.png",
        "quickdraw --resume run --steps 3 --threads 1",
        "folder --data pics --batch 2 --set size=28 --set width=2 --steps 1",
        "gradcheck matmul",
        "explain --preset scalar",
        "sample run --count 0",
    ] {
        let outcome = place.train(line);
        output.extend([outcome.err, outcome.out]);
    }
    let output = output.join("\n");
    assert!(output.contains("1 thread\n") && output.contains("Found 2 images belonging to 1 class."), "{output}");
    let plural = |pair: &&[&str]| {
        let one = pair[0].trim_start_matches('(') == "1" || pair[0].ends_with("/1");
        let noun = pair[1].trim_end_matches([',', '.', ';', ')', ':']);
        one && noun.len() > 3 && noun.ends_with('s') && !noun.ends_with("ss") && !noun.contains('_')
    };
    let pairs = output.lines().flat_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.windows(2).filter(plural).map(|pair| pair.join(" ")).collect::<Vec<_>>()
    });
    let wrong: Vec<String> = pairs.collect();
    assert!(wrong.is_empty(), "{wrong:?} in:\n{output}");
}
