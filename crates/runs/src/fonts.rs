//! The font of the charts, compiled in so that no system font is needed.

use std::sync::OnceLock;

use plotters::style::{FontStyle, register_font};

/// Registers the font as `sans-serif`, once.
///
/// # Errors
/// A message, when it cannot be read.
pub(crate) fn register() -> Result<(), String> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let done = *DONE.get_or_init(|| register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular()).is_ok());
    if done { Ok(()) } else { Err("the compiled-in font cannot be read".to_owned()) }
}
