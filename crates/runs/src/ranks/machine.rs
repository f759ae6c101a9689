//! Which ranks share a machine, and how many threads each of them takes there.

use std::fs;
use std::num::NonZero;
use std::thread::available_parallelism;

use super::Ranks;
use crate::failure::Failure;
use crate::processor;

/// The number of threads of this rank: as many as `wanted`, or else its share of the processors
/// that the launcher lets it use. None if the environment sets the number, or there are no other
/// ranks.
///
/// # Errors
/// When the environment has no valid number, or a rank cannot be reached.
pub fn threads(wanted: Option<u16>, ranks: &Ranks) -> Result<Option<u16>, Failure> {
    let asked = if wanted.is_some() { Ok(wanted) } else { processor::threads_in_environment() };
    let asked = ranks.agree(asked)?;
    let Some(several) = &ranks.0 else { return Ok(wanted) };
    let processors = available_parallelism().map_or(1, NonZero::get);
    let own = allowed().unwrap_or_else(|| (0..processors).collect());
    let text = |processors: &[usize]| processors.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    let all = ranks.all(&format!("{}\t{}", several.host, text(&own)))?;
    let here: Vec<Vec<usize>> = all
        .iter()
        .filter_map(|rank| rank.split_once('\t').filter(|(host, _)| *host == several.host))
        .map(|(_, processors)| processors.split(',').filter_map(|one| one.parse().ok()).collect())
        .collect();
    // A quota of the operating system may allow less than all of these processors.
    let share = share(&own, &here) * processors as f64 / own.len().max(1) as f64;
    let threads = (share + 1e-9).floor().clamp(1.0, f64::from(processor::MOST_THREADS));
    Ok(if asked.is_some() { wanted } else { Some(threads as u16) })
}

/// This rank's share of its `own` processors, each of which is divided equally among the ranks that
/// may use it; `here` are the processors of all ranks on this machine.
fn share(own: &[usize], here: &[Vec<usize>]) -> f64 {
    let sharers = |processor: &usize| here.iter().filter(|others| others.contains(processor)).count().max(1);
    own.iter().map(|processor| 1.0 / sharers(processor) as f64).sum()
}

/// What Linux calls this start of the computer: all processes on it see the same random text, also
/// in containers. Empty on other systems.
pub(super) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// The processors on which the operating system lets this process run, if it tells.
fn allowed() -> Option<Vec<usize>> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    list.trim().split(',').map(range).collect::<Option<Vec<_>>>().map(|ranges| ranges.concat())
}

/// `3` or `0-7`.
fn range(text: &str) -> Option<Vec<usize>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?..=last.parse().ok()?).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_divide_the_processors_that_they_share() {
        let all = || (0..8).collect::<Vec<_>>();
        assert_eq!(share(&all(), &[all()]), 8.0);
        assert_eq!(share(&all(), &[all(), all(), all(), all()]), 2.0);
        // Each rank is bound to its own processors.
        assert_eq!(share(&[0, 1], &[vec![0, 1], vec![2, 3]]), 2.0);
        // Two ranks on one socket, one on the other.
        let [left, right] = [vec![0, 1, 2, 3], vec![4, 5, 6, 7]];
        let here = [left.clone(), left.clone(), right.clone()];
        assert_eq!([share(&left, &here), share(&right, &here)], [2.0, 4.0]);
        assert_eq!([range("3"), range("0-2"), range("x")], [Some(vec![3]), Some(vec![0, 1, 2]), None]);
        assert!(!cfg!(target_os = "linux") || boot_id().len() == 36);
        assert!(!cfg!(target_os = "linux") || allowed().is_some_and(|processors| !processors.is_empty()));
    }
}
