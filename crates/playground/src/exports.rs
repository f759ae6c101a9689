//! What the module exports: `reserve` returns the address of a buffer for a request, `call` answers
//! the request in it, and `answer` returns the address of the answer.
//!
//! The script writes and reads the buffers through the module's memory. Nothing here follows a
//! pointer, so the only `unsafe` is the attribute that gives a function its name.

#![allow(unsafe_code, reason = "an exported name is an unsafe attribute")]

use std::cell::RefCell;

use crate::Engine;

#[derive(Default)]
struct Module {
    engine: Engine,
    request: Vec<u8>,
    answer: Vec<u8>,
}

thread_local! {
    static MODULE: RefCell<Module> = RefCell::default();
}

/// Makes the buffer for a request of `length` bytes; returns its address.
// Safety: no other function of the module has this name.
#[unsafe(no_mangle)]
extern "C" fn reserve(length: usize) -> usize {
    MODULE.with_borrow_mut(|module| {
        module.request.clear();
        module.request.resize(length, 0);
        module.request.as_ptr() as usize
    })
}

/// Answers the request in the buffer; returns the length of the answer.
// Safety: no other function of the module has this name.
#[unsafe(no_mangle)]
extern "C" fn call() -> usize {
    MODULE.with_borrow_mut(|module| {
        // The script has written it, which the compiler cannot know.
        let request = core::hint::black_box(&module.request);
        module.answer = module.engine.answer(request);
        module.answer.len()
    })
}

/// The address of the answer.
// Safety: no other function of the module has this name.
#[unsafe(no_mangle)]
extern "C" fn answer() -> usize {
    MODULE.with_borrow(|module| module.answer.as_ptr() as usize)
}
