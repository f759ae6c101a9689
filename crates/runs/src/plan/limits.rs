//! The memory that this process may use: the minimum of what its control groups, its resource
//! limits and the machine leave.
//!
//! On Linux all of this is in files. On other systems only the free memory of the machine is known.

use std::path::{Path, PathBuf};

/// How much memory the process may use, and what limits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// In bytes, including what the process already uses.
    pub bytes: u64,
    /// Bytes that the process already uses.
    pub own: u64,
    /// Such as `the machine's free memory`.
    pub set_by: String,
}

/// The address space that glibc's allocator reserves for the heap of each thread
/// (`HEAP_MAX_SIZE`). All of it counts against `ulimit -v`, even if the thread uses little of it.
///
/// During training, each of rayon's threads has a heap, and so do the thread that handles signals
/// and the one that prefetches batches; only the training thread fills its heap. The threads are
/// counted before the last two of them start, and the main thread, which has no heap, is among
/// them. So the count equals the number of heaps that stay nearly empty.
///
/// The product is an upper bound, because glibc maps each request separately when it cannot reserve
/// a heap. An estimate that is too high makes the batch smaller than necessary; one that is too low
/// would let the run abort.
const RESERVED: u64 = 64 << 20;

/// Reads a system file; `None` if it does not exist.
type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// The memory that this process may use; `None` if unknown.
pub(crate) fn room() -> Option<Room> {
    room_beside(1)
}

/// The memory that this process may use if `ranks` processes with equal needs, of which it is one,
/// have just started on this machine; `None` if unknown.
pub(crate) fn room_beside(ranks: usize) -> Option<Room> {
    let room = least(ranks, &|path| std::fs::read_to_string(path).ok());
    #[cfg(not(target_os = "linux"))]
    let room = room.or_else(|| machine().map(|room| room.divided(ranks)));
    room
}

/// The memory that a run may use.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    /// The memory of the rank that has the least; `None` if unknown.
    pub room: Option<Room>,
    /// The number of ranks.
    pub ranks: usize,
}

impl Budget {
    /// The budget of a run in this process alone.
    pub(crate) fn of_this_process() -> Self {
        Self { room: room(), ranks: 1 }
    }
}

impl Room {
    /// The share of one of `ranks` processes that divide the free memory.
    fn divided(self, ranks: usize) -> Self {
        if ranks == 1 {
            return self;
        }
        let Self { bytes, own, set_by } = self;
        let free = bytes.saturating_sub(own) / ranks as u64;
        Self { bytes: own.saturating_add(free), own, set_by: format!("{set_by}, divided by {ranks} ranks") }
    }
}

/// The free memory according to the operating system, for systems without Linux's files; the result
/// includes what the process already uses.
#[cfg(any(test, not(target_os = "linux")))]
fn machine() -> Option<Room> {
    use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};
    let mut system = System::new();
    system.refresh_memory();
    let pid = sysinfo::get_current_pid().ok();
    let only_memory = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(pid.as_slice()), false, only_memory);
    let own = pid.and_then(|pid| system.process(pid)).map_or(0, |process| process.memory());
    let free = system.available_memory();
    (free > 0).then(|| Room { bytes: free.saturating_add(own), own, set_by: "the machine's free memory".into() })
}

/// The smallest of all limits in the files that `read` reads, for one of `ranks` processes on this
/// machine, which are assumed to be in the same control groups, like the processes of a job.
fn least(ranks: usize, read: Read<'_>) -> Option<Room> {
    let proc = |name: &str| read(&Path::new("/proc").join(name)).unwrap_or_default();
    let status = proc("self/status");
    let own = field(&status, "VmRSS:").unwrap_or(0);
    let machine = field(&proc("meminfo"), "MemAvailable:");
    let machine =
        machine.map(|free| Room { own, bytes: free.saturating_add(own), set_by: "the machine's free memory".into() });
    // Mapped memory counts against these two limits whether or not it is used; reserved addresses
    // count against the address-space limit too.
    let threads = status.lines().find_map(|line| line.strip_prefix("Threads:")?.trim().parse::<u64>().ok());
    let reserved = threads.unwrap_or(0).saturating_mul(RESERVED);
    let mapped =
        [("Max address space", "VmSize:", "ulimit -v", reserved), ("Max data size", "VmData:", "ulimit -d", 0)];
    let limits = proc("self/limits");
    let mapped = mapped.into_iter().filter_map(|(limit, used, command, reserved)| {
        let left = limit_of(&limits, limit)?.saturating_sub(field(&status, used)?).saturating_sub(reserved);
        Some(Room {
            own,
            bytes: left.saturating_add(own),
            set_by: format!("this process's memory limit (`{command}`)"),
        })
    });
    let strict = proc("sys/vm/overcommit_memory").trim() == "2";
    let committed = strict.then(|| commitment(&proc("meminfo"))).flatten();
    let committed = committed.map(|left| Room {
        own,
        bytes: left.saturating_add(own),
        set_by: "the machine's commit limit".into(),
    });
    let groups = control_groups(&proc("self/cgroup"), own, read);
    let shared = machine.into_iter().chain(committed).chain(groups).map(|room| room.divided(ranks));
    shared.chain(mapped).min_by_key(|room| room.bytes)
}

