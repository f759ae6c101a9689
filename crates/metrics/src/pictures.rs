//! [`Pictures`]: the images that are compared, as bytes.

use core::ops::Range;

use tensor::Tensor;

/// Images of one size, dense, (count, height, width, channels), from 0 to 255. They are bytes, as
/// in image files, so differences that no viewer can show are not measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Pictures {
    pixels: Vec<u8>,
    size: [usize; 3],
}

impl Pictures {
    /// Images from their bytes; `size` is (height, width, channels).
    ///
    /// # Panics
    /// When the number of bytes is not a multiple of an image's, or the size has a zero.
    #[track_caller]
    pub fn new(pixels: Vec<u8>, size: [usize; 3]) -> Self {
        let one: usize = size.iter().product();
        let whole = one > 0 && pixels.len().is_multiple_of(one);
        assert!(whole, "pictures: {} bytes are not whole images of {size:?}", pixels.len());
        Self { pixels, size }
    }

    /// The number of images.
    pub fn count(&self) -> usize {
        self.pixels.len() / self.image_len()
    }

    /// Height, width and channels.
    pub fn size(&self) -> [usize; 3] {
        self.size
    }

    /// All bytes.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The bytes of one image.
    pub fn image(&self, index: usize) -> &[u8] {
        &self.pixels[index * self.image_len()..][..self.image_len()]
    }

    /// Bytes of one image.
    pub(crate) fn image_len(&self) -> usize {
        self.size.iter().product()
    }

    /// A range of the images.
    pub fn part(&self, range: Range<usize>) -> Self {
        let one = self.image_len();
        Self { pixels: self.pixels[range.start * one..range.end * one].to_vec(), size: self.size }
    }

    /// A range of the images as numbers in [0, 1], (count, height, width, channels).
    pub fn batch(&self, range: Range<usize>) -> Tensor {
        let [height, width, channels] = self.size;
        let one = self.image_len();
        let pixels = &self.pixels[range.start * one..range.end * one];
        Tensor::from_fn([range.len(), height, width, channels], |i| f32::from(pixels[i]) / 255.0)
    }
}

/// Panics unless the images of both sets have the same size.
#[track_caller]
pub(crate) fn assert_same_size(what: &str, a: &Pictures, b: &Pictures) {
    assert!(a.size == b.size, "{what}: images of {:?} and of {:?}", a.size, b.size);
}
