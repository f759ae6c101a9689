//! Meta tensors: shapes without numbers, to learn what a computation will need before it is made.
//!
//! In [`run`], every `f32` tensor that this thread makes has its shape but no memory, and no kernel runs: the same code builds
//! networks, walks through them and sweeps back, and all that comes of it is a count of the memory and of the work. (PyTorch calls
//! such tensors *meta tensors*.) The count knows how [buffers are used again](crate::Tensor), and what convolutions pack.
//!
//! A meta tensor's [`data`](crate::Tensor::data) is empty, and its [`item`](crate::Tensor::item) is 0. Tensors of `f64` are as ever.

use core::any::TypeId;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use kernels::{ConvGeometry, Convolution, Element, Gemm};

use crate::buffer::{LARGE, SPARE};

/// What a computation in meta mode came to so far.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// Bytes of all tensors that there are.
    pub live: u64,
    /// The most that these were at once.
    pub most_live: u64,
    /// Bytes of all buffers, those that wait to be used again included: what the process holds.
    pub held: u64,
    /// The most that these were at once.
    pub most_held: u64,
    /// Bytes in which convolutions pack their operands; they are kept for the next call.
    pub packed: u64,
    /// Bytes of tensors that were written or changed.
    pub written: u64,
    /// How many tensors were written or changed.
    pub writes: u64,
    /// How often each convolution was called.
    pub convolutions: HashMap<(Convolution, ConvGeometry), u64>,
    /// How often each matrix product was called.
    pub products: HashMap<Gemm, u64>,
}

/// The buffers that threads keep for packing, as many as `kernels` keeps.
const PACKED_KEPT: usize = 6;

#[derive(Default)]
struct Ledger {
    usage: Usage,
    /// How many buffers of each length wait.
    waiting: BTreeMap<usize, usize>,
    /// Lengths of the packing buffers.
    packing: Vec<usize>,
}

thread_local! {
    static LEDGER: RefCell<Option<Ledger>> = const { RefCell::new(None) };
}

const BYTES: u64 = size_of::<f32>() as u64;

/// Runs `body` in meta mode on this thread, from an empty count.
///
/// # Panics
/// When this thread is in meta mode already.
pub fn run<R>(body: impl FnOnce() -> R) -> R {
    /// Leaves meta mode, whatever happens.
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            LEDGER.set(None);
        }
    }
    LEDGER.with_borrow_mut(|ledger| {
        assert!(ledger.is_none(), "meta: already in meta mode");
        *ledger = Some(Ledger::default());
    });
    let _leave = Leave;
    body()
}

/// The count so far; an empty one outside [`run`].
pub fn usage() -> Usage {
    LEDGER.with_borrow(|ledger| ledger.as_ref().map_or_else(Usage::default, |ledger| ledger.usage.clone()))
}

/// Sets what is counted of the work (not of the memory) to nothing, and the most that was live to what is live.
pub fn count_work_anew() {
    with(|Ledger { usage, .. }| {
        let Usage { live, held, most_held, packed, .. } = *usage;
        *usage = Usage { live, most_live: live, held, most_held, packed, ..Usage::default() };
    });
}

fn with(body: impl FnOnce(&mut Ledger)) {
    LEDGER.with_borrow_mut(|ledger| ledger.as_mut().map(body));
}

/// The memory that a meta tensor would have.
pub(crate) struct Claim {
    len: usize,
    /// The length of the buffer that it is in.
    capacity: usize,
    from_shelf: bool,
}

impl Claim {
    /// A claim for `len` numbers, in a buffer of the shelf if `shelved`; None outside meta mode and for other numbers than `f32`.
    pub(crate) fn new<T: Element>(len: usize, shelved: bool) -> Option<Self> {
        if TypeId::of::<T>() != TypeId::of::<f32>() {
            return None;
        }
        LEDGER.with_borrow_mut(|ledger| Some(ledger.as_mut()?.claim(len, shelved && len >= LARGE)))
    }
}

impl Ledger {
    fn claim(&mut self, len: usize, from_shelf: bool) -> Claim {
        let Self { usage, waiting, .. } = self;
        let found = from_shelf.then(|| waiting.range(len..=len.saturating_mul(SPARE)).next()).flatten();
        let capacity = match found.map(|(length, _)| *length) {
            Some(length) => {
                match waiting.get_mut(&length) {
                    Some(count) if *count > 1 => *count -= 1,
                    _ => drop(waiting.remove(&length)),
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
        Claim { len, capacity, from_shelf }
    }

    fn pack(&mut self, lengths: [usize; 2]) {
        let mut taken = Vec::new();
        for wanted in lengths.into_iter().filter(|length| *length > 0) {
            let free = &mut self.packing;
            let fits = (0..free.len()).filter(|&i| free[i] >= wanted).min_by_key(|&i| free[i]);
            let best = fits.or_else(|| (0..free.len()).max_by_key(|&i| free[i]));
            taken.push(best.map_or(0, |i| free.swap_remove(i)).max(wanted));
        }
        self.packing.extend(taken);
        let bytes = self.packing.iter().map(|length| BYTES.saturating_mul(*length as u64)).fold(0, u64::saturating_add);
        self.usage.packed = self.usage.packed.max(bytes);
        self.packing.sort_unstable_by(|a, b| b.cmp(a));
        self.packing.truncate(PACKED_KEPT);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        with(|Ledger { usage, waiting, .. }| {
            usage.live = usage.live.saturating_sub(BYTES.saturating_mul(self.len as u64));
            if self.from_shelf {
                *waiting.entry(self.capacity).or_default() += 1;
            } else {
                usage.held = usage.held.saturating_sub(BYTES.saturating_mul(self.len as u64));
            }
        });
    }
}

/// Counts that `size` numbers are written.
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
        with(|ledger| *ledger.usage.products.entry(gemm).or_default() += 1);
    }
}
