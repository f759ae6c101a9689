//! Finds the images in the shape of an array.

/// The layout of the images in an array.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ImageShape {
    /// (height, width, channels).
    pub(super) size: [usize; 3],
    /// Whether channels come first.
    pub(super) planes: bool,
    /// Whether an image is one row of values.
    pub(super) flat: bool,
}

/// The largest side of an image.
const MAX_SIDE: u64 = 1 << 15;

/// The images in an array of this shape, whose first length is their number; `None` if it does not
/// contain images. Flat images are 28x28 or have `flat_size`.
pub(super) fn images(shape: &[u64], flat_size: Option<[usize; 3]>) -> Option<ImageShape> {
    let of = |[height, width, channels]: [u64; 3], planes| {
        let possible = [height, width].iter().all(|side| (1..=MAX_SIDE).contains(side));
        possible.then_some(ImageShape {
            size: [height as usize, width as usize, channels as usize],
            planes,
            flat: shape.len() == 2,
        })
    };
    match *shape {
        [_, 784] => of([28, 28, 1], false),
        [_, length] => {
            let flat = flat_size.map(|size| size.map(|length| length as u64));
            flat.filter(|size| size.iter().product::<u64>() == length).and_then(|size| of(size, false))
        }
        [height, width, channels] if is_one_picture(height, width, channels) => None,
        [_, height, width] => of([height, width, 1], false),
        [_, height, width, channels @ (1 | 3 | 4)] => of([height, width, channels], false),
        [_, channels @ (1 | 3 | 4), height, width] => of([height, width, channels], true),
        _ => None,
    }
}

/// Whether a shape of three lengths is probably one colour picture instead of many grey ones.
pub(super) fn is_one_picture(height: u64, width: u64, channels: u64) -> bool {
    matches!(channels, 3 | 4) && height > 4 && width > 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_of_images_are_known() {
        let found = |shape: &[u64]| images(shape, Some([64, 64, 3])).map(|images| (images.size, images.planes));
        assert_eq!(found(&[5, 784]), Some(([28, 28, 1], false)));
        assert_eq!(found(&[5, 12_288]), Some(([64, 64, 3], false)));
        assert_eq!(found(&[5, 30, 20]), Some(([30, 20, 1], false)));
        assert_eq!(found(&[5, 30, 20, 1]), Some(([30, 20, 1], false)));
        assert_eq!(found(&[5, 30, 20, 3]), Some(([30, 20, 3], false)));
        assert_eq!(found(&[5, 3, 30, 20]), Some(([30, 20, 3], true)));
        assert_eq!(found(&[5, 3, 30, 3]), Some(([3, 30, 3], false)), "channels last comes first");
        let none: [&[u64]; 9] = [
            &[],
            &[5],
            &[5, 100],
            &[64, 64, 3],
            &[5, 0, 20],
            &[5, 30, 20, 2],
            &[5, 2, 30, 20],
            &[1, 2, 3, 4, 5],
            &[5, 40_000, 2],
        ];
        for shape in none {
            assert_eq!(found(shape), None, "{shape:?}");
        }
    }
}
