use super::file::read_setting;
use super::*;
use crate::systems::SYSTEMS;

fn entry() -> &'static Arc<Trainable> {
    &SYSTEMS[0]
}

fn set(text: &str) -> Assignment {
    read_setting(text).unwrap()
}

fn refused(entries: &[Assignment]) -> Failure {
    Config::resolve(entry(), entries).and_then(|config| config.build().map(|_| config)).unwrap_err()
}

#[test]
fn the_strongest_place_wins() {
    let mut entries = file::parse("steps = 10\nseed = 3\n[quickdraw]\nbatch = 8\nlatent = 4\n", "my.toml").unwrap();
    entries.push(set("batch=16"));
    entries.push(set("quickdraw.dropout=0.25"));
    entries.push(Assignment::option("--steps", "steps", 30));
    let config = Config::resolve(entry(), &entries).unwrap();
    assert_eq!((config.steps(), config.seed()), (30, 3));
    assert_eq!(config.show("quickdraw.batch"), "16");
    assert_eq!(config.show("quickdraw.latent"), "4");
    assert_eq!(config.show("quickdraw.dropout"), "0.25");
}

#[test]
fn an_option_and_a_set_of_the_same_key_must_agree() {
    for (option, key, value, other) in [
        ("--batch", "quickdraw.batch", Value::from(4), "batch=8"),
        ("--batch", "quickdraw.batch", Value::from(4), "quickdraw.batch=8"),
        ("--seed", "seed", Value::from(1), "seed=2"),
        ("--steps", "steps", Value::from(10), "steps=20"),
        ("--preset", "preset", Value::from("original"), "preset=cpu"),
        ("--data", "data", Value::from("a.npy"), "data=b.npy"),
        ("--class", "class", Value::from("7"), "class=8"),
        ("--sample-every", "sample_every", Value::from(5), "sample_every=6"),
    ] {
        let option = Assignment::option(option, key, value.clone());
        let same = format!("{key}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        Config::resolve(entry(), &[set(&same), option.clone()]).unwrap();
        let failure = refused(&[set(other), option.clone()]);
        assert_eq!(failure.code, Code::Usage, "{failure}");
        let text = failure.to_string();
        assert!(text.contains(&option.source.typed()) && text.contains(&format!("--set {other}")), "{text}");
        let run = Config::resolve(entry(), &[]).unwrap();
        assert_eq!(run.extended(&[set(other), option], Path::new("run")).unwrap_err().code, Code::Usage);
    }
}

#[test]
fn the_version_of_the_numerics_is_recorded_and_a_run_without_it_counts_as_the_first() {
    let new = Config::resolve(entry(), &[set("steps=3")]).unwrap();
    assert_eq!(new.numerics(), kernels::NUMERICS);
    assert!(new.to_toml().contains(&format!("\nnumerics = {}\n", kernels::NUMERICS)), "{}", new.to_toml());
    let read = |text: &str| Config::of_text(text, "config.toml", None).unwrap();
    let without: String =
        new.to_toml().lines().filter(|line| !line.starts_with("numerics")).map(|l| l.to_owned() + "\n").collect();
    assert_eq!(read(&without).numerics(), 1, "a run of an older version");
    assert_eq!(read("system = \"quickdraw\"\nsteps = 3\n").numerics(), kernels::NUMERICS, "nobody's run");
    let mut other = read(&new.to_toml().replace("numerics = ", "numerics = 9"));
    assert!(other.numerics() > 89 && new.differences(&other, ["new", "other"]).is_empty());
    let line = other.numerics_change_at(7).unwrap();
    assert!(
        line.contains(&format!("version {} of the numerics computed the run up to step 7", other.numerics())),
        "{line}"
    );
    assert!(line.contains(&format!("with version {}", kernels::NUMERICS)), "{line}");
    assert_eq!(other.numerics_change_at(0), None, "nothing is computed yet");
    assert!(other.numerics_changed().is_some());
    other.record_numerics();
    assert_eq!(
        (other.numerics(), other.numerics_changed(), other.numerics_change_at(7)),
        (kernels::NUMERICS, None, None)
    );
}

#[test]
fn a_number_with_many_zeros_is_shown_short() {
    let text = refused(&[set("clip=1e30")]).to_string();
    assert!(text.contains("`quickdraw.clip = 1e30`") && text.contains("1e30 is not in"), "{text}");
    assert!(!text.contains("000"), "{text}");
    let text = refused(&[set("clip=1e-13")]).to_string();
    assert!(text.contains("`quickdraw.clip = 1e-13`") && text.contains("range 1e-12 to 1e12"), "{text}");
}

#[test]
fn a_preset_fills_what_nobody_said_wherever_it_is_named() {
    let config = Config::resolve(entry(), &[set("batch=7"), set("preset=cpu")]).unwrap();
    assert_eq!(config.preset(), "cpu");
    assert_eq!(config.show("quickdraw.batch"), "7");
    let plain = Config::resolve(entry(), &[]).unwrap();
    assert_eq!((plain.preset(), plain.steps(), plain.show("quickdraw.batch").as_str()), ("original", 2000, "128"));
}

#[test]
fn what_is_written_reads_back_the_same() {
    let entries = [set("data=a \"b\".npy"), set("preset=cpu"), Assignment::option("--seed", "seed", 77)];
    let config = Config::resolve(entry(), &entries).unwrap();
    let again = Config::resolve(entry(), &file::parse(&config.to_toml(), "config.toml").unwrap()).unwrap();
    assert_eq!(config.to_toml(), again.to_toml());
    assert!(config.differences(&again, [""; 2]).is_empty());
}

#[test]
fn unknown_keys_are_named_with_their_line_and_the_nearest_key() {
    let entries = file::parse("steps = 10\n\n[quickdraw]\ndropuot = 0.5\n", "my.toml").unwrap();
    let text = refused(&entries).to_string();
    assert!(text.contains("quickdraw.dropuot") && text.contains("my.toml, line 4"), "{text}");
    assert!(text.contains("did you mean `quickdraw.dropout`"), "{text}");
    let text = refused(&[set("btach=3")]).to_string();
    assert!(text.contains("`btach`") && text.contains("quickdraw.batch"), "{text}");
    let text = refused(&[set("dcgan.batch=3")]).to_string();
    assert!(text.contains("unknown key `dcgan.batch`"), "{text}");
}

#[test]
fn wrong_types_and_ranges_say_what_is_allowed() {
    for (entry, words) in [
        (set("steps=many"), "expected: a whole number; got: text"),
        (set("steps=0"), "allowed: 1 to"),
        (set("seed=-1"), "allowed: 0 to"),
        (set("sample_every=0"), "allowed: 1 to"),
        (set("batch=2.5"), "expected: a whole number; got: a number"),
        (set("batch=-5"), "expected"),
        (set("batch=true"), "got: true or false"),
        (set("dropout=nan"), "finite"),
        (set("dropout=inf"), "finite"),
        (set("dropout=1e999"), "finite"),
        (set("batch=0"), ""),
        (set("dropout=1.5"), ""),
        (set("preset=cup"), "did you mean `cpu`"),
        (set("system=other"), "another system"),
    ] {
        let failure = refused(std::slice::from_ref(&entry));
        let text = failure.to_string();
        assert_eq!(failure.code, Code::Config, "{text}");
        assert!(text.contains(words), "{text}");
        assert!(text.contains("--set"), "says where: {text}");
    }
}

#[test]
fn set_wants_an_equals_sign() {
    for text in ["batch", "=3", ""] {
        assert_eq!(read_setting(text).unwrap_err().code, Code::Usage);
    }
    assert_eq!(set("dropout=.5").value, Value::Float(0.5));
    assert_eq!(set("data=a b").value, Value::String("a b".into()));
    assert_eq!(set("data=x\nsteps = 3").value, Value::String("x\nsteps = 3".into()));
}

#[test]
fn files_that_are_no_configuration_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let failure = read_file(&path).unwrap_err();
        assert_eq!(failure.code, Code::Config);
        failure.to_string()
    };
    assert!(read(b"steps = \n").contains("line 1"));
    assert!(read(b"a = 1\nsteps == 3\n").contains("line 2"));
    assert!(read(b"a = 1\na = 2\n").contains("line 2"));
    assert!(read(b"\xff\xfe").contains("byte 0"));
    assert!(read(&vec![b'#'; (1 << 20) + 1]).contains("at most 1048576"));
    read(&[b'['; 100_000]);
    assert!(read_file(folder.path()).unwrap_err().to_string().contains("folder"));
    assert!(read_file(&folder.path().join("none")).unwrap_err().to_string().contains("none"));
}

