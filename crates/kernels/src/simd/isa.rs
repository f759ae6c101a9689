//! [`Isa`]: the list of instruction sets, and everything that follows from it.
//!
//! To add an instruction set, write `simd/<name>.rs` with a token that implements [`Simd`] (its
//! operations and its [register tiles](RegisterTiles)), declare the module in `simd/mod.rs`, and
//! add a row to `instruction_sets!`. The enum, the name for `BACKDRAW_ISA`, detection, dispatch,
//! tile choice and a test of every kernel come from the row.

use core::cell::Cell;
use core::fmt;
use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{Kernel, RegisterTiles, Simd};

/// The instruction sets, the widest last. This is the only place that lists them.
///
/// `instruction_sets!(callback)` passes the rows to the macro `callback`. A row is the token, and
/// the name of its module and of its tests, which is also the name that users type.
///
/// `--cfg backdraw_one_isa` keeps only the widest set in a WebAssembly module, which is then a
/// third as large. The page must first find out which module the browser can run.
macro_rules! instruction_sets {
    ($callback:ident) => {
        $callback! {
            /// Plain code, through the `wide` crate, on any CPU; fused multiply-add in software
            /// where the CPU has none.
            #[cfg(not(backdraw_one_isa))]
            Portable = portable,
            /// 256-bit vectors: AVX2 and FMA.
            #[cfg(target_arch = "x86_64")]
            Avx2 = avx2,
            /// 512-bit vectors: AVX-512 F.
            #[cfg(target_arch = "x86_64")]
            Avx512 = avx512,
            /// 512-bit vectors, and products of pairs of bf16 numbers: AVX-512 F and BF16.
            #[cfg(target_arch = "x86_64")]
            Avx512Bf16 = avx512bf16,
            /// 128-bit vectors of 64-bit ARM.
            #[cfg(all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"))]
            Neon = neon,
            /// 128-bit vectors of WebAssembly; fused multiply-add in software.
            #[cfg(all(
                target_arch = "wasm32",
                target_feature = "simd128",
                not(all(backdraw_one_isa, target_feature = "relaxed-simd"))
            ))]
            Wasm128 = wasm128,
            /// 128-bit vectors of WebAssembly, and its relaxed multiply-add where that is fused.
            #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
            WasmRelaxed = wasm_relaxed,
        }
    };
}
#[cfg(test)]
pub(crate) use instruction_sets;

/// For the row `Avx2 = avx2` this writes the variant `Isa::Avx2` and, in each `match` below, an arm
/// such as `Isa::Avx2 => Avx2::detect().is_some()`, all of them under the row's `#[cfg]`.
macro_rules! declare_isa {
    ($($(#[doc = $doc:literal])+ $(#[cfg($cfg:meta)])? $Token:ident = $name:ident,)+) => {
        $($(#[cfg($cfg)])? pub use super::$name::$Token;)+

        /// An instruction set.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Isa {
            $($(#[doc = $doc])+ $(#[cfg($cfg)])? $Token,)+
        }

        impl Isa {
            /// All sets of this architecture, the widest last.
            pub const ALL: &[Isa] = &[$($(#[cfg($cfg)])? Isa::$Token),+];

            /// Its name, as `BACKDRAW_ISA` takes it.
            pub fn name(self) -> &'static str {
                match self {
                    $($(#[cfg($cfg)])? Isa::$Token => stringify!($name),)+
                }
            }

            /// Whether this CPU has it.
            pub fn is_available(self) -> bool {
                match self {
                    $($(#[cfg($cfg)])? Isa::$Token => $Token::detect().is_some(),)+
                }
            }

            /// Its register tiles.
            pub fn tiles(self) -> &'static RegisterTiles {
                match self {
                    $($(#[cfg($cfg)])? Isa::$Token => &$Token::TILES,)+
                }
            }

            /// Whether products of pairs of bf16 numbers are one instruction.
            pub(crate) fn has_dot_pairs(self) -> bool {
                match self {
                    $($(#[cfg($cfg)])? Isa::$Token => $Token::DOT_PAIRS,)+
                }
            }

            /// Runs `kernel` on this set.
            ///
            /// # Panics
            /// When this CPU does not have it.
            #[inline]
            pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
                match self {
                    $($(#[cfg($cfg)])? Isa::$Token => $Token::detect().expect("the CPU has it").run(kernel),)+
                }
            }
        }
    };
}
instruction_sets!(declare_isa);

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The instruction sets of this CPU, the widest last.
pub fn available() -> Vec<Isa> {
    Isa::ALL.iter().copied().filter(|isa| isa.is_available()).collect()
}

/// The instruction set that the environment variable `BACKDRAW_ISA` names.
///
/// # Errors
/// One line when the name is unknown or this CPU does not have the set.
pub fn from_environment() -> Result<Option<Isa>, String> {
    let Some(value) = std::env::var_os("BACKDRAW_ISA") else { return Ok(None) };
    let names = || available().iter().map(|isa| isa.name()).collect::<Vec<_>>().join(", ");
    let Some(isa) = Isa::ALL.iter().copied().find(|isa| *isa.name() == *value) else {
        return Err(format!("BACKDRAW_ISA={} is not an instruction set (here: {})", value.to_string_lossy(), names()));
    };
    if !isa.is_available() {
        return Err(format!("BACKDRAW_ISA={isa}: this CPU does not have it (here: {})", names()));
    }
    Ok(Some(isa))
}

thread_local! {
    /// The set of the [`pool`] that this thread belongs to.
    static OF_POOL: Cell<Option<Isa>> = const { Cell::new(None) };
}

/// Threads that run every kernel on one instruction set: see [`pool`].
#[derive(Debug)]
pub struct Pool {
    isa: Isa,
    /// None where the target has no threads.
    threads: Option<ThreadPool>,
}

/// A pool of `threads` threads that run every kernel on `isa`: `pool(isa, 2).install(|| ...)`.
/// Other threads are not affected. Every instruction set gives the same bits, so this only changes
/// the speed.
///
/// WebAssembly has no threads. There, the calling thread does the work.
///
/// # Panics
/// When this CPU does not have the set, or the threads cannot be started.
pub fn pool(isa: Isa, threads: usize) -> Pool {
    assert!(isa.is_available(), "this CPU has no {isa}");
    let start = move |_| OF_POOL.set(Some(isa));
    let builder = ThreadPoolBuilder::new().num_threads(threads).start_handler(start);
    let threads = (!cfg!(target_family = "wasm")).then(|| builder.build().expect("threads can be started"));
    Pool { isa, threads }
}

impl Pool {
    /// Runs `work` on a thread of the pool, and returns its result.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        let Some(threads) = &self.threads else {
            let outer = OF_POOL.replace(Some(self.isa));
            let result = work();
            OF_POOL.set(outer);
            return result;
        };
        threads.install(work)
    }

    /// The number of threads.
    pub fn current_num_threads(&self) -> usize {
        self.threads.as_ref().map_or(1, ThreadPool::current_num_threads)
    }
}

/// The instruction set in use on this thread.
///
/// # Panics
/// When `BACKDRAW_ISA` names a set that is unknown or missing; programs should check
/// [`from_environment`] first.
#[inline]
pub fn current() -> Isa {
    static CHOSEN: OnceLock<Isa> = OnceLock::new();
    OF_POOL.get().unwrap_or_else(|| {
        *CHOSEN.get_or_init(|| match from_environment() {
            Ok(named) => named.unwrap_or_else(|| available().pop().expect("a set for this CPU")),
            Err(message) => panic!("{message}"),
        })
    })
}

/// Runs `kernel` on the instruction set in use.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    current().run(kernel)
}