/// The bytes of a line such as `VmRSS:  2072 kB`.
fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = rest.split_whitespace().next()?.parse().ok()?;
    Some(kib.saturating_mul(1024))
}

/// The memory that can still be committed where overcommit is disabled.
fn commitment(meminfo: &str) -> Option<u64> {
    Some(field(meminfo, "CommitLimit:")?.saturating_sub(field(meminfo, "Committed_AS:")?))
}

/// The soft limit with this name in the text of `/proc/self/limits`.
fn limit_of(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// The file names of one version of control groups.
struct Generation {
    /// Where they may be mounted.
    mounts: &'static [&'static str],
    limits: &'static [&'static str],
    used: &'static str,
    /// In `memory.stat`: page cache, which is freed when memory is needed.
    cached: [&'static str; 2],
}

const FIRST: Generation = Generation {
    mounts: &["/sys/fs/cgroup/memory"],
    limits: &["memory.limit_in_bytes"],
    used: "memory.usage_in_bytes",
    cached: ["total_inactive_file", "total_active_file"],
};

const SECOND: Generation = Generation {
    mounts: &["/sys/fs/cgroup", "/sys/fs/cgroup/unified"],
    limits: &["memory.max", "memory.high"],
    used: "memory.current",
    cached: ["inactive_file", "active_file"],
};

/// More than any machine has: cgroups v1 write their largest number for "no limit".
const UNLIMITED: u64 = 1 << 60;

/// The limits of the control groups in the text of `/proc/self/cgroup` and of all their ancestors;
/// `own` is what the process already uses.
fn control_groups(text: &str, own: u64, read: Read<'_>) -> Vec<Room> {
    let mut rooms = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(group)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let generation = if number == "0" && controllers.is_empty() {
            &SECOND
        } else if controllers.split(',').any(|controller| controller == "memory") {
            &FIRST
        } else {
            continue;
        };
        for mount in generation.mounts {
            // In a container the path is often that of the host, while the mount is the group
            // itself; missing folders are skipped.
            for folder in Path::new(group).ancestors() {
                let folder: PathBuf = Path::new(mount).join(folder.strip_prefix("/").unwrap_or(folder));
                // Joining an empty path leaves a trailing slash, which `components` removes.
                let folder: PathBuf = folder.components().collect();
                rooms.extend(generation.room(&folder, own, read));
            }
        }
    }
    rooms
}

