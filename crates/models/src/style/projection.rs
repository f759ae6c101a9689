//! [`Projection`]: finds the style with which a network generates a given image (Abdal, Qin and
//! Wonka, "Image2StyleGAN: how to embed images into the StyleGAN latent space?", 2019; in the
//! variant of Karras, Laine, Aittala, Hellsten, Lehtinen and Aila, "Analyzing and improving the
//! image quality of StyleGAN", 2020).
//!
//! The network is fixed; its inputs are optimised: one style for all layers, starting from the mean
//! style, and the noise of its layers. Decreasing noise is added to the style, so that the search
//! does not end in the nearest local minimum. The noise maps could encode details of the image; a
//! penalty on the correlation of neighbouring pixels, at all scales, prevents that, and the maps
//! are renormalised to mean 0 and standard deviation 1.
//!
//! The distance of two images is the mean squared difference of their pixels at every scale: of the
//! images themselves, of their halves, and so on. (The authors compare features of a network that
//! was trained on photographs.)

use kernels::Key;
use kernels::optimizer::{Adam, Update, UpdateRule};
use nn::ForwardContext;
use tensor::{Options, Tape, Tensor, Var, grad};

use crate::style::interpolation::part_of_turn;
use crate::trainer::spec::Range;
use crate::{FromLatents, Styles};

/// A search for the style of an image.
pub struct Projection<'a> {
    styles: &'a dyn Styles,
    target: Var,
    /// The standard deviation of the styles.
    deviation: f64,
    seed: u64,
    steps: usize,
    done: usize,
    style: Searched,
    /// The noise of each layer, by name.
    noise: Vec<(String, Searched)>,
}

/// The maximum learning rate.
const LEARNING_RATE: f64 = 0.1;
/// The fraction of all steps during which the learning rate rises from 0...
const RAMP_UP: f64 = 0.05;
/// ...and the fraction during which it falls to 0 again, along a cosine.
const RAMP_DOWN: f64 = 0.25;
/// The initial standard deviation of the noise on the style, relative to that of the styles...
const SHAKE: f64 = 0.05;
/// ...and the fraction of all steps after which there is no more noise.
const SHAKEN: f64 = 0.75;
/// The weight of the penalty on correlated noise maps.
const NOISE_WEIGHT: f64 = 1e5;
/// The number of latents for estimating the standard deviation of the styles.
const MANY: usize = 1000;

fn square(x: f64) -> f64 {
    x * x
}

impl<'a> Projection<'a> {
    /// A search for the style with which `sampler` generates `target`, one image of shape (1,
    /// height, width, channels) with values in [0, 1].
    pub fn new(sampler: &dyn FromLatents, styles: &'a dyn Styles, target: &Tensor, steps: usize, seed: u64) -> Self {
        let (target, mean) = (Var::constant(Range::Symmetric.inward(target)), styles.mean_style());
        let many = styles.styles_of(&sampler.latents(seed, "styles around the mean", MANY));
        let differences = many.data().chunks_exact(mean.size()).flat_map(|style| style.iter().zip(mean.data()));
        let sum: f64 = differences.map(|(a, b)| square(f64::from(a - b))).sum();
        let deviation = (sum / MANY as f64).sqrt();
        let style = Searched::from(mean.reshape([1, mean.size()]));
        let noise = styles.noise().into_iter().map(|(name, map)| (name, Searched::from(map))).collect();
        Self { styles, target, deviation, seed, steps, done: 0, style, noise }
    }

    /// One step of the search.
    pub fn step(&mut self) {
        let (tape, t) = (Tape::new(), self.done as f64 / self.steps as f64);
        let style = tape.variable("style", self.style.value.clone());
        let maps: Vec<Var> = self.noise.iter().map(|(name, map)| tape.variable(name, map.value.clone())).collect();
        let noise = self.deviation * SHAKE * square((1.0 - t / SHAKEN).max(0.0));
        let key = Key::named(self.seed, "shaking of the style").at(self.done as u32);
        let noisy = &style + &Var::constant(nn::init::normal(style.shape(), 0.0, noise, key));

        let loss = distance(&self.painted(&noisy, &maps), &self.target);
        let loss = maps.iter().fold(loss, |loss, map| &loss + &correlation(map).scale(NOISE_WEIGHT));
        let mut gradients = grad(&loss, &[&[style][..], &maps].concat(), Options::default()).into_iter();

        let rate = LEARNING_RATE * (t / RAMP_UP).min(1.0) * fall((1.0 - t) / RAMP_DOWN);
        let searched = [&mut self.style].into_iter().chain(self.noise.iter_mut().map(|(_, map)| map));
        for (searched, gradient) in searched.zip(&mut gradients) {
            searched.update(&gradient.into_value(), rate, self.done as u64 + 1);
        }
        self.noise.iter_mut().for_each(|(_, map)| map.standardise());
        self.done += 1;
    }

    /// The current style, shape (style).
    pub fn style(&self) -> Tensor {
        self.style.value.reshape([self.style.value.size()])
    }

    /// The image of the current style, shape (1, height, width, channels), values in [0, 1].
    pub fn picture(&self) -> Tensor {
        Range::Symmetric.pictures(&self.image())
    }

    /// The distance of that image from the target: the root mean squared difference over all
    /// scales; the distance from black to white is 1.
    pub fn distance(&self) -> f64 {
        f64::from(distance(&self.image(), &self.target).item()).sqrt() / Range::Symmetric.span()
    }

