//! Tells the crate the optimisation level at which it is compiled, for `kernels::OPT_LEVEL`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Cargo sets it to the level of this package in the current profile.
    let level = std::env::var("OPT_LEVEL").unwrap_or_default();
    println!("cargo::rustc-env=KERNELS_OPT_LEVEL={level}");
}
