//! Checks the README, the Manual and the other texts against the program: their commands and tables
//! are correct, their links have targets, and their pictures were made by this code.

mod common;

use std::path::{Path, PathBuf};

use common::{Place, text};
use guide::manual;
use guide::markdown::{blocks, prose};
use metrics::suite::{METRICS, Metric, Of};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn readme() -> String {
    text(&root().join("README.md"))
}

/// The page of the Manual of this name.
fn page(name: &str) -> &'static str {
    manual::PAGES.iter().find(|(other, _)| *other == name).map(|(_, text)| *text).expect("a page of the Manual")
}

fn train(line: &str) -> String {
    Place::new().good(line).out
}

/// The README and the pages of the Manual: the path of each, and its text.
fn pages() -> Vec<(String, String)> {
    let manual = manual::PAGES.iter().map(|(name, text)| (format!("manual/{name}.md"), (*text).to_owned()));
    std::iter::once(("README.md".to_owned(), readme())).chain(manual).collect()
}

/// The commands of the program in `line`, without comments: `train ...`, or
/// `cargo run -p train -- ...`.
fn commands(line: &str) -> Vec<String> {
    let line = line.replace("cargo run -p train -- ", "train ");
    let starts = line.match_indices("train ").map(|(at, _)| at);
    let starts = starts.filter(|&at| line[..at].chars().last().is_none_or(|c| c == ' ' || c == '`'));
    let end_of = |rest: &str| {
        let mut is_quoted = false;
        let ends = |c: char| {
            is_quoted ^= c == '"';
            !is_quoted && ['`', '|', ';', '&', '>', '#'].contains(&c)
        };
        rest.find(ends).unwrap_or(rest.len())
    };
    starts.map(|at| &line[at + 6..]).map(|rest| rest[..end_of(rest)].trim().to_owned()).collect()
}

/// Every command in a code block or in a code span.
fn all_commands() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, text) in pages() {
        let block_lines = blocks(&text).into_iter().filter(|block| ["sh", "console"].contains(&block.kind));
        let block_lines = block_lines.flat_map(|block| block.text.lines().map(str::to_owned).collect::<Vec<_>>());
        let indented = prose(&text).into_iter().filter_map(|(_, line)| Some(line.strip_prefix("    ")?.to_owned()));
        let inline = prose(&text).into_iter().filter(|(_, line)| !line.starts_with("    "));
        let inline = inline.flat_map(|(_, line)| line.split('`').skip(1).step_by(2)).map(str::to_owned);
        let lines: Vec<String> = block_lines.chain(indented).chain(inline).collect();
        found.extend(lines.iter().flat_map(|line| commands(line)).map(|command| (name.clone(), command)));
    }
    found
}

#[test]
fn commands_are_found() {
    assert_eq!(commands("cargo run -p train -- sample RUN --count 4   # four"), ["sample RUN --count 4"]);
    assert_eq!(commands("until timeout 3600 train quickdraw --out a; do"), ["quickdraw --out a"]);
    assert_eq!(commands("train sample R --latents \"a & b\" & wait"), ["sample R --latents \"a & b\""]);
    assert!(commands("constrain it").is_empty());
}

#[test]
fn every_command_and_option_exists() {
    let mut seen = 0;
    for (name, command) in all_commands() {
        let Some(first) = command.split_whitespace().next().filter(|word| word.starts_with(char::is_lowercase)) else {
            continue; // `train SYSTEM`
        };
        // Of a command with commands of its own, the inner one has the options.
        let inner = command.split_whitespace().nth(1).filter(|_| first == "runs").unwrap_or_default();
        let help = train(&format!("{first} {inner} --help"));
        for word in command.split_whitespace().filter(|word| word.starts_with("--")) {
            let there = help.split(|c: char| !c.is_alphanumeric() && c != '-').any(|other| other == word);
            assert!(there || word == "--help", "{name}: `train {command}` has an option that does not exist: {word}");
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen} options in commands");
}

/// Runs every training command as a dry run, with existing data: its preset and its settings must
/// exist.
#[test]
fn commands_that_train_are_accepted() {
    let systems = train("systems");
    let names: Vec<&str> = systems.lines().filter_map(|line| line.split([' ', '\n']).next()).collect();
    let place = Place::new();
    // The run that `--from` starts from.
    place.good(&format!("{} --data built-in --steps 1 --out runs/0001-quickdraw", common::TINY));
    let checkpoints = place.path("runs/0001-quickdraw/checkpoints");
    std::fs::copy(checkpoints.join("step-000001.safetensors"), checkpoints.join("step-000500.safetensors")).unwrap();
    let mut seen = 0;
    for (name, command) in all_commands() {
        let words = shlex::split(&command).unwrap();
        let trains = words.first().is_some_and(|first| names.contains(&&**first));
        let given =
            ["--resume", "--config", "--class", "--from"].iter().any(|option| words.iter().any(|word| word == option));
        if !trains || given {
            continue;
        }
        let mut dry = place.command("");
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--data" => _ = words.next(),
                "--dry-run" => (),
                "$SLURM_CPUS_PER_TASK" => _ = dry.arg("1"),
                _ => _ = dry.arg(word),
            }
        }
        // Points need no images.
        dry.args(if command.contains("gauss") { &["--dry-run"][..] } else { &["--dry-run", "--data", "built-in"] });
        let outcome = common::finish(dry);
        assert_eq!(outcome.code, Some(0), "{name}: `train {command}`\n{}", outcome.err);
        seen += 1;
    }
    assert!(seen > 20, "{seen} commands");
}