#[test]
fn a_resumed_run_takes_more_steps_and_refuses_another_seed() {
    let config = Config::resolve(entry(), &[set("seed=3")]).unwrap();
    let run = Path::new("runs/0001-quickdraw");
    let longer = config.extended(&[Assignment::option("--steps", "steps", 9000), set("seed=3")], run).unwrap();
    assert_eq!((longer.steps(), longer.seed()), (9000, 3));
    for (entry, old, new) in [
        (Assignment::option("--seed", "seed", 4), "3", "4"),
        (Assignment::option("--batch", "batch", 5), "128", "5"),
        (Assignment::option("--preset", "preset", "cpu"), "original", "cpu"),
    ] {
        let failure = config.extended(&[entry], run).unwrap_err();
        assert_eq!(failure.code, Code::Usage);
        let text = failure.to_string();
        assert!(text.contains("--resume") && text.contains(old) && text.contains(new), "{text}");
    }
}

/// A run of an older version has recorded all keys that existed then; a hand-written file with a
/// few keys means the current ones.
#[test]
fn what_a_run_did_not_write_down_is_what_it_was_then() {
    let entry = systems::find("wgan-gp").expect("a system");
    let window = |text: &str| {
        let entries = file::parse(text, "config.toml").unwrap();
        Config::resolve(&entry, &entries).unwrap().settings["window"].to_string()
    };
    let recorded = Config::resolve(&entry, &[]).unwrap().to_toml();
    assert_eq!(window(&recorded), "\"cropped\"");
    let older: String =
        recorded.lines().filter(|line| !line.starts_with("window")).map(|line| format!("{line}\n")).collect();
    assert_eq!(window(&older), "\"centred\"");
    assert_eq!(window("[wgan-gp]\nbatch = 7\n"), "\"cropped\"");
    let mut entries = file::parse(&older, "config.toml").unwrap();
    entries.push(set("window=cropped"));
    assert_eq!(Config::resolve(&entry, &entries).unwrap().settings["window"].to_string(), "\"cropped\"");
}

/// Settings that have a new name are accepted under the old one, in files and in `--set`, and are
/// stored under the new one.
#[test]
fn renamed_settings_are_accepted_under_their_old_names() {
    for text in ["bn_keep=0.7", "quickdraw.bn_keep=0.7"] {
        let config = Config::resolve(entry(), &[set(text)]).unwrap();
        assert_eq!(config.show("quickdraw.bn_momentum"), "0.7");
    }
    let recorded = Config::resolve(entry(), &[]).unwrap().to_toml();
    assert!(recorded.contains("bn_momentum = 0.9") && !recorded.contains("bn_keep"), "{recorded}");
    let older = file::parse(&recorded.replace("bn_momentum", "bn_keep"), "config.toml").unwrap();
    let config = Config::resolve(entry(), &older).unwrap();
    assert_eq!(config.to_toml(), recorded);
    let longer =
        config.extended(&[set("bn_keep=0.9"), Assignment::option("--steps", "steps", 9000)], Path::new("run")).unwrap();
    assert_eq!(longer.steps(), 9000);
}
