//! Drives the built binary under `mpirun`, in a folder of its own. After [`LIMIT`], a job is killed
//! and the test fails.
#![allow(dead_code, reason = "every test file is a program of its own and uses a part of this")]

use std::fs;
use std::ops::Deref;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a job may take: much more than it needs, because a busy machine must not fail the test.
pub(crate) const LIMIT: Duration = Duration::from_secs(600);
/// How long the ranks may take to end after something has happened to one of them. They need much
/// less; a busy machine must not fail the test.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_backdraw-mpi");

pub(crate) use tests::program::Outcome;

/// A temporary folder to run the program in.
#[derive(Default)]
pub(crate) struct Place(tests::program::Place);

impl Deref for Place {
    type Target = tests::program::Place;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// `ranks` processes with the arguments in `line`.
    pub(crate) fn command(&self, ranks: usize, line: &str) -> Command {
        self.job(&[(ranks, PROGRAM, line)])
    }

    /// Groups of ranks: their number, program and arguments.
    pub(crate) fn job(&self, groups: &[(usize, &str, &str)]) -> Command {
        let mut command = Command::new("mpirun");
        for (at, (ranks, program, line)) in groups.iter().enumerate() {
            if at > 0 {
                command.arg(":");
            }
            command.args(["-n", &ranks.to_string(), program]).args(line.split_whitespace());
        }
        // For Open MPI, which by default refuses to run as root and more ranks than processors.
        for (name, value) in [
            ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
            ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
            ("OMPI_MCA_rmaps_base_oversubscribe", "1"),
            ("OMPI_MCA_hwloc_base_binding_policy", "none"),
            ("OMPI_MCA_mpi_yield_when_idle", "1"),
            // Containers often forbid a process to read the memory of another one.
            ("OMPI_MCA_btl_vader_single_copy_mechanism", "none"),
            ("PRTE_ALLOW_RUN_AS_ROOT", "1"),
            ("PRTE_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
        ] {
            command.env(name, value);
        }
        command.current_dir(self.folder.path()).env_remove("CARGO").env_remove("RAYON_NUM_THREADS");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A program that first runs the shell commands `before` and then becomes the program.
    pub(crate) fn script(&self, name: &str, before: &str) -> String {
        let script = self.path(name);
        fs::write(&script, format!("#!/bin/sh\n{before}\nexec {PROGRAM} \"$@\"\n")).unwrap();
        assert!(Command::new("chmod").args(["+x".as_ref(), script.as_os_str()]).status().unwrap().success());
        script.to_str().unwrap().to_owned()
    }

    /// The job on this many ranks, which must succeed. Returns the hash of the weights.
    pub(crate) fn hash(&self, ranks: usize, line: &str) -> String {
        let outcome = finish(self.command(ranks, line).spawn().unwrap(), LIMIT);
        assert_eq!(outcome.code, Some(0), "{ranks} ranks: {line}\n{}{}", outcome.out, outcome.err);
        let hash = outcome.out.lines().filter_map(|line| line.strip_prefix("weights hash: ")).collect::<Vec<_>>();
        assert_eq!(hash.len(), 1, "rank 0 alone prints: {}", outcome.out);
        hash[0].to_owned()
    }

    /// The job must exit with `code`, and print one error with all of `words`.
    pub(crate) fn bad(&self, command: Command, code: i32, words: &[&str]) -> Outcome {
        let mut command = command;
        let outcome = finish(command.spawn().unwrap(), LIMIT);
        failed(&outcome, code, words);
        outcome
    }

    /// Starts a run that would never end, and returns once it has saved a checkpoint after a step.
    pub(crate) fn start(&self, ranks: usize, line: &str) -> Child {
        let mut child = self.command(ranks, line).spawn().unwrap();
        let began = Instant::now();
        while self.checkpoints("run").last().is_none_or(|step| *step == 0) {
            if began.elapsed() > LIMIT || child.try_wait().unwrap().is_some() {
                let outcome = finish(child, Duration::ZERO);
                panic!("no checkpoint: {}{}", outcome.out, outcome.err);
            }
            thread::sleep(Duration::from_millis(5));
        }
        child
    }
}

/// The job must have ended with `code`, and have printed one error with all of `words`.
pub(crate) fn failed(outcome: &Outcome, code: i32, words: &[&str]) {
    outcome.assert_failed("mpirun", code, words);
    assert_eq!(outcome.err.matches("error: ").count(), 1, "one clear error: {}", outcome.err);
}

/// Waits until the job has ended; kills it after `limit`.
pub(crate) fn finish(mut child: Child, limit: Duration) -> Outcome {
    let began = Instant::now();
    let killer = child.id().to_string();
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        let timed_out = is_done.recv_timeout(limit).is_err_and(|why| why == std::sync::mpsc::RecvTimeoutError::Timeout);
        if timed_out {
            // mpirun passes the signal on to its processes.
            let _ = Command::new("kill").args(["-TERM", &killer]).status();
            thread::sleep(Duration::from_secs(2));
            let _ = Command::new("kill").args(["-KILL", &killer]).status();
        }
        timed_out
    });
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let read = |stream: Option<Box<dyn std::io::Read + Send>>| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            stream.map(|mut stream| stream.read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let out = read(out.map(|stream| Box::new(stream) as _));
    let err = read(err.map(|stream| Box::new(stream) as _));
    let status = child.wait().unwrap();
    drop(done);
    let timed_out = watch.join().unwrap();
    let outcome = Outcome { code: status.code(), out: out.join().unwrap(), err: err.join().unwrap() };
    let seconds = began.elapsed().as_secs();
    assert!(!timed_out || limit.is_zero(), "not ended after {seconds} s\n{}{}", outcome.out, outcome.err);
    outcome
}

/// The process ids of the ranks of a job on this machine, by rank.
pub(crate) fn ranks(mpirun: &Child) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(id) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let text =
            |name: &str| fs::read(entry.path().join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let (Ok(status), Ok(environment)) = (text("status"), text("environ")) else { continue };
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).map(str::trim);
        let rank = environment
            .split('\0')
            .find_map(|line| line.strip_prefix("OMPI_COMM_WORLD_RANK=").or_else(|| line.strip_prefix("PMI_RANK=")));
        if parent == Some(&mpirun.id().to_string())
            && let Some(rank) = rank.and_then(|rank| rank.parse::<usize>().ok())
        {
            found.push((rank, id));
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, id)| id).collect()
}

/// Sends a signal, such as `-TERM`, to a process.
pub(crate) fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}