    fn image(&self) -> Var {
        let maps: Vec<Var> = self.noise.iter().map(|(_, map)| Var::constant(map.value.clone())).collect();
        self.painted(&Var::constant(self.style.value.clone()), &maps)
    }

    /// The image of a style with this noise.
    fn painted(&self, style: &Var, maps: &[Var]) -> Var {
        let noise = self.noise.iter().zip(maps).map(|((name, _), map)| (name.clone(), map.clone())).collect();
        self.styles.paint_styled(&mut ForwardContext::inference_with(noise), &vec![style.clone(); self.styles.layers()])
    }
}

/// A tensor that is optimised, with the moments of Adam.
struct Searched {
    value: Tensor,
    state: [Tensor; 2],
}

impl Searched {
    fn from(value: Tensor) -> Self {
        let state = [(); 2].map(|()| Tensor::zeros(*value.shape()));
        Self { value, state }
    }

    /// Update number `t`, from 1.
    fn update(&mut self, gradient: &Tensor, learning_rate: f64, t: u64) {
        let rule = UpdateRule::from(Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 });
        let mut state = self.state.each_mut().map(Tensor::data_mut);
        rule.update(Update::new(t, learning_rate), gradient.data(), &mut state, self.value.data_mut());
    }

    /// Normalises to mean 0 and mean square 1.
    fn standardise(&mut self) {
        let map = Var::constant(self.value.clone());
        let centred = &map - &map.mean();
        self.value = (&centred * &centred.square().mean().add_scalar(1e-12).sqrt().reciprocal()).into_value();
    }
}

/// Half a cosine wave from 0 at x = 0 to 1 at x = 1, and 1 beyond.
fn fall(x: f64) -> f64 {
    let [cosine, _] = part_of_turn([-1.0, 0.0], x.clamp(0.0, 1.0));
    0.5 - 0.5 * cosine
}

/// The mean over all scales of the mean squared difference of images (n, h, w, c); each scale has
/// half the size of the one before.
fn distance(images: &Var, targets: &Var) -> Var {
    let mut difference = images - targets;
    let (mut sum, mut scales) = (difference.square().mean(), 1);
    while [1, 2].iter().all(|axis| difference.shape()[*axis] % 2 == 0) {
        difference = difference.average_pool([2, 2]);
        sum = &sum + &difference.square().mean();
        scales += 1;
    }
    sum.scale(1.0 / f64::from(scales))
}

/// The correlation of neighbours in a noise map (1, h, w, 1): the squared mean of the products of
/// horizontal and vertical neighbours, with wrap-around, at all scales down to 8. It is about 0 for
/// noise.
fn correlation(map: &Var) -> Var {
    let beside = |map: &Var, axis: usize| {
        let end = map.shape()[axis];
        let turned = map.slice(axis, end - 1..end).concat(&map.slice(axis, 0..end - 1), axis);
        (map * &turned).mean().square()
    };
    let at = |map: &Var| &beside(map, 1) + &beside(map, 2);
    let (mut map, mut sum) = (map.clone(), at(map));
    while map.shape()[1] > 8 {
        map = map.average_pool([2, 2]);
        sum = &sum + &at(&map);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: impl Fn(usize, usize) -> f32) -> Var {
        Var::constant(Tensor::from_fn([1, 16, 16, 1], |i| value(i / 16, i % 16)))
    }

    #[test]
    fn noise_has_less_in_common_with_its_neighbours_than_a_drawing() {
        let alike = |map: &Var| f64::from(correlation(map).item());
        let noise = Var::constant(nn::init::normal(&[1, 16, 16, 1], 0.0, 1.0, Key::named(1, "noise")));
        assert!(alike(&noise) < 0.05, "{}", alike(&noise));
        // Halves of -1 and 1: nearly every pixel equals its neighbours, also at half the size.
        let halves = alike(&map(|y, _| if y < 8 { -1.0 } else { 1.0 }));
        let exact = (0.75_f64.powi(2) + 1.0) + (0.5_f64.powi(2) + 1.0);
        assert!((halves - exact).abs() < 1e-6, "{halves}");
        // A checkerboard is equally far from noise, but averages to zero at half the size.
        let board = alike(&map(|y, x| if (y + x) % 2 == 0 { -1.0 } else { 1.0 }));
        assert!((board - 2.0).abs() < 1e-6, "{board}");
    }

    /// The mean over 5 scales; a pattern of single pixels only counts at the first scale.
    #[test]
    fn distances_are_taken_at_every_scale() {
        let apart = |value: Var| distance(&value, &map(|_, _| 0.0)).item();
        assert_eq!(apart(map(|_, _| 2.0)), 4.0);
        assert_eq!(apart(map(|y, x| if (y + x) % 2 == 0 { -1.0 } else { 1.0 })), 0.2);
    }

    #[test]
    fn the_end_of_the_search_is_slow() {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(near(fall(0.0), 0.0) && near(fall(0.5), 0.5) && near(fall(1.0), 1.0) && near(fall(4.0), 1.0));
        assert!(near(fall(0.25), 0.5 - 0.5 * (core::f64::consts::PI / 4.0).cos()));
    }

    #[test]
    fn noise_is_brought_back_to_its_size() {
        let mut noise = Searched::from(Tensor::from_fn([1, 8, 8, 1], |i| i as f32));
        noise.standardise();
        let mean = |of: fn(f64) -> f64| noise.value.data().iter().map(|x| of(f64::from(*x))).sum::<f64>() / 64.0;
        assert!(mean(|x| x).abs() < 1e-6 && (mean(|x| x * x) - 1.0).abs() < 1e-5);
    }
}