#[test]
fn the_layers_in_the_manual_are_those_of_the_program() {
    let summary = train("summary quickdraw");
    assert!(page("settings").contains(summary.trim()), "paste this into manual/settings.md:\n{summary}");
}

#[test]
fn every_option_of_a_training_is_in_the_manual() {
    let help = train("quickdraw -h");
    let options = help.lines().filter_map(|line| line.trim_start().strip_prefix("--")?.split([' ', ',']).next());
    let global = ["color", "help", "version"];
    for option in options.filter(|option| !global.contains(option)) {
        assert!(page("running").contains(&format!("| `--{option}")), "manual/running.md has no --{option}:\n{help}");
    }
}

#[test]
fn the_signs_and_the_rules_in_the_manual_are_those_of_the_program() {
    let (page, chapters) = (page("sick"), guide::CHAPTERS);
    let (_, chapter) = chapters.iter().find(|(name, _)| *name == "c13_sick_runs").expect("the chapter");
    let slug = |line: &str| line.strip_prefix("## ").map(|heading| heading.to_lowercase().replace(' ', "-"));
    let headings: Vec<String> = chapter.lines().filter_map(slug).collect();
    for sign in runs::diagnosis::SIGNS {
        let row = format!("| `{}` | {} | {} | {} |", sign.id, sign.title, sign.meaning, sign.severity.name());
        assert!(page.contains(&row), "manual/sick.md needs the row\n{row}");
        assert!(page.contains(&format!("(../c13_sick_runs.md#{})", sign.chapter)), "{}", sign.id);
        assert!(headings.iter().any(|heading| heading == sign.chapter), "{}: {headings:?}", sign.chapter);
    }
    for rule in models::trainer::lint::RULES {
        let row = format!("| `{}` | {} | {} | {} |", rule.id, rule.severity.name(), rule.about, rule.remedy);
        assert!(page.contains(&row), "manual/sick.md needs the row\n{row}");
    }
}

#[test]
fn the_presets_in_the_manual_are_those_of_the_program() {
    let sections: Vec<&str> = page("systems").split("\n## ").skip(1).collect();
    let mut rest = sections.iter();
    let systems = train("systems");
    let mut lines = systems.lines().peekable();
    while let Some(system) = lines.next().and_then(|line| line.split_whitespace().next()) {
        let section = rest.next().unwrap_or_else(|| panic!("manual/systems.md has no section on {system}"));
        assert!(section.starts_with(&format!("{system}\n")), "manual/systems.md should continue with {system}");
        let mut presets = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with(' ')) {
            presets.extend(line.trim_start().strip_prefix("--preset ").and_then(|line| line.split_whitespace().next()));
        }
        let shown = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        assert_eq!(shown.collect::<Vec<_>>(), presets, "manual/systems.md, {system}");
        assert!(readme().contains(&format!("`{system}`")), "README.md does not name {system}");
    }
    assert!(rest.next().is_none());
}

