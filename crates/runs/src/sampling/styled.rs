//! [`Styled`]: draws from styles that were truncated, moved or given.

use std::path::Path;

use super::styles;
use crate::failure::Failure;
use models::style::mapping::truncated;
use models::{FromLatents, LatentKind, Sampler, Styles};
use tensor::Tensor;

/// Draws from styles instead of latents, or from latents with changed styles: styles are first
/// moved towards their mean (less varied pictures of higher quality), then along directions.
pub(crate) struct Styled<'a> {
    sampler: &'a dyn FromLatents,
    styles: &'a dyn Styles,
    /// Whether the "latents" of this sampler are styles: (layers * style) numbers each.
    from_styles: bool,
    psi: f64,
    /// What is added to the style of each layer; empty for nothing.
    shift: Vec<Vec<f32>>,
}

impl<'a> Styled<'a> {
    /// Multiplies the distance of each style from the mean by `psi`; 1 changes nothing. `option` is
    /// the command-line option that needs styles.
    ///
    /// # Errors
    /// When the system of this run has no styles.
    pub(crate) fn new(sampler: &Sampler<'a>, psi: f64, option: &str, run: &Path) -> Result<Self, Failure> {
        let (sampler, styles) = styles::of(sampler, option, run)?;
        Ok(Self { sampler, styles, from_styles: false, psi, shift: Vec::new() })
    }

    /// Whether the "latents" are styles.
    pub(super) fn is_from_styles(&self) -> bool {
        self.from_styles
    }

    /// The system's two stages.
    pub(super) fn styles(&self) -> &'a dyn Styles {
        self.styles
    }

    /// Draws from styles: the "latents" of this sampler are then those of all layers.
    pub(super) fn on_styles(self) -> Self {
        Self { from_styles: true, ..self }
    }

    /// Adds `shift` to the style of each layer.
    pub(super) fn moved(self, shift: Vec<Vec<f32>>) -> Self {
        Self { shift, ..self }
    }

    /// The shape of the styles of one image: (layers, style).
    pub(super) fn shape(&self) -> [usize; 2] {
        [self.styles.layers(), self.styles.mean_style().size()]
    }

    /// The style of each layer with which `draw` draws these latents, each of shape (n, style).
    pub(super) fn of_layers(&self, latents: &Tensor) -> Vec<Tensor> {
        let ([layers, width], count) = (self.shape(), latents.shape()[0]);
        let styles = if self.from_styles {
            let of = |layer: usize| {
                let part = |i: usize| latents.data()[(i / width * layers + layer) * width + i % width];
                Tensor::from_fn([count, width], part)
            };
            (0..layers).map(of).collect()
        } else {
            vec![self.styles.styles_of(latents); layers]
        };
        let mean = self.styles.mean_style();
        let mut styles: Vec<Tensor> = styles.iter().map(|styles| truncated(styles, &mean, self.psi)).collect();
        for (styles, shift) in styles.iter_mut().zip(&self.shift) {
            styles
                .data_mut()
                .chunks_exact_mut(width)
                .flat_map(|style| style.iter_mut().zip(shift))
                .for_each(|(x, d)| *x += d);
        }
        styles
    }
}

impl FromLatents for Styled<'_> {
    /// Straight lines between styles, as between uniform latents.
    fn kind(&self) -> LatentKind {
        if self.from_styles { LatentKind::Uniform } else { self.sampler.kind() }
    }

    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
        let latents = self.sampler.latents(seed, stream, count);
        if !self.from_styles {
            return latents;
        }
        let ([layers, width], styles) = (self.shape(), self.styles.styles_of(&latents));
        Tensor::from_fn([count, layers * width], |i| styles.data()[i / (layers * width) * width + i % width])
    }

    fn draw(&self, latents: &Tensor) -> Tensor {
        self.styles.draw_styled(&self.of_layers(latents), None)
    }
}

/// The styles of all layers as one array: (n, style) if they are equal in all layers, otherwise (n,
/// layers, style).
pub(super) fn together(of_layers: &[Tensor]) -> Tensor {
    let first = &of_layers[0];
    if of_layers.iter().all(|styles| styles == first) {
        return first.clone();
    }
    let (layers, &[count, width]) = (of_layers.len(), &**first.shape()) else { unreachable!("styles are (n, style)") };
    let part = |i: usize| of_layers[i / width % layers].data()[i / (width * layers) * width + i % width];
    Tensor::from_fn([count, layers, width], part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_of_layers_are_put_together() {
        let styles = |first: f32| Tensor::from_fn([2, 3], |i| first + i as f32);
        assert_eq!(together(&[styles(0.0), styles(0.0)]), styles(0.0));
        let both = together(&[styles(0.0), styles(10.0)]);
        assert_eq!(both.shape().to_vec(), [2, 2, 3]);
        assert_eq!(both.data(), [0.0, 1.0, 2.0, 10.0, 11.0, 12.0, 3.0, 4.0, 5.0, 13.0, 14.0, 15.0]);
    }
}
