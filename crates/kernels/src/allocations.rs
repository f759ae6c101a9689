//! [`Counted`]: the system allocator with a count of large buffers and their bytes.
//!
//! A new large buffer costs a page fault for every 4 KiB, so a training step should allocate none
//! and reuse those of the step before. A program can check that by installing the counting
//! allocator:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: kernels::allocations::Counted = kernels::allocations::Counted;
//!
//! let before = kernels::allocations::large();
//! let buffer = vec![0_u8; kernels::allocations::LARGE];
//! assert_eq!(kernels::allocations::large() - before, 1);
//! assert!(kernels::allocations::held() >= kernels::allocations::LARGE as u64);
//! # drop(buffer);
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

/// The size in bytes of the smallest buffer that is counted. From about this size, common
/// allocators get new pages from the operating system.
pub const LARGE: usize = 128 * 1024;

static COUNT: AtomicU64 = AtomicU64::new(0);
static HELD: AtomicU64 = AtomicU64::new(0);

/// The number of large buffers that this process has allocated, on all threads. Always 0 unless
/// [`Counted`] is the allocator.
pub fn large() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// The bytes of all large buffers that exist now. Always 0 unless [`Counted`] is the allocator.
pub fn held() -> u64 {
    HELD.load(Ordering::Relaxed)
}

/// The system allocator with a count; see the [module](self).
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted;

fn count(bytes: usize) {
    if bytes >= LARGE {
        COUNT.fetch_add(1, Ordering::Relaxed);
        HELD.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

fn discount(bytes: usize) {
    if bytes >= LARGE {
        HELD.fetch_sub(bytes as u64, Ordering::Relaxed);
    }
}

// SAFETY: every call is passed to the system allocator with the same arguments; counting does not
// allocate.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller promises what `System` requires.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        discount(layout.size());
        count(size);
        // SAFETY: as above; `at` came from `System`, like all memory of this allocator.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        discount(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}