#[test]
fn the_measures_in_the_manual_are_those_of_the_program() {
    let help = train("evaluate --help");
    let listed = |heading: &str| {
        let (_, rest) = help.split_once(&format!("{heading}:\n")).unwrap_or_else(|| panic!("no {heading} in:\n{help}"));
        rest.lines()
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    for name in listed("Metrics").iter().chain(&listed("Feature extractors")) {
        assert!(page("evaluating").contains(&format!("`{name}`")), "manual/evaluating.md does not have `{name}`");
    }
    let said = page("evaluating").split_whitespace().collect::<Vec<_>>().join(" ");
    let named = |chosen: &dyn Fn(&Metric) -> bool| {
        let names: Vec<String> =
            METRICS.iter().filter(|metric| chosen(metric)).map(|metric| format!("`{}`", metric.name)).collect();
        let (last, others) = names.split_last().expect("some measures");
        format!("{} and {last}", others.join(", "))
    };
    let [classes, quick] = [named(&|metric| metric.of == Of::Classes), named(&|metric| metric.quick)];
    assert!(
        said.contains(&format!("all of them on 2,500 generated images, except {classes}, which need")),
        "{classes}"
    );
    assert!(said.contains(&format!("`--evaluate-every` computes {quick} on 1,000 generated images")), "{quick}");
}

#[test]
fn the_learning_rates_in_the_manual_are_those_of_the_systems() {
    let (_, rest) = page("settings").split_once("## Learning rates\n").expect("the section");
    let rows: Vec<(&str, &str)> = rest
        .lines()
        .take_while(|line| !line.starts_with("##"))
        .filter_map(|line| line.strip_prefix("| `")?.split_once(" | "))
        .collect();
    for system in runs::systems::SYSTEMS.iter() {
        let name = format!("`{}`", system.name);
        let row = rows.iter().find(|(systems, _)| format!("`{systems}").split(", ").any(|one| one == name));
        let (_, keys) = row.unwrap_or_else(|| panic!("manual/settings.md has no learning rate of {name}"));
        for preset in system.presets {
            for key in system.settings(preset.name).keys().filter(|key| key.ends_with("learning_rate")) {
                assert!(keys.contains(&format!("`{key}`")), "manual/settings.md, {name}: {key}");
            }
        }
        for key in keys.split('`').skip(1).step_by(2) {
            assert!(system.settings(system.presets[0].name).contains_key(key), "{name} has no {key}");
        }
    }
}

#[test]
fn the_exit_codes_in_the_manual_are_those_of_the_program() {
    let help = train("--help");
    let (_, codes) = help.split_once("Exit codes:\n").expect("the codes");
    // Lines that continue the one above are indented further.
    let codes = codes.lines().filter(|line| line.len() < line.trim_start().len() + 6);
    let codes = codes.filter_map(|line| line.split_whitespace().next()?.parse::<u8>().ok());
    let shown =
        page("troubleshooting").lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok());
    assert_eq!(shown.collect::<Vec<u8>>(), codes.collect::<Vec<_>>());
}

#[test]
fn the_techniques_in_the_manual_are_those_of_the_systems() {
    let systems = train("systems");
    let names = systems.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_whitespace().next());
    let mut rows: Vec<(Vec<&'static str>, Vec<&str>)> = Vec::new();
    for name in names {
        let switches = models::trainer::switches::of(name);
        match rows.iter_mut().find(|(of, _)| *of == switches) {
            Some((_, systems)) => systems.push(name),
            None => rows.push((switches, vec![name])),
        }
    }
    // The longest list comes first.
    rows.sort_by_key(|(switches, _)| std::cmp::Reverse(switches.len()));
    for switch in &rows[0].0 {
        assert!(page("settings").contains(&format!("`{switch}`")), "manual/settings.md does not explain `{switch}`");
    }
    let coded = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let row = |(switches, systems): &(Vec<&str>, Vec<&str>)| {
        let switches = if switches.is_empty() { "none".to_owned() } else { coded(switches) };
        format!("| {} | {switches} |\n", coded(systems))
    };
    let table = format!("| systems | settings |\n|---|---|\n{}", rows.iter().map(row).collect::<String>());
    assert!(page("settings").contains(&table), "paste this into manual/settings.md:\n{table}");
    assert!(readme().contains(&table), "paste this into README.md:\n{table}");
}

