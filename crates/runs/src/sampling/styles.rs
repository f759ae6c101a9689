//! The sheets that show what styles and noise control, for systems with styles.

use std::path::Path;

use datasets::advice;

use crate::failure::{Code, Failure};
use crate::sampling::pictures;
use kernels::Key;
use models::style::mapping::truncated;
use models::{FromLatents, Sampler, Styles};
use tensor::Tensor;

/// The sampler of a run's system and its styles.
///
/// # Errors
/// When it has no styles, so that `option` is not possible.
pub(crate) fn of<'a>(
    sampler: &Sampler<'a>,
    option: &str,
    run: &Path,
) -> Result<(&'a dyn FromLatents, &'a dyn Styles), Failure> {
    if let Sampler::Latents(sampler) = *sampler
        && let Some(styles) = sampler.styles()
    {
        return Ok((sampler, styles));
    }
    Err(Failure::new(Code::Usage, format!("{option} needs a system with styles"))
        .at(run.display())
        .because("this run's generator has no style vectors")
        .help(advice!("needs-styles", "leave out `{option}`, or give it a run of stylegan or stylegan2")))
}

/// A sheet that shows what styles and noise control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StyleSheet {
    /// Each row is one sample, from unchanged (psi 1) through the mean (psi 0) to its opposite (psi
    /// -1).
    Truncation,
    /// Coarse features come from the first picture of the row, fine ones from the first picture of
    /// the column.
    Mixing,
    /// Each row shows one sample, the same sample with other noise, and a map of where noise
    /// changes it (white: most).
    Noise,
}

/// The values of psi of the columns.
const PSI: [f64; 6] = [1.0, 0.7, 0.5, 0.0, -0.5, -1.0];
/// The number of pictures with fresh noise beside each sample.
const NOISY: usize = 3;
/// The number of pictures that the standard deviation is taken over.
const NOISES: u32 = 32;
/// An empty tile, as dark as the gaps.
const EMPTY: f32 = 96.0 / 255.0;

impl StyleSheet {
    /// All sheets.
    pub(crate) const ALL: [Self; 3] = [Self::Truncation, Self::Mixing, Self::Noise];

    /// Its name, for files and messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Truncation => "truncation",
            Self::Mixing => "mixing",
            Self::Noise => "noise",
        }
    }

    /// The default number of samples on a sheet.
    pub(crate) fn default_count(self) -> usize {
        match self {
            Self::Truncation | Self::Mixing => 6,
            Self::Noise => 4,
        }
    }

    /// How many latents a sheet of `count` samples needs.
    pub(crate) fn latents(self, count: usize) -> usize {
        if self == Self::Mixing { 2 * count } else { count }
    }

    /// Rows and columns of a sheet of `count` samples.
    pub(crate) fn grid(self, count: usize) -> [usize; 2] {
        match self {
            Self::Truncation => [count, PSI.len()],
            Self::Mixing => [count + 1, count + 1],
            Self::Noise => [count, 1 + NOISY + 1],
        }
    }

    /// How often [`draw`](Self::draw) calls its `tick` for a sheet of `count` samples.
    pub(crate) fn ticks(self, count: usize) -> u64 {
        match self {
            Self::Noise => u64::from(NOISES) + 1,
            Self::Truncation | Self::Mixing => self.grid(count)[1] as u64,
        }
    }

    /// The columns of the sheet, with pictures of shape `image`; `latents` holds
    /// [`latents`](Self::latents) rows. `seed` is that of the noise. Calls `tick` after each part
    /// of the work.
    pub(crate) fn draw(
        self,
        styles: &dyn Styles,
        latents: &Tensor,
        seed: u64,
        image: [usize; 3],
        tick: &dyn Fn(),
    ) -> Vec<Tensor> {
        let ticked = |drawn: Tensor| {
            tick();
            drawn
        };
        let of = styles.styles_of(latents);
        match self {
            Self::Truncation => {
                let mean = styles.mean_style();
                let of = |psi: &f64| vec![truncated(&of, &mean, *psi); styles.layers()];
                PSI.iter().map(|psi| ticked(in_parts(styles, &of(psi), image))).collect()
            }
            Self::Mixing => mixing(styles, &of, image, &ticked),
            Self::Noise => noise(styles, &of, seed, &ticked),
        }
    }
}

