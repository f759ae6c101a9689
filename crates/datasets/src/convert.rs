//! Images of one size and kind as images of another.

use crate::folder::{Crop, Fitting};
use crate::images::Images;
use crate::range::Levels;
use rayon::prelude::*;

impl Images {
    /// The same images as `size` (height, width, channels), fitted as pictures of files are: `levels` are applied to their bytes,
    /// those with alpha are laid on the background, other sizes are cropped and scaled, colours become grey or grey is repeated.
    ///
    /// # Panics
    /// If a side is 0, or the channels are neither as before nor 1 nor 3.
    pub fn converted(self, size: [usize; 3], fitting: &Fitting, Levels(range): Levels) -> Self {
        let before = self.size();
        if before == size && fitting.crop == Crop::None && range.is_none() {
            return self;
        }
        let table: Option<Vec<u8>> = range.map(|range| (0..=255).map(|byte| range.byte(f64::from(byte))).collect());
        let convert = |index: usize| {
            let image = self.image(index);
            let levelled: Option<Vec<u8>> =
                table.as_ref().map(|table| image.iter().map(|&byte| table[usize::from(byte)]).collect());
            fitting.convert(levelled.as_deref().unwrap_or(image), before, size)
        };
        let pixels: Vec<u8> = (0..self.count()).into_par_iter().flat_map_iter(convert).collect();
        let images = Self::new(pixels, size, self.origin().to_owned());
        match self.labels() {
            Some(labels) => images.with_labels(labels.to_vec(), self.class_names().to_vec()),
            None => images,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::{Aspect, Background, Filter};
    use crate::range::Range;

    #[test]
    fn sizes_channels_and_numbers_are_brought_to_what_is_wanted() {
        let images = |bytes: &[u8], size| Images::new(bytes.to_vec(), size, "a test".into());
        let usual = Fitting::default();
        let auto = Levels::default();
        let grey = images(&[1, 2, 3, 4], [2, 2, 1]).with_labels(vec![0], vec!["a".into()]);
        let colour = grey.clone().converted([2, 2, 3], &usual, auto);
        assert_eq!(colour.image(0), [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
        assert_eq!((colour.labels(), colour.class_names().len()), (Some(&[0][..]), 1));
        assert_eq!(colour.converted([2, 2, 1], &usual, auto).image(0), [1, 2, 3, 4]);
        assert_eq!(grey.clone().converted([1, 1, 1], &usual, auto).image(0), [3]);
        // As it is scaled by `in_size`, where nothing is cropped.
        let area = |images: Images| images.in_size([1, 1, 1], Filter::Area);
        assert_eq!(area(grey.clone()), grey.clone().converted([1, 1, 1], &usual, auto));
        let turned = Levels(Range::new(255.0, 0.0));
        assert_eq!(grey.clone().converted([2, 2, 1], &usual, turned).image(0), [254, 253, 252, 251]);
        let padded = Fitting { aspect: Aspect::Pad, background: Background([9; 3]), ..Fitting::default() };
        assert_eq!(grey.converted([2, 4, 1], &padded, auto).image(0), [9, 1, 2, 9, 9, 3, 4, 9]);
        let clear = images(&[255, 0, 0, 51], [1, 1, 4]);
        let below = Fitting { background: Background([0, 100, 200]), ..Fitting::default() };
        assert_eq!(clear.converted([1, 1, 3], &below, auto).image(0), [51, 80, 160]);
    }
}