/// A row for each reason why systems lack settings: the systems, the settings, the reason.
#[test]
fn the_reasons_why_systems_lack_techniques_are_those_of_the_program() {
    use models::trainer::switches;
    type Row = (Vec<&'static str>, Vec<&'static str>, &'static str);
    let mut rows: Vec<Row> = Vec::new();
    for system in runs::systems::SYSTEMS.iter().map(|system| system.name) {
        let mut own: Vec<(Vec<&str>, &str)> = Vec::new();
        for &(key, _) in switches::SWITCHES {
            let Some(why) = switches::missing(system, key) else { continue };
            match own.iter_mut().find(|(_, reason)| *reason == why) {
                Some((keys, _)) => keys.push(key),
                None => own.push((vec![key], why)),
            }
        }
        for (keys, why) in own {
            match rows.iter_mut().find(|(_, known, reason)| (known, *reason) == (&keys, why)) {
                Some((systems, ..)) => systems.push(system),
                None => rows.push((vec![system], keys, why)),
            }
        }
    }
    let coded = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let row = |(systems, keys, why): &Row| format!("| {} | {} | {why} |\n", coded(systems), coded(keys));
    let rows = rows.iter().map(row).collect::<String>();
    let table = format!("| systems | settings | why not |\n|---|---|---|\n{rows}");
    assert!(page("settings").contains(&table), "paste this into manual/settings.md:\n{table}");
}

/// The paths of all texts of the project, without `SUMMARY.md` and the pages of the guide, which
/// have links of another kind.
fn texts() -> Vec<PathBuf> {
    let skipped = ["target", ".git", "runs", "data", "node_modules"];
    let mut folders = vec![root()];
    let mut found = vec![root().join("data/README.md")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if entry.file_type().unwrap().is_dir() {
                if !skipped.contains(&&*name) && !path.ends_with("guide/src") {
                    folders.push(path);
                }
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found.extend(manual::PAGES.iter().map(|(name, _)| root().join(format!("crates/guide/src/manual/{name}.md"))));
    found
}

#[test]
fn every_link_leads_to_a_file() {
    let mut seen = 0;
    for path in texts() {
        let text = text(&path);
        for target in guide::markdown::links(&text).iter().filter(|target| !target.starts_with("http")) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            // Links to items, in the texts that rustdoc renders.
            if file.contains("::") || (!file.contains('.') && path.ends_with("fast_path.md")) {
                continue;
            }
            let there = file.is_empty() || path.parent().unwrap().join(file).exists();
            assert!(there, "{} links to {target}, which is not there", path.display());
            if file.is_empty() {
                let is_kept = |letter: &char| letter.is_alphanumeric() || " -_".contains(*letter);
                let place = |line: &str| {
                    let title: String = line.trim_start_matches('#').trim().chars().filter(is_kept).collect();
                    title.to_lowercase().replace(' ', "-")
                };
                let found = text.lines().any(|line| line.starts_with('#') && place(line) == heading);
                assert!(found, "{} links to its heading {heading}, which is not there", path.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen} links");
}

/// The arrows of the first block of ARCHITECTURE.md: from which crate to which.
fn arrows() -> Vec<(String, String)> {
    let text = text(&root().join("ARCHITECTURE.md"));
    let block = &blocks(&text)[0].text;
    let first: Vec<char> = block.lines().next().unwrap().chars().collect();
    let mut found = Vec::new();
    for line in block.lines() {
        // A line that begins with a corner continues from the crate of the first line above that
        // corner.
        let start = line.chars().take_while(|c| *c == ' ').count();
        let is_name = |c: &char| c.is_alphanumeric();
        let from = first[..=start].iter().rposition(|c| !is_name(c)).map_or(0, |at| at + 1);
        let above: String = first[from..].iter().take_while(|c| is_name(c)).collect();
        let names: Vec<String> =
            line.split(|c: char| !c.is_alphanumeric()).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let chain: Vec<String> = if start == 0 { names } else { [vec![above], names].concat() };
        found.extend(chain.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())));
    }
    found
}

/// Each arrow is a dependency, and each dependency is a path of arrows, so there are no cycles.
#[test]
fn the_crates_depend_on_each_other_as_drawn() {
    let arrows = arrows();
    let below = |name: &str| {
        let mut reached = vec![name.to_owned()];
        let mut next = 0;
        while next < reached.len() {
            let new: Vec<String> =
                arrows.iter().filter(|(from, _)| *from == reached[next]).map(|(_, to)| to.clone()).collect();
            reached.extend(new.into_iter().filter(|to| !reached.contains(to)).collect::<Vec<_>>());
            next += 1;
        }
        reached
    };
    let drawn = [below("train"), vec!["backdraw".to_owned()]].concat();
    for name in &drawn {
        let manifest = text(&root().join(format!("crates/{name}/Cargo.toml")));
        let (_, dependencies) = manifest.split_once("\n[dependencies]").unwrap();
        let dependencies = dependencies.split("\n[").next().unwrap();
        let dependencies: Vec<&str> = dependencies.lines().filter_map(|line| line.split(['.', ' ']).next()).collect();
        let ours = ["guide", "exercises"].map(str::to_owned);
        for dependency in dependencies.iter().filter(|other| drawn.iter().chain(&ours).any(|name| name == *other)) {
            assert!(below(name).iter().any(|other| other == dependency), "ARCHITECTURE.md: {name} needs {dependency}");
        }
        for (_, to) in arrows.iter().filter(|(from, _)| from == name) {
            assert!(dependencies.contains(&&**to), "ARCHITECTURE.md: {name} does not need {to}");
        }
        assert!(below(name)[1..].iter().all(|other| !below(other).contains(name)), "{name} needs itself");
    }
    assert!(drawn.len() >= 10, "{drawn:?}");
}

/// The first picture of the gallery shows the untrained network of the default run. It is drawn
/// again here, and is the same file as long as the weights, the latents, the generator and the
/// drawing of sheets do not change.
#[test]
fn the_gallery_is_of_this_code() {
    let place = Place::new();
    place.good("quickdraw --data built-in --steps 1 --out run");
    let [drawn, shown] =
        [place.path("run/samples/step-000000.png"), root().join("data/gallery/quickdraw/step-000000.png")];
    let same = std::fs::read(drawn).unwrap() == std::fs::read(shown).unwrap();
    assert!(same, "data/gallery/quickdraw is outdated: train quickdraw on the real apples again and copy its pictures");
}