/// Draws with these styles, each used in all layers.
fn everywhere(styles: &dyn Styles, of: &Tensor, noise: Option<Key>) -> Tensor {
    styles.draw_styled(&vec![of.clone(); styles.layers()], noise)
}

/// Draws with separate styles for each layer, in batches.
fn in_parts(styles: &dyn Styles, of_layers: &[Tensor], image: [usize; 3]) -> Tensor {
    pictures::in_parts(of_layers[0].shape()[0], image, |rows| {
        let of_layers: Vec<Tensor> = of_layers.iter().map(|of| of.rows(rows.clone())).collect();
        styles.draw_styled(&of_layers, None)
    })
}

/// The first half of the styles belongs to the rows, the other half to the columns. The layers of
/// the small resolutions, which come first, take the style of the row, the others that of the
/// column.
fn mixing(styles: &dyn Styles, of: &Tensor, image: [usize; 3], ticked: &dyn Fn(Tensor) -> Tensor) -> Vec<Tensor> {
    let (layers, [count, size]) = (styles.layers(), [of.shape()[0] / 2, of.shape()[1]]);
    let (rows, columns) = of.data().split_at(count * size);
    let rows = Tensor::new(&[count, size], rows.to_vec());
    let begun_by = |first: &[f32], pictures: &Tensor| {
        let &[_, h, w, c] = &**pictures.shape() else { unreachable!("pictures are (n, h, w, c)") };
        Tensor::new(&[count + 1, h, w, c], [first, pictures.data()].concat())
    };
    let own = ticked(in_parts(styles, &vec![rows.clone(); layers], image));
    let begins_columns = vec![EMPTY; own.size() / count];
    let column = |style: &[f32]| {
        let coarse = layers / 2;
        let fine = Tensor::new(&[count, size], style.repeat(count));
        let of_layers = [vec![rows.clone(); coarse], vec![fine; layers - coarse]].concat();
        let source = everywhere(styles, &Tensor::new(&[1, size], style.to_vec()), None);
        begun_by(source.data(), &ticked(in_parts(styles, &of_layers, image)))
    };
    [begun_by(&begins_columns, &own)].into_iter().chain(columns.chunks(size).map(column)).collect()
}

