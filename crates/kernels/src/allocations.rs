//! [`Counted`]: the system's allocator, with a count of the large buffers that it is asked for, and of their bytes.
//!
//! A fresh large buffer costs a page fault for every 4 KiB of it, so a training step is to make none: it uses those of the step
//! before. A program that wants to see that installs the counter as its allocator:
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

/// Buffers of so many bytes and more are counted: from here on common allocators get fresh pages from the operating system.
pub const LARGE: usize = 128 * 1024;

static COUNT: AtomicU64 = AtomicU64::new(0);
static HELD: AtomicU64 = AtomicU64::new(0);

/// How many large buffers this process has asked for, on all threads. Zero for ever where [`Counted`] is not the allocator.
pub fn large() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// How many bytes the large buffers have that there are now. Zero for ever where [`Counted`] is not the allocator.
pub fn held() -> u64 {
    HELD.load(Ordering::Relaxed)
}

/// The system's allocator; see the [module](self).
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

// SAFETY: every call is the system allocator's own, with the arguments that came; counting allocates nothing.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are those that `System` asks for.
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
        // SAFETY: as above; `at` came from `System`, as everything does.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        discount(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}
