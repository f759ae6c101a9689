//! Meta tensors: tensors without elements, to predict the memory and the work of a computation.
//!
//! In [`run`], every `f32` tensor that this thread creates has a shape but no memory, and no kernel
//! runs. The same code builds networks, applies them and computes gradients, but the only result is
//! the [`Usage`]. (PyTorch calls such tensors *meta tensors*.) The usage accounts for recycled
//! buffers and for the operands that convolutions pack. A computation with several threads calls
//! [`run_with`] on its other threads.
//!
//! A meta tensor's [`data`](crate::Tensor::data) is empty and its [`item`](crate::Tensor::item) is
//! 0. Tensors of `f64` are not affected.

use core::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use kernels::job_local::JobLocal;
use kernels::{ConvGeometry, Convolution, Element, Gemm};

use crate::buffer::{LARGE, SPARE};

/// The memory and the work of a computation in meta mode so far.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// Bytes of all live tensors.
    pub live: u64,
    /// The peak of `live`.
    pub most_live: u64,
    /// Bytes of all buffers, including free ones in the pool: what the process occupies.
    pub held: u64,
    /// The peak of `held`.
    pub most_held: u64,
    /// Bytes of the buffers in which convolutions pack their operands, and in which operands are
    /// converted to another precision. They are kept for the next call.
    pub packed: u64,
    /// Bytes of tensors that were written.
    pub written: u64,
    /// The number of tensors that were written.
    pub writes: u64,
    /// The number of calls of each convolution.
    pub convolutions: HashMap<(Convolution, ConvGeometry), u64>,
    /// The number of calls of each matrix product.
    pub products: HashMap<Gemm, u64>,
}

/// The number of buffers that `kernels` keeps for packing.
const PACKED_KEPT: usize = 6;

#[derive(Default)]
struct Ledger {
    usage: Usage,
    /// The number of free buffers of each length.
    free: BTreeMap<usize, usize>,
    /// The lengths of the packing buffers, which belong to a thread.
    packing: HashMap<ThreadId, Vec<usize>>,
}

thread_local! {
    static LEDGER: JobLocal<Account> = const { JobLocal::new() };
}

const BYTES: u64 = size_of::<f32>() as u64;

/// The account of a computation in meta mode, which its threads share.
#[derive(Clone)]
pub struct Account(Arc<Mutex<Ledger>>);

impl Account {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The account of this thread, if it is in meta mode.
pub fn account() -> Option<Account> {
    LEDGER.with(JobLocal::get)
}

/// Runs `body` in meta mode on this thread, with an empty [`Usage`].
///
/// # Panics
/// When this thread is already in meta mode.
pub fn run<R>(body: impl FnOnce() -> R) -> R {
    run_with(Some(Account(Arc::default())), body)
}

/// Runs `body`, a part of a computation on another thread, in meta mode with the [`account`] of
/// that thread; outside meta mode if there is none.
///
/// # Panics
/// When this thread is already in meta mode.
pub fn run_with<R>(account: Option<Account>, body: impl FnOnce() -> R) -> R {
    /// Leaves meta mode when it is dropped, also in a panic.
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            if let Some(account) = LEDGER.with(|own| own.replace(None)) {
                account.ledger().packing.remove(&thread::current().id());
            }
        }
    }
    assert!(self::account().is_none(), "meta: already in meta mode");
    LEDGER.with(|own| own.replace(account));
    let _leave = Leave;
    body()
}

/// The usage so far; empty outside [`run`].
pub fn usage() -> Usage {
    account().map_or_else(Usage::default, |account| account.ledger().usage.clone())
}

/// Resets the counts of work (not those of memory), and sets the peak of live memory to its current
/// value.
pub fn count_work_anew() {
    with(|Ledger { usage, .. }| {
        let Usage { live, held, most_held, packed, .. } = *usage;
        *usage = Usage { live, most_live: live, held, most_held, packed, ..Usage::default() };
    });
}

