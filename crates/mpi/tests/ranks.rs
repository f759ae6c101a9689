//! The number of ranks and of threads does not change the weights, whether or not a run is
//! interrupted. The hashes are printed with `-- --nocapture`.

mod common;

use common::Place;

/// Small configurations of systems whose steps differ, the step after which they are interrupted,
/// and the number of steps.
const SYSTEMS: [(&str, u32, u32); 7] = [
    ("quickdraw --batch 8 --set depth=2 --set latent=4 --set replay_pool=3 --set instance_noise=0.1", 2, 4),
    ("dcgan --preset mnist28 --batch 8 --set width=2 --set ema=0.9", 1, 3),
    ("cyclegan --batch 4 --set size=32 --set blocks=1 --set generator_width=1 --set discriminator_width=1", 1, 2),
    ("wgan-gp --batch 8 --set width=2 --set latent=4 --set k=2 --set diff_augment=['translation']", 1, 3),
    // From the last step at 4x4 through the fade to 8x8.
    (
        "progan --batch 16 --set size=8 --set fmap_base=16 --set fmap_max=4 --set stable_kimg=0.032 --set fade_kimg=0.064",
        3,
        5,
    ),
    // Both penalties, every second update.
    (
        "stylegan2 --batch 16 --set size=8 --set fmap_base=16 --set fmap_max=4 --set r1_interval=2 --set path_interval=2",
        1,
        3,
    ),
    ("dcgan --preset mnist28 --batch 8 --set width=2 --set ema=0.9 --set batch_norm=sync", 1, 3),
];

/// Checks that system `number` of [`SYSTEMS`] has the same hash on any number of ranks.
fn equal(number: usize, shards: usize, ranks: &[usize]) {
    let (system, half, steps) = SYSTEMS[number];
    let name = system.split_whitespace().next().unwrap();
    let place = Place::new();
    let line = format!("{system} --data built-in --set shards={shards} --seed 3");
    let expected = place.hash(1, &format!("{line} --steps {steps} --threads 1 --out alone"));
    println!("{name}, {shards} shards: {expected} on 1 rank");
    for ranks in ranks {
        let hash = place.hash(*ranks, &format!("{line} --steps {steps} --threads 2 --out on-{ranks}"));
        assert_eq!(hash, expected, "{line}: {ranks} ranks");
        println!("{name}, {shards} shards: {hash} on {ranks} ranks of 2 threads");
    }
    // Interrupted on many ranks and resumed on one, and the other way round.
    let most = *ranks.last().unwrap();
    for [first, second] in [[most, 1], [1, most]] {
        let out = format!("from-{first}-to-{second}");
        place.hash(first, &format!("{line} --steps {half} --threads 1 --out {out}"));
        let hash = place.hash(second, &format!("{name} --resume {out} --steps {steps} --threads 1"));
        assert_eq!(hash, expected, "{line}: resumed on {second} ranks after {half} steps on {first}");
        println!("{name}, {shards} shards: {hash} after {half} steps on {first} ranks, resumed on {second}");
    }
}

#[test]
fn quickdraw() {
    equal(0, 4, &[2, 4]);
}

#[test]
#[ignore = "half a minute each; CI runs quickdraw"]
fn quickdraw_on_three() {
    let (system, _, steps) = SYSTEMS[0];
    let place = Place::new();
    let line = format!("{} --data built-in --set shards=6 --steps {steps}", system.replace("--batch 8", "--batch 12"));
    let hash = |ranks: usize| place.hash(ranks, &format!("{line} --threads 1 --out on-{ranks}"));
    let expected = hash(1);
    for ranks in [2, 3, 6] {
        assert_eq!(hash(ranks), expected, "{ranks} ranks");
        println!("quickdraw, 6 shards: {expected} on {ranks} ranks");
    }
}

#[test]
#[ignore = "half a minute each; CI runs quickdraw"]
fn dcgan() {
    equal(1, 4, &[2, 4]);
}

#[test]
#[ignore = "half a minute each; CI runs quickdraw"]
fn cyclegan() {
    equal(2, 4, &[2, 4]);
}

#[test]
#[ignore = "half a minute each; CI runs quickdraw"]
fn wgan_gp() {
    equal(3, 4, &[2, 4]);
}

#[test]
#[ignore = "half a minute each; CI runs quickdraw"]
fn progan() {
    equal(4, 4, &[2, 4]);
}

#[test]
#[ignore = "half a minute each; CI runs quickdraw"]
fn stylegan2() {
    equal(5, 4, &[2, 4]);
}

#[test]
#[ignore = "half a minute each; CI runs quickdraw"]
fn dcgan_with_synchronised_batch_norm() {
    equal(6, 4, &[2, 4]);
}

/// Also runs that start from another run's weights.
#[test]
fn other_commands_and_runs_from_weights_work_as_on_one_rank() {
    let place = Place::new();
    let line = "quickdraw --batch 4 --set depth=1 --set latent=2 --data built-in --set shards=2";
    place.hash(2, &format!("{line} --steps 1 --out parent"));
    let on = |ranks: usize| place.hash(ranks, &format!("quickdraw --from parent --steps 2 --out child-{ranks}"));
    assert_eq!(on(2), on(1));
    let printed = |ranks: usize, line: &str| {
        let outcome = common::finish(place.command(ranks, line).spawn().unwrap(), common::LIMIT);
        assert_eq!(outcome.code, Some(0), "{}", outcome.err);
        outcome.out + &outcome.err
    };
    assert_eq!(printed(2, "sample parent --count 2 --out two.npy").matches("two.npy").count(), 1);
    let dry = format!("{line} --dry-run");
    // The plan of a rank also has a line for messages, and is printed once.
    let [on_two, on_one] = [2, 1].map(|ranks| printed(ranks, &dry));
    assert!(on_two.contains("messages between ranks") && on_two.contains("divided by 2 ranks on "), "{on_two}");
    assert_eq!(on_two.lines().count(), on_one.lines().count() + 1, "{on_two}{on_one}");
    for line in ["--version", "summary quickdraw", "dcgan --help"] {
        assert_eq!(printed(2, line), printed(1, line), "{line}");
    }
}
