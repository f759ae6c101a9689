//! The commands: each turns its arguments into a request, sends it to `runs`, and prints the
//! result.

pub(crate) mod compare;
pub(crate) mod derive;
pub(crate) mod doctor;
pub(crate) mod evaluate;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod fetch;
pub(crate) mod gradcheck;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod museum;
pub(crate) mod playground;
pub(crate) mod report;
pub(crate) mod runs;
pub(crate) mod sample;
pub(crate) mod shell;
pub(crate) mod summary;
pub(crate) mod systems;
pub(crate) mod train;
