//! [`Remedy`]: settings that may cure a sick run, computed from the run's own settings.

use models::System;
use tensor::meta;
use toml::{Table, Value};

use crate::config::Config;

/// Something to try when a sign shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remedy {
    /// The changes, which belong together. Those that the system has no setting for, or that change
    /// nothing, are left out.
    pub(super) changes: &'static [Change],
    /// Whether it needs a new start: the weights of the sick run are of no use.
    pub(super) fresh: bool,
}

/// A change of one setting.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// Lower a number: to the preset's value if it is larger than that, otherwise to a quarter.
    Lower(&'static str),
    /// Raise a number: to the preset's value if it is smaller than that, fourfold if it is equal.
    Raise(&'static str),
    /// Return to the value of the preset.
    Restore(&'static str),
    /// Return to the value of the preset if the number is larger than that.
    Cap(&'static str),
    /// Set this value, given as TOML.
    Set(&'static str, &'static str),
    /// Raise a number to at least this value.
    AtLeast(&'static str, f64),
    /// Double a whole number.
    Double(&'static str),
}

impl Change {
    /// The key and its new value; None if the system has no such setting, or already has the value.
    fn of(self, settings: &Table, preset: &Table) -> Option<(&'static str, Value)> {
        let (Self::Lower(key)
        | Self::Raise(key)
        | Self::Restore(key)
        | Self::Cap(key)
        | Self::Set(key, _)
        | Self::AtLeast(key, _)
        | Self::Double(key)) = self;
        let (now, usual) = (settings.get(key)?, preset.get(key)?);
        let numbers = now.as_float().zip(usual.as_float());
        let next = match self {
            Self::Lower(_) => {
                let (now, usual) = numbers?;
                Value::Float(if now > usual { usual } else { rounded(now / 4.0) })
            }
            // A rate that is too high already is not raised.
            Self::Raise(_) => {
                let (now, usual) = numbers.filter(|(now, usual)| now <= usual)?;
                Value::Float(if now < usual { usual } else { rounded(now * 4.0) })
            }
            Self::Restore(_) => usual.clone(),
            Self::Cap(_) => Value::Float(numbers.map(|(now, usual)| now.min(usual))?),
            Self::Set(_, value) => format!("value = {value}").parse::<Table>().ok()?.remove("value")?,
            Self::AtLeast(_, least) => Value::Float(now.as_float().filter(|now| *now < least).map(|_| least)?),
            Self::Double(_) => Value::Integer(now.as_integer()?.checked_mul(2)?),
        };
        (next != *now).then_some((key, next))
    }
}

/// A number with two significant digits.
fn rounded(number: f64) -> f64 {
    format!("{number:.1e}").parse().unwrap_or(number)
}

/// A remedy with the values for one run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Treatment {
    /// The keys of the system's table with their new values.
    pub(crate) settings: Vec<(&'static str, Value)>,
    /// Whether a run can continue from the sick run's weights with it: it is of use, and no tensor
    /// changes its shape.
    pub(crate) continues: bool,
}

impl Treatment {
    /// The settings as `--set` takes them: `d_learning_rate=0.0001`.
    pub(crate) fn assignments(&self) -> impl Iterator<Item = String> {
        self.settings.iter().map(|(key, value)| match value {
            Value::Float(number) => format!("{key}={number:?}"),
            // Single quotes, so that a shell needs no escapes within double quotes.
            _ => format!("{key}={}", value.to_string().replace('"', "'")),
        })
    }
}

/// The remedies that a run with this configuration has the settings for, and that are valid with
/// its other settings. `system` is the running system.
pub(super) fn treatments(remedies: &[Remedy], config: &Config, system: &dyn System) -> Vec<Treatment> {
    let (settings, preset) = (&config.settings, config.entry.settings(config.preset()));
    let shapes = |system: &dyn System| {
        let tensors = system.state().tensors;
        tensors.into_iter().map(|(name, tensor)| (name, tensor.shape().to_vec())).collect::<Vec<_>>()
    };
    let mut now = None;
    let of = |remedy: &Remedy| {
        let found: Vec<_> =
            remedy.changes.iter().filter_map(|change| Some((change, change.of(settings, &preset)?))).collect();
        // A return to the preset accompanies other changes, unless the remedy is nothing else.
        let is_return = |change: &Change| matches!(change, Change::Restore(_) | Change::Cap(_));
        if found.iter().all(|(change, _)| is_return(change)) && !remedy.changes.iter().all(is_return)
            || found.is_empty()
        {
            return None;
        }
        let changed: Vec<_> = found.into_iter().map(|(_, changed)| changed).collect();
        let mut next = settings.clone();
        next.extend(changed.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        let built = meta::run(|| config.entry.build(&next, config.seed()).ok().map(|built| shapes(&*built)))?;
        let continues = !remedy.fresh && built == *now.get_or_insert_with(|| shapes(system));
        Some(Treatment { settings: changed, continues })
    };
    let mut all: Vec<Treatment> = Vec::new();
    for treatment in remedies.iter().filter_map(of) {
        if all.iter().all(|other| other.settings != treatment.settings) {
            all.push(treatment);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read_settings;
    use crate::diagnosis::Sign;
    use crate::diagnosis::losses::{D_DOMINATES, SATURATED_D};
    use crate::diagnosis::pictures::MODE_COLLAPSE;
    use crate::systems;

    fn treated(system: &str, given: &[&str], changes: &'static [Change]) -> Vec<String> {
        let entry = systems::find(system).unwrap();
        let given: Vec<String> = given.iter().map(|one| (*one).to_owned()).collect();
        let config = Config::resolve(&entry, &read_settings(&given).unwrap()).unwrap();
        let built = meta::run(|| config.build().unwrap());
        let found = treatments(&[Remedy { changes, fresh: false }], &config, &*built);
        found.iter().flat_map(|one| one.assignments().chain([format!("continues: {}", one.continues)])).collect()
    }

    #[test]
    fn values_are_computed_from_the_run_s_own() {
        use Change::{AtLeast, Lower, Raise, Restore, Set};
        let rate = &[Lower("d_learning_rate"), Raise("g_learning_rate")];
        let far = ["d_learning_rate=0.005", "g_learning_rate=0.00001"];
        assert_eq!(
            treated("folder", &far, rate),
            ["d_learning_rate=0.0002", "g_learning_rate=0.0002", "continues: true"]
        );
        assert_eq!(treated("folder", &[], rate), ["d_learning_rate=5e-5", "g_learning_rate=0.0008", "continues: true"]);
        assert!(treated("folder", &["d_learning_rate=1.0"], &[Raise("d_learning_rate")]).is_empty());
        assert!(treated("folder", &[], &[Restore("d_learning_rate")]).is_empty(), "nothing to change");
        let other = ["g_learning_rate=0.1"];
        assert!(treated("folder", &other, &[Set("no_such_key", "1"), Restore("g_learning_rate")]).is_empty());
        assert!(treated("progan", &[], rate).is_empty(), "it has one learning rate");
        assert_eq!(
            treated("folder", &[], &[AtLeast("instance_noise", 0.1)]),
            ["instance_noise=0.1", "continues: true"]
        );
        // The vectors of spectral normalisation are new tensors.
        assert_eq!(treated("mnist", &[], &[Set("spectral_norm", "true")]), ["spectral_norm=true", "continues: false"]);
        // A penalty contradicts batch normalisation.
        assert!(treated("folder", &[], &[Set("gradient_penalty", "10.0")]).is_empty());
        assert_eq!(
            treated("folder", &[], &[Set("diff_augment", "['color', 'translation']")])[0],
            "diff_augment=['color', 'translation']"
        );
    }

    #[test]
    fn unusual_settings_are_undone_before_anything_else_is_tried() {
        let of = |sign: &Sign, given: &[&str]| {
            let entry = systems::find("dcgan").unwrap();
            let given: Vec<String> = given.iter().map(|one| (*one).to_owned()).collect();
            let config = Config::resolve(&entry, &read_settings(&given).unwrap()).unwrap();
            let built = meta::run(|| config.build().unwrap());
            let found = treatments(sign.remedies, &config, &*built);
            found.iter().map(|one| one.assignments().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
        };
        let first = |given: &[&str]| of(&D_DOMINATES, given);
        let with_noise = |rate: &str| format!("label_smooth=0.9 instance_noise=0.1 {rate}");
        let [usual, lower] = ["d_learning_rate=0.0002", "d_learning_rate=5e-5"];
        assert_eq!(first(&[])[..2], [with_noise(lower), lower.to_owned()]);
        assert_eq!(first(&["k=3"])[..2], ["k=1".to_owned(), with_noise(lower)]);
        assert_eq!(first(&["d_learning_rate=0.01"])[..2], [usual.to_owned(), with_noise(usual)]);
        let low = first(&["d_learning_rate=1e-5"]);
        assert!(low.iter().all(|settings| !settings.contains(usual)), "a low rate is not raised: {low:?}");
        // A discriminator that hardly learns lets the generator collapse, whatever else is changed.
        let collapsed = of(&MODE_COLLAPSE, &["d_learning_rate=1e-7"]);
        assert_eq!(collapsed[0], usual);
        let saturated = of(&SATURATED_D, &["g_learning_rate=0.05"]);
        assert_eq!(saturated[0], "g_learning_rate=0.0002");
        assert!(saturated.iter().all(|settings| settings.contains("g_learning_rate=0.0002")), "{saturated:?}");
    }
}
