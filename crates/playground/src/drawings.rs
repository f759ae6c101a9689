//! The built-in pictures, for the site and for the command line.

use datasets::Images;

use crate::link::{Link, Mode};
use crate::pictures::{BUILT_IN, PIXELS};

/// The built-in pictures called `name`, PIXELS bytes each, 255 for ink: the file that the page
/// loads. Empty if there are none of this name.
///
/// # Panics
/// Never: pictures that are drawn can be read.
pub fn built_in(name: &str) -> Vec<u8> {
    let images: Images = match name {
        "digits" => datasets::digits(BUILT_IN, 1),
        "apples" => datasets::apples(BUILT_IN, 1),
        _ => return Vec::new(),
    };
    let picture = |number| images.image(number).expect("a drawn picture can be read").to_vec();
    let bytes: Vec<u8> = (0..BUILT_IN).flat_map(picture).collect();
    assert_eq!(bytes.len(), BUILT_IN * PIXELS);
    bytes
}

/// The pictures that a link learns from.
pub fn pictures_of(link: &Link) -> Vec<u8> {
    match link.mode {
        Mode::Points => Vec::new(),
        Mode::Pictures => built_in(link.settings.word("data")),
    }
}