/// Samples, the same with fresh noise, and the standard deviation of each pixel over many noise
/// maps, relative to the largest.
fn noise(styles: &dyn Styles, of: &Tensor, seed: u64, ticked: &dyn Fn(Tensor) -> Tensor) -> Vec<Tensor> {
    let with = |number: u32| everywhere(styles, of, Some(Key::named(seed, "noise of a sheet").at(number)));
    let mut columns = vec![ticked(everywhere(styles, of, None))];
    let (shape, size) = (*columns[0].shape(), columns[0].size());
    let mut sums = vec![[0.0f64; 2]; size];
    for number in 0..NOISES {
        let pictures = ticked(with(number));
        for ([sum, squares], x) in sums.iter_mut().zip(pictures.data()) {
            // Values are taken relative to the middle, to reduce cancellation in the difference
            // below.
            let x = f64::from(*x) - 0.5;
            (*sum, *squares) = (*sum + x, *squares + x * x);
        }
        if columns.len() <= NOISY {
            columns.push(pictures);
        }
    }
    let count = f64::from(NOISES);
    let variances = sums.iter().map(|[sum, squares]| (squares / count - (sum / count).powi(2)).max(0.0));
    let variances: Vec<f64> = variances.collect();
    let channels = shape[3];
    let deviation = |pixel: &[f64]| (pixel.iter().sum::<f64>() / channels as f64).sqrt();
    let deviations: Vec<f64> = variances.chunks(channels).map(deviation).collect();
    let most = deviations.iter().fold(f64::MIN_POSITIVE, |most, deviation| most.max(*deviation));
    columns.push(Tensor::from_fn(shape, |i| (deviations[i / channels] / most) as f32));
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use nn::ForwardContext;
    use tensor::Shape;
    use tensor::Var;

    /// Two layers, and pictures of two pixels: the style of each layer, plus a tenth of a noise
    /// value in the second.
    struct Plain;

    impl Styles for Plain {
        fn styles_of(&self, latents: &Tensor) -> Tensor {
            latents.clone()
        }
        fn mean_style(&self) -> Tensor {
            Tensor::full([1], 0.5)
        }
        fn layers(&self) -> usize {
            2
        }
        fn style_weights(&self) -> Vec<Tensor> {
            Vec::new()
        }
        fn noise(&self) -> Vec<(String, Tensor)> {
            Vec::new()
        }
        fn paint_styled(&self, _: &mut ForwardContext, _: &[Var]) -> Var {
            unreachable!("sheets are drawn")
        }
        fn draw_styled(&self, styles: &[Tensor], noise: Option<Key>) -> Tensor {
            assert_eq!(styles.len(), 2);
            let count = styles[0].shape()[0];
            let noisy = |i: usize| noise.map_or(0.0, |key| (key.step % 2) as f32 * 0.1) * (i % 2) as f32;
            Tensor::from_fn(Shape::from([count, 1, 2, 1]), |i| styles[i % 2].data()[i / 2] + noisy(i))
        }
    }

    fn columns(sheet: StyleSheet, latents: &[f32]) -> Vec<Vec<f32>> {
        let latents = Tensor::new(&[latents.len(), 1], latents.to_vec());
        let ticks = std::cell::Cell::new(0);
        let columns = sheet.draw(&Plain, &latents, 1, [1, 2, 1], &|| ticks.set(ticks.get() + 1));
        let count = match sheet {
            StyleSheet::Mixing => latents.size() / 2,
            _ => latents.size(),
        };
        assert_eq!(ticks.get(), sheet.ticks(count));
        assert_eq!((sheet.latents(count), columns.len()), (latents.size(), sheet.grid(count)[1]));
        assert!(columns.iter().all(|column| column.shape()[0] == sheet.grid(count)[0]));
        columns.iter().map(|column| column.data().to_vec()).collect()
    }

    #[test]
    fn truncation_goes_through_the_mean() {
        let columns = columns(StyleSheet::Truncation, &[0.75, 0.25]);
        assert_eq!((&columns[0][..], &columns[3][..]), (&[0.75, 0.75, 0.25, 0.25][..], &[0.5; 4][..]));
        assert_eq!(columns[5], [0.25, 0.25, 0.75, 0.75], "the opposite");
    }

    #[test]
    fn a_mixed_picture_has_its_row_s_coarse_and_its_column_s_fine_style() {
        let columns = columns(StyleSheet::Mixing, &[0.1, 0.2, 0.3, 0.4]);
        assert_eq!(columns[0], [EMPTY, EMPTY, 0.1, 0.1, 0.2, 0.2]);
        assert_eq!(columns[1], [0.3, 0.3, 0.1, 0.3, 0.2, 0.3]);
        assert_eq!(columns[2], [0.4, 0.4, 0.1, 0.4, 0.2, 0.4]);
    }

    #[test]
    fn where_noise_counts_the_deviation_is_white() {
        let columns = columns(StyleSheet::Noise, &[0.5]);
        assert_eq!(columns[..4], [[0.5, 0.5], [0.5, 0.5], [0.5, 0.6], [0.5, 0.5]]);
        assert_eq!(columns[4], [0.0, 1.0]);
    }
}