fn with(body: impl FnOnce(&mut Ledger)) {
    LEDGER.with(|own| own.with(|account| account.map(|account| body(&mut account.ledger()))));
}

/// The memory that a meta tensor would occupy.
pub(crate) struct Claim {
    len: usize,
    /// The length of its buffer.
    capacity: usize,
    pooled: bool,
}

impl Claim {
    /// A claim for `len` numbers, in a buffer of the pool if `pooled`; None outside meta mode and
    /// for types other than `f32`.
    pub(crate) fn new<T: Element>(len: usize, pooled: bool) -> Option<Self> {
        if TypeId::of::<T>() != TypeId::of::<f32>() {
            return None;
        }
        LEDGER.with(|own| own.with(|account| Some(account?.ledger().claim(len, pooled && len >= LARGE))))
    }
}

impl Ledger {
    fn claim(&mut self, len: usize, pooled: bool) -> Claim {
        let Self { usage, free, .. } = self;
        let found = pooled.then(|| free.range(len..=len.saturating_mul(SPARE)).next()).flatten();
        let capacity = match found.map(|(length, _)| *length) {
            Some(length) => {
                match free.get_mut(&length) {
                    Some(count) if *count > 1 => *count -= 1,
                    _ => drop(free.remove(&length)),
                }
                length
            }
            None => {
                usage.held = usage.held.saturating_add(BYTES.saturating_mul(len as u64));
                len
            }
        };
        usage.live = usage.live.saturating_add(BYTES.saturating_mul(len as u64));
        usage.most_live = usage.most_live.max(usage.live);
        usage.most_held = usage.most_held.max(usage.held);
        Claim { len, capacity, pooled }
    }

    fn pack(&mut self, lengths: [usize; 3]) {
        let thread = thread::current().id();
        let (mut taken, unused) = (Vec::new(), self.packing.entry(thread).or_default());
        for wanted in lengths.into_iter().filter(|length| *length > 0) {
            let fits = (0..unused.len()).filter(|&i| unused[i] >= wanted).min_by_key(|&i| unused[i]);
            let best = fits.or_else(|| (0..unused.len()).max_by_key(|&i| unused[i]));
            taken.push(best.map_or(0, |i| unused.swap_remove(i)).max(wanted));
        }
        unused.extend(taken);
        let all = self.packing.values().flatten();
        let bytes = all.map(|length| BYTES.saturating_mul(*length as u64)).fold(0, u64::saturating_add);
        self.usage.packed = self.usage.packed.max(bytes);
        let kept = self.packing.entry(thread).or_default();
        kept.sort_unstable_by(|a, b| b.cmp(a));
        kept.truncate(PACKED_KEPT);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        with(|Ledger { usage, free, .. }| {
            usage.live = usage.live.saturating_sub(BYTES.saturating_mul(self.len as u64));
            if self.pooled {
                *free.entry(self.capacity).or_default() += 1;
            } else {
                usage.held = usage.held.saturating_sub(BYTES.saturating_mul(self.len as u64));
            }
        });
    }
}

/// Counts a write of `size` numbers.
pub(crate) fn write(size: usize) {
    with(|Ledger { usage, .. }| {
        usage.written = usage.written.saturating_add(BYTES.saturating_mul(size as u64));
        usage.writes += 1;
    });
}

/// Counts a convolution of `T`, if that is `f32`.
pub(crate) fn convolve<T: Element>(call: Convolution, g: &ConvGeometry) {
    if TypeId::of::<T>() == TypeId::of::<f32>() {
        with(|ledger| {
            *ledger.usage.convolutions.entry((call, *g)).or_default() += 1;
            ledger.pack(call.packed(g));
        });
    }
}

/// Counts a matrix product of `T`, if that is `f32`.
pub(crate) fn multiply<T: Element>(gemm: Gemm) {
    if TypeId::of::<T>() == TypeId::of::<f32>() {
        with(|ledger| {
            *ledger.usage.products.entry(gemm).or_default() += 1;
            let [a, b] = gemm.converted();
            ledger.pack([a, b, 0]);
        });
    }
}