impl Generation {
    fn room(&self, folder: &Path, own: u64, read: Read<'_>) -> Option<Room> {
        let number = |name: &str| read(&folder.join(name))?.trim().parse::<u64>().ok();
        let limit = self.limits.iter().filter_map(|name| number(name)).filter(|limit| *limit < UNLIMITED).min()?;
        let stat = read(&folder.join("memory.stat")).unwrap_or_default();
        let cached = self.cached.iter().filter_map(|name| {
            let of = |line: &str| line.split_once(' ').filter(|(key, _)| key == name)?.1.trim().parse::<u64>().ok();
            stat.lines().find_map(of)
        });
        let used = number(self.used).unwrap_or(0).saturating_sub(cached.sum());
        let bytes = limit.saturating_sub(used).saturating_add(own).min(limit);
        Some(Room { own, bytes, set_by: format!("the control group {}", folder.display()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const GIB: u64 = 1 << 30;

    fn room_by(files: &[(&str, &str)]) -> Option<Room> {
        room_of_one(1, files)
    }

    fn room_of_one(ranks: usize, files: &[(&str, &str)]) -> Option<Room> {
        let files: HashMap<PathBuf, String> =
            files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
        least(ranks, &|path| files.get(path).cloned())
    }

    const STATUS: (&str, &str) =
        ("/proc/self/status", "Name:\ttrain\nVmSize:\t 1048576 kB\nVmRSS:\t  524288 kB\nVmData:\t 262144 kB\n");
    const MEMINFO: (&str, &str) =
        ("/proc/meminfo", "MemTotal: 16777216 kB\nMemFree: 1048576 kB\nMemAvailable:    8388608 kB\n");

    fn set_by(room: Option<Room>) -> (u64, String) {
        let room = room.expect("something is known");
        (room.bytes, room.set_by)
    }

    /// Uses the query for operating systems other than Linux.
    #[test]
    fn the_systems_free_memory_is_known_without_files() {
        let room = machine().expect("something is free");
        assert!(room.own > 1 << 20 && room.bytes > room.own, "{room:?}");
        if let Some(by_files) = least(1, &|path| std::fs::read_to_string(path).ok()) {
            // Both report the same usage of the process, up to allocations in between.
            assert!(room.own.abs_diff(by_files.own) < 64 << 20, "{room:?} {by_files:?}");
        }
    }

    #[test]
    fn nothing_known_is_no_limit() {
        assert_eq!(room_by(&[]), None);
    }

    #[test]
    fn what_the_process_has_is_part_of_what_it_may_have() {
        let (bytes, by) = set_by(room_by(&[STATUS, MEMINFO]));
        assert_eq!((bytes, by.as_str()), (8 * GIB + GIB / 2, "the machine's free memory"));
    }

    #[test]
    fn ranks_divide_what_is_free_on_their_machine_but_not_the_limit_of_a_process() {
        let (bytes, by) = set_by(room_of_one(4, &[STATUS, MEMINFO]));
        assert_eq!((bytes, by.as_str()), (2 * GIB + GIB / 2, "the machine's free memory, divided by 4 ranks"));
        let limits = "Max data size             1610612736            1610612736            bytes     \n";
        let (bytes, by) = set_by(room_of_one(4, &[STATUS, MEMINFO, ("/proc/self/limits", limits)]));
        assert_eq!(bytes, GIB + GIB / 2 - GIB / 4 + GIB / 2);
        assert!(by.contains("ulimit -d"), "{by}");
    }

    #[test]
    fn limits_of_the_process_count_what_is_mapped() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max data size             unlimited            unlimited            bytes     \n\
                      Max address space         3221225472           unlimited            bytes     \n";
        let (bytes, by) = set_by(room_by(&[STATUS, MEMINFO, ("/proc/self/limits", limits)]));
        assert_eq!(bytes, 2 * GIB + GIB / 2);
        assert!(by.contains("ulimit -v"), "{by}");
        let status = format!("{}Threads:\t4\n", STATUS.1);
        let (bytes, _) = set_by(room_by(&[("/proc/self/status", &status), MEMINFO, ("/proc/self/limits", limits)]));
        assert_eq!(bytes, 2 * GIB + GIB / 4, "each thread's allocator reserves addresses");
        let limits = "Max data size             1073741824            1073741824            bytes     \n";
        let (bytes, by) = set_by(room_by(&[STATUS, MEMINFO, ("/proc/self/limits", limits)]));
        assert_eq!(bytes, GIB - GIB / 4 + GIB / 2);
        assert!(by.contains("ulimit -d"), "{by}");
    }

    #[test]
    fn the_second_generation_of_groups_limits_at_every_level() {
        let group = "0::/work.slice/job-7.scope\n";
        let mut files = vec![
            STATUS,
            MEMINFO,
            ("/proc/self/cgroup", group),
            ("/sys/fs/cgroup/work.slice/job-7.scope/memory.max", "max\n"),
            ("/sys/fs/cgroup/work.slice/job-7.scope/memory.high", "max\n"),
            ("/sys/fs/cgroup/work.slice/memory.max", "4294967296\n"),
            ("/sys/fs/cgroup/work.slice/memory.current", "3221225472\n"),
            (
                "/sys/fs/cgroup/work.slice/memory.stat",
                "anon 7\nfile 9\ninactive_file 1073741824\nactive_file 1073741824\n",
            ),
        ];
        let (bytes, by) = set_by(room_by(&files));
        assert_eq!((bytes, by.as_str()), (3 * GIB + GIB / 2, "the control group /sys/fs/cgroup/work.slice"));
        files.push(("/sys/fs/cgroup/work.slice/memory.high", "2147483648\n"));
        assert_eq!(set_by(room_by(&files)).0, GIB + GIB / 2);
    }

    #[test]
    fn the_first_generation_of_groups_limits_too_from_inside_a_container_as_well() {
        let group = "9:name=systemd:/\n4:memory,hugetlb:/docker/abc\n1:cpu:/docker/abc\n0::/\n";
        let files = vec![
            STATUS,
            MEMINFO,
            ("/proc/self/cgroup", group),
            // The path is the host's; the mount is the group itself.
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n"),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "1610612736\n"),
            ("/sys/fs/cgroup/memory/memory.stat", "inactive_file 5\ntotal_inactive_file 536870912\n"),
        ];
        let (bytes, by) = set_by(room_by(&files));
        assert_eq!((bytes, by.as_str()), (GIB + GIB / 2, "the control group /sys/fs/cgroup/memory"));
        let mut unlimited = files.clone();
        unlimited[3].1 = "9223372036854771712\n";
        assert_eq!(set_by(room_by(&unlimited)).1, "the machine's free memory");
    }

    #[test]
    fn where_nothing_is_promised_beyond_what_there_is_that_is_a_limit() {
        let meminfo =
            ("/proc/meminfo", "MemAvailable: 8388608 kB\nCommitLimit: 4194304 kB\nCommitted_AS: 2097152 kB\n");
        let strict = ("/proc/sys/vm/overcommit_memory", "2\n");
        assert_eq!(set_by(room_by(&[STATUS, meminfo, strict])).0, 2 * GIB + GIB / 2);
        assert_eq!(set_by(room_by(&[STATUS, meminfo])).0, 8 * GIB + GIB / 2);
    }
}
