//! Every failure says what went wrong, where, why, and what to do about it, and has its exit code.

mod common;

use common::{Place, TINY, finish, text};

const USAGE: i32 = 2;
const CONFIG: i32 = 3;
const CHECKPOINT: i32 = 5;
const STORAGE: i32 = 7;

#[test]
fn the_command_line() {
    let place = Place::new();
    place.bad("", USAGE, &["Usage"]);
    place.bad("quikdraw", USAGE, &["quikdraw", "'quickdraw'"]);
    place.bad("smaple x", USAGE, &["'sample'"]);
    place.bad("quickdraw --step 3", USAGE, &["--step"]);
    place.bad("quickdraw --sede 3", USAGE, &["--sede", "--seed"]);
    place.bad("quickdraw --steps many", USAGE, &["--steps", "many"]);
    place.bad("quickdraw --threads 0", USAGE, &["--threads", "1..=1024"]);
    place.bad("quickdraw --threads 100000", USAGE, &["--threads"]);
    place.bad("quickdraw --seed 1 --seed 2", USAGE, &["--seed", "multiple"]);
    place.bad("quickdraw --resume a --out b", USAGE, &["--resume", "--out"]);
    place.bad("quickdraw --resume a --config b", USAGE, &["--resume", "--config"]);
    place.bad("quickdraw --set batch", USAGE, &["key=value", "--set batch=32"]);
    place.bad("quickdraw --log loud", USAGE, &["notebook", "default"]);
    place.bad("summary quickdrow", USAGE, &["quickdraw"]);
    assert!(std::fs::read_dir(place.folder.path()).unwrap().next().is_none(), "nothing is written");
}

