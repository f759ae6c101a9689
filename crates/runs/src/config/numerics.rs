//! The version of the numerics ([`kernels::NUMERICS`]) that computes a run. It is recorded, not
//! chosen by the user: another version of the program may round differently, and a run that is
//! resumed with it prints a message.

use kernels::NUMERICS;

use super::Config;

/// The version of runs that have not recorded one.
pub(super) const UNRECORDED: u32 = 1;

impl Config {
    /// The version of the numerics that computed the run with this configuration; for a new
    /// configuration, that of this program.
    pub fn numerics(&self) -> u32 {
        self.number("numerics").and_then(|version| u32::try_from(version).ok()).unwrap_or(NUMERICS)
    }

    pub(super) fn set_numerics(&mut self, version: u32) {
        self.values.insert("numerics", i64::from(version).into());
    }

    /// Records that this program computes the steps from now on.
    pub(crate) fn record_numerics(&mut self) {
        self.set_numerics(NUMERICS);
    }

    /// Copies the recorded version from the run `other`.
    pub(crate) fn copy_numerics(&mut self, other: &Self) {
        self.set_numerics(other.numerics());
    }

    /// The message for a new run whose configuration comes from a run with another version of the
    /// numerics.
    pub(crate) fn numerics_changed(&self) -> Option<String> {
        let recorded = self.numerics();
        (recorded != NUMERICS).then(|| {
            format!(
                "numerics     the configuration comes from a run with version {recorded} of the numerics; this program has \
                 version {NUMERICS}, which rounds differently: the weights hash will differ from that run's"
            )
        })
    }

    /// The message for resuming the run with this configuration after step `step`, if another
    /// version of the numerics computed it so far.
    pub(crate) fn numerics_change_at(&self, step: u64) -> Option<String> {
        let recorded = self.numerics();
        (recorded != NUMERICS && step > 0).then(|| {
            format!(
                "numerics     version {recorded} of the numerics computed the run up to step {step}; this program goes \
                 on with version {NUMERICS}, which rounds differently: the weights hash will differ from that of an \
                 uninterrupted run"
            )
        })
    }
}
