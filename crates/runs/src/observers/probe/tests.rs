use super::*;
use crate::config::{self, Assignment, Config};
use crate::console::{Console, Output};
use crate::data;
use crate::observers::{LogStyle, Observer, StepContext, StepRecord};
use crate::systems;
use crate::training::train_loop::train;
use nn::State;

/// Keeps the probes.
struct Keeper<'a>(&'a std::cell::RefCell<Vec<Probe>>);

impl Observer for Keeper<'_> {
    fn step(&mut self, now: &StepContext<'_>, numbers: &StepRecord<'_>) -> Result<(), Failure> {
        if let Some(probe) = numbers.probe {
            assert_eq!(probe.step, now.step);
            self.0.borrow_mut().push(probe.clone());
        }
        Ok(())
    }
}

fn config(system: &str, settings: &[&str]) -> Config {
    let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
    let mut given = config::read_settings(&settings).unwrap();
    if !settings.iter().any(|setting| setting.starts_with("preset=gauss")) {
        given.push(Assignment::option("--data", "data", datasets::BUILT_IN));
    }
    Config::resolve(&systems::find(system).unwrap(), &given).unwrap()
}

/// Trains three steps; returns the state and the probes, which were also written to files and read
/// back.
fn trained(config: &Config) -> (State, Vec<Probe>) {
    let mut system = config.build().unwrap();
    let data = data::of(config, &*system, 1, &Output::Silent).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let console = Console::logging_to(folder.path(), &Output::Silent).unwrap();
    let training = TrainingContext {
        console: &console,
        run: folder.path(),
        config,
        data: &data,
        from: 0,
        log: LogStyle::Default,
        bar: None,
        timings: false,
        alarm: &Default::default(),
        tensorboard: false,
    };
    let kept = std::cell::RefCell::default();
    let mut observers: Vec<Box<dyn Observer + '_>> = vec![Box::new(Keeper(&kept))];
    observers.extend(files::open(&training, &*system, &mut |_| {}).unwrap());
    let prober = Prober::open(&training);
    train(&mut *system, &data, (0, 3), prober, &mut observers, &|| false).unwrap();
    drop(observers);
    let state = system.state();
    let mut probes: Vec<Probe> = kept.take();
    for probe in &mut probes {
        let seen = std::mem::take(&mut probe.seen);
        let is_of_images =
            system.image_shape().is_some_and(|_| !matches!(system.samples(), models::Sampler::Points(_)));
        assert_eq!(seen.len(), if is_of_images { probe.scores.len() } else { 0 });
        for images in seen.into_iter().flat_map(|seen| [seen.reals, seen.fakes]) {
            let images = images.unwrap();
            assert!(images.shape().len() == 4 && images.data().iter().all(|x| (0.0..=1.0).contains(x)));
        }
    }
    assert_eq!(files::read(folder.path(), u64::MAX).unwrap(), probes);
    // A resumed run drops the rows of later steps and passes on the others.
    let resumed = TrainingContext { from: 2, ..training };
    let mut past = Vec::new();
    files::open(&resumed, &*system, &mut |probe| past.push(probe.clone())).unwrap();
    assert!(past.iter().all(|probe| probe.step <= 2) && past.len() == probes.len().saturating_sub(1));
    assert_eq!(files::read(folder.path(), u64::MAX).unwrap(), past);
    (state, probes)
}

#[test]
fn a_probe_changes_no_bit_of_any_kind_of_system_and_has_what_the_system_has() {
    let systems: [(&str, &[&str], [&str; 2]); 6] = [
        ("quickdraw", &["preset=cpu", "batch=4", "depth=4"], ["discriminator", "relu1"]),
        ("vanilla", &["batch=8"], ["discriminator", "dense1"]),
        ("wgan-gp", &["preset=gauss8", "batch=8", "k=2"], ["critic", "dense1"]),
        ("cyclegan", &["size=32", "generator_width=4", "discriminator_width=4", "blocks=1"], ["generator_ab", ""]),
        ("progan", &["preset=cpu", "batch=4"], ["generator", ""]),
        ("stylegan2", &["preset=cpu", "batch=4"], ["generator", ""]),
    ];
    for (name, settings, [network, layer]) in systems {
        let with = |every: &'static str| trained(&config(name, &[settings, &[every]].concat()));
        let ((plain, none), (probed, probes)) = (with("probe_every=0"), with("probe_every=1"));
        assert!(plain == probed, "{name}: the probes have changed the training");
        assert!(none.is_empty() && probes.len() == 3, "{name}");
        let Probe { scores, layers, fakes, .. } = &probes[2];
        let discriminators = if name == "cyclegan" { 2 } else { 1 };
        assert_eq!(scores.len(), discriminators, "{name}");
        assert!(scores.iter().all(|scores| !scores.reals.is_empty() && scores.reals.len() == scores.fakes.len()));
        assert!(layers.iter().any(|of| of.network == network && of.layer.contains(layer)), "{name}: {layers:?}");
        let trained = layers.iter().filter_map(|layer| layer.norms);
        assert!(trained.clone().count() >= 6, "{name}: {layers:?}");
        let is_good = |norms: Norms| norms.weight >= 0.0 && norms.update.is_finite() && norms.gradient.is_finite();
        assert!(trained.clone().all(is_good) && trained.clone().any(|norms| norms.update > 0.0), "{name}: {layers:?}");
        let shares = layers.iter().flat_map(|layer| [layer.dead, layer.saturated]).flatten();
        assert!(shares.clone().all(|share| (0.0..=1.0).contains(&share)), "{name}: {layers:?}");
        assert_eq!(fakes.len(), discriminators, "{name}");
        for found in fakes {
            assert!(found.distance.fakes > 0.0 && found.distance.reals > 0.0, "{name}: {found:?}");
            assert!(found.minimum.fakes < found.maximum.fakes, "{name}: {found:?}");
            assert_eq!(found.nyquist.is_some(), name != "wgan-gp", "{name}: {found:?}");
            let modes = found.modes.map(|modes| (modes.reals, (1.0..=8.0).contains(&modes.fakes)));
            assert_eq!(modes, (name == "wgan-gp").then_some((8.0, true)), "{name}: {found:?}");
            assert!(found.nearest.is_some_and(|nearest| nearest.fakes > 0.0 && nearest.reals >= 0.0), "{found:?}");
        }
    }
}

#[test]
fn the_first_powers_of_four_then_every_so_many_steps_and_the_last_are_probed() {
    let data = crate::fake::dataset(4);
    let due = |every| {
        let prober = Prober { every, seed: 1, data: &data, fixed: None };
        (1..=600).filter(|step| prober.is_due(*step, 600)).collect::<Vec<u64>>()
    };
    assert_eq!(due(250), [1, 4, 16, 64, 250, 500, 600]);
    assert_eq!(due(100), [1, 4, 16, 64, 100, 200, 300, 400, 500, 600]);
    assert_eq!(due(1).len(), 600);
    assert!(!is_regular(600, 250) && !is_regular(1, 0));
}