#[test]
fn the_configuration() {
    let place = Place::new();
    let file = place.path("my.toml");
    std::fs::write(&file, "steps = 3\n[quickdraw]\nbatch = 4\ndropuot = 0.5\n").unwrap();
    place.bad("quickdraw --config my.toml", CONFIG, &["quickdraw.dropuot", "my.toml, line 4", "`quickdraw.dropout`"]);
    std::fs::write(&file, "steps = \"three\"\n").unwrap();
    place.bad("quickdraw --config my.toml", CONFIG, &["`steps`", "line 1", "expected: a whole number", "text"]);
    std::fs::write(&file, "steps = = 3\n").unwrap();
    place.bad("quickdraw --config my.toml", CONFIG, &["not valid TOML", "line 1"]);
    place.bad("quickdraw --config none.toml", CONFIG, &["none.toml"]);
    place.bad("quickdraw --config .", CONFIG, &["folder"]);
    place.bad("quickdraw --set depht=3", CONFIG, &["unknown key `depht`", "--set depht=3", "quickdraw.depth"]);
    place.bad("quickdraw --set dropout=nan", CONFIG, &["quickdraw.dropout", "finite"]);
    place.bad("quickdraw --set dropout=1.5", CONFIG, &["quickdraw.dropout", "--set dropout=1.5", "why:"]);
    place.bad("quickdraw --batch 0", CONFIG, &["quickdraw.batch", "option --batch", "why:"]);
    place.bad("quickdraw --steps 0", CONFIG, &["steps = 0", "option --steps", "allowed: 1 to"]);
    place.bad("quickdraw --steps=-1", CONFIG, &["allowed: 1 to"]);
    place.bad("quickdraw --sample-every 0", CONFIG, &["sample_every", "allowed: 1 to"]);
    place.bad("quickdraw --preset gpu", CONFIG, &["gpu", "cpu"]);
    place.bad("summary quickdraw --set depth=x", CONFIG, &["quickdraw.depth", "got: text"]);
    assert!(!place.path("runs").exists(), "nothing is written");
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_configuration() {
    let place = Place::new();
    place.good(&format!("{TINY} --steps 2 --out run"));
    for name in ["run/config.toml", "run/metrics.csv"] {
        std::fs::write(place.path(name), format!("\u{feff}{}", text(&place.path(name)))).unwrap();
    }
    let again = place.good("quickdraw --config run/config.toml --out again");
    let on = place.good("quickdraw --resume run --steps 3");
    assert!(!on.err.contains("damaged"), "{}", on.err);
    assert_eq!(again.hash(), place.good(&format!("{TINY} --steps 2 --out other")).hash());
    assert!(text(&place.path("run/metrics.csv")).starts_with("step,") && !on.hash().is_empty());
}

#[test]
fn an_instruction_set_that_is_not_there_is_refused_before_anything_else() {
    let place = Place::new();
    let translate = "translate none in --direction AtoB --out out";
    for line in [TINY, "sample none", "evaluate none", "evalnet mnist", "gradcheck", "derive matmul", translate] {
        let mut command = place.command(line);
        command.env("BACKDRAW_ISA", "mmx");
        let outcome = finish(command);
        assert!(
            outcome.code == Some(CONFIG) && outcome.err.contains("BACKDRAW_ISA=mmx"),
            "{line}: {:?} {}",
            outcome.code,
            outcome.err
        );
    }
}

#[test]
fn numbers_of_threads_that_no_machine_has_are_refused_before_anything_else() {
    let place = Place::new();
    for value in ["100000", "0", "-1", "abc"] {
        for line in [TINY, "sample none", "gradcheck", "evaluate none"] {
            let mut command = place.command(line);
            command.env("RAYON_NUM_THREADS", value);
            let outcome = finish(command);
            let context = format!("{value}, {line}: {:?} {}", outcome.code, outcome.err);
            assert_eq!(outcome.code, Some(CONFIG), "{context}");
            assert!(outcome.err.contains(&format!("RAYON_NUM_THREADS={value}; allowed: 1 to 1024")), "{context}");
        }
    }
    let mut command = place.command(&format!("{TINY} --steps 1 --threads 1"));
    command.env("RAYON_NUM_THREADS", "100000");
    assert_eq!(finish(command).code, Some(0), "the option counts");
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let place = Place::new();
    assert!(place.train("quickdraw --batch 0").err.starts_with("error: "));
    assert!(place.train("quickdraw --batch 0 --color never").err.starts_with("error: "));
    assert!(place.train("quickdraw --batch 0 --color always").err.starts_with("\x1b[1;31merror:\x1b[0m "));
}

#[test]
fn the_run_folder() {
    let place = Place::new();
    place.good(&format!("{TINY} --steps 1 --out run"));
    let before = text(&place.path("run/config.toml"));
    place.bad(&format!("{TINY} --out run"), USAGE, &["run", "not empty", "--resume run"]);
    assert_eq!(text(&place.path("run/config.toml")), before);
    std::fs::write(place.path("file"), "x").unwrap();
    place.bad(&format!("{TINY} --out file"), USAGE, &["it is a file"]);
    std::fs::write(place.path("runs"), "x").unwrap();
    place.bad(TINY, STORAGE, &["runs", "why:"]);
}

#[test]
fn options_that_do_not_go_with_a_resumed_run() {
    let place = Place::new();
    place.good(&format!("{TINY} --steps 2 --seed 3 --out run"));
    for (option, words) in [
        ("--seed 4", ["option --seed", "seed = 3", "the command asks for 4"]),
        ("--batch 8", ["option --batch", "quickdraw.batch = 2", "the command asks for 8"]),
        ("--preset original", ["option --preset", "\"cpu\"", "\"original\""]),
        ("--class cat", ["option --class", "(none)", "\"cat\""]),
        ("--set dropout=0.1", ["--set dropout=0.1", "quickdraw.dropout", "the command asks for 0.1"]),
    ] {
        let line = format!("quickdraw --resume run --steps 4 {option}");
        place.bad(&line, USAGE, &[&words[..], &["--resume", "run/config.toml"]].concat());
    }
    place.bad("quickdraw --resume run --steps 1", USAGE, &["steps done: 2", "new total: 1"]);
    place.good("quickdraw --resume run --steps 3 --seed 3 --sample-every 7 --threads 1");
    assert!(text(&place.path("run/config.toml")).contains("steps = 3"));
}

#[test]
fn checkpoints() {
    let place = Place::new();
    place.good(&format!("{TINY} --steps 2 --checkpoint-every 1 --out run"));
    place.bad("quickdraw --resume rnu", CHECKPOINT, &["rnu", "did you mean `./run`"]);
    place.bad("sample nothing-like-it", CHECKPOINT, &["nothing-like-it", "no such run"]);
    std::fs::create_dir(place.path("empty")).unwrap();
    std::fs::write(place.path("empty/notes.txt"), "").unwrap();
    place.bad("quickdraw --resume empty", CHECKPOINT, &["without checkpoints", "notes.txt"]);
    for name in ["model.pt", "model.pkl", "model.pth"] {
        std::fs::write(place.path(name), b"\x80\x02}q\x00.").unwrap();
        place.bad(&format!("quickdraw --resume {name}"), CHECKPOINT, &[name, "pickle", "any code"]);
    }
    std::fs::write(place.path("page.safetensors"), "<!DOCTYPE html><html></html>").unwrap();
    place.bad("sample page.safetensors", CHECKPOINT, &["page.safetensors", "not a .safetensors file"]);

    let file = place.path("run/checkpoints/step-000002.safetensors");
    let good = std::fs::read(&file).unwrap();
    let name = "run/checkpoints/step-000002.safetensors";
    std::fs::write(&file, &good[..good.len() - 1]).unwrap();
    let both = [name, &format!("incomplete: {} bytes of {}", good.len() - 1, good.len())];
    place.bad(&format!("quickdraw --resume {name}"), CHECKPOINT, &both);
    std::fs::write(&file, []).unwrap();
    place.bad(&format!("sample {name}"), CHECKPOINT, &["incomplete: 0 bytes"]);
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    std::fs::write(&file, &flipped).unwrap();
    place.bad(&format!("quickdraw --resume {name}"), CHECKPOINT, &["checksum", "older checkpoint"]);
    std::fs::write(place.path("run/checkpoints/step-000001.safetensors"), "rot").unwrap();
    place.bad("quickdraw --resume run", CHECKPOINT, &["none of the run's checkpoints", "step-000001", "step-000002"]);

    std::fs::write(&file, &good).unwrap();
    let config = text(&place.path("run/config.toml"));
    std::fs::write(place.path("run/config.toml"), config.replace("batch = 2", "batch = 4")).unwrap();
    place.bad(
        "quickdraw --resume run",
        CHECKPOINT,
        &["a different configuration", "quickdraw.batch: 4 in config.toml, 2 in the checkpoint"],
    );
    std::fs::write(place.path("run/config.toml"), config.replace("quickdraw", "otherdraw")).unwrap();
    place.bad("quickdraw --resume run", CONFIG, &["otherdraw"]);
    std::fs::remove_file(place.path("run/config.toml")).unwrap();
    place.bad("quickdraw --resume run", CHECKPOINT, &["not a run folder", "no config.toml"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_names_the_file_and_loses_nothing() {
    let place = Place::new();
    place.good(&format!("{TINY} --steps 2 --out run"));
    let log = place.path("run/log.txt");
    std::fs::remove_file(&log).unwrap();
    std::os::unix::fs::symlink("/dev/full", &log).unwrap();
    place.bad("quickdraw --resume run --steps 4", STORAGE, &["run/log.txt", "No space left", "help:"]);
    std::fs::remove_file(&log).unwrap();
    assert!(!place.path("run/lock").exists());
    place.good("quickdraw --resume run --steps 4");

    // A folder in place of the file: no user, not even root, can write to it.
    let blocked = place.path("run/checkpoints/step-000006.safetensors");
    std::fs::create_dir_all(blocked.join("x")).unwrap();
    place.bad("quickdraw --resume run --steps 6", STORAGE, &["step-000006.safetensors", "why:", "--resume run"]);
    assert!(place.checkpoints("run").contains(&4));
    std::fs::remove_dir_all(blocked).unwrap();
    // A sheet that cannot be written does not stop the training.
    let sheet = place.path("run/samples/step-000006.png");
    std::fs::remove_file(&sheet).unwrap();
    std::fs::create_dir_all(sheet.join("x")).unwrap();
    let outcome = place.good("quickdraw --resume run --steps 6 --sample-every 1");
    assert!(outcome.err.contains("warning") && outcome.err.contains("step-000006.png"), "{}", outcome.err);
    assert_eq!(place.checkpoints("run").last(), Some(&6));
}

#[test]
#[cfg(target_os = "linux")]
fn standard_output_that_nobody_reads_is_no_error_and_a_full_one_is() {
    let place = Place::new();
    let mut command = place.command("systems");
    command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let outcome = finish(command);
    assert_eq!(outcome.code, Some(STORAGE), "{}", outcome.err);

    let mut child = place.command(&format!("{TINY} --steps 3 --out run")).spawn().unwrap();
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(place.checkpoints("run"), [3]);
}
