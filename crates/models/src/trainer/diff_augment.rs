//! Differentiable augmentation: random changes to everything that the discriminator sees, reals and
//! fakes alike, through which the generator's gradient flows back (Zhao, Liu, Lin, Zhu and Han,
//! "Differentiable augmentation for data-efficient GAN training", 2020). This keeps the
//! discriminator from memorising a small training set, and the generator does not learn to
//! reproduce the augmentations.

use kernels::Key;
use kernels::random::{unit, words};
use serde::{Deserialize, Serialize};
use tensor::{Tensor, Var};

/// An augmentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Augment {
    /// Changes the brightness by up to a quarter of the range of values in either direction, and
    /// multiplies the saturation by 0 to 2 and the contrast by 0.5 to 1.5. Alpha is not changed.
    Color,
    /// Shifted by up to an eighth of the image along each axis, padded with zeros.
    Translation,
    /// A square of half the image's side is set to zero at a random position, which may reach
    /// beyond the edge.
    Cutout,
}

/// Images of shape (n, h, w, c) with all augmentations of `kinds`, in the authors' order. Values
/// span a range of `span`; `key` is the random stream, from which each image gets numbers of its
/// own.
pub(crate) fn augmented(images: &Var, kinds: &[Augment], span: f64, key: Key) -> Var {
    let mut images = images.clone();
    if kinds.contains(&Augment::Color) {
        images = recolored(&images, span, key);
    }
    if kinds.contains(&Augment::Translation) {
        images = translated(&images, key);
    }
    if kinds.contains(&Augment::Cutout) {
        images = cut_out(&images, key);
    }
    images
}

/// Like [`augmented`], but each augmentation is applied to each image with probability `p`,
/// independently of the others.
pub(crate) fn sometimes_augmented(images: &Var, kinds: &[Augment], span: f64, p: f64, key: Key) -> Var {
    let all = [Augment::Color, Augment::Translation, Augment::Cutout];
    let chosen = all.iter().zip(7..).filter(|(kind, _)| kinds.contains(kind));
    chosen.fold(images.clone(), |images, (kind, number)| {
        let applied = for_each(&images, |image| f64::from(u8::from(draw(key, image, number) < p)));
        let changed = augmented(&images, &[*kind], span, key);
        &images + &(&(&changed - &images) * &applied)
    })
}

/// Random number `number` of an image, uniform in [0, 1): 0 to 2 are for colours, 3 and 4 for the
/// translation, 5 and 6 for the cutout, 7 to 9 for whether each of them is applied.
fn draw(key: Key, image: usize, number: usize) -> f64 {
    // A third block of numbers for what came later, so that the first two keep their places.
    let block = if number < 8 { 2 * image + number / 4 } else { (1 << 31) + image };
    unit(words(key, block as u32)[number % 4])
}

/// One number per image, shape (n, 1, 1, 1).
fn for_each(images: &Var, value: impl Fn(usize) -> f64) -> Var {
    Var::constant(Tensor::from_fn([images.shape()[0], 1, 1, 1], |image| value(image) as f32))
}

fn recolored(images: &Var, span: f64, key: Key) -> Var {
    let &[n, h, w, _] = &**images.shape() else { panic!("augment: {} is not (n, h, w, c)", images.shape()) };
    let brightness = for_each(images, |image| span / 2.0 * (draw(key, image, 0) - 0.5));
    let saturation = for_each(images, |image| 2.0 * draw(key, image, 1));
    let contrast = for_each(images, |image| 0.5 + draw(key, image, 2));
    // Alpha is no colour: it counts in no mean, and stays as it is.
    let colours = (images.shape()[3] == 4).then(|| Var::constant(Tensor::new(&[1, 1, 1, 4], vec![1.0, 1.0, 1.0, 0.0])));
    let mean = |images: &Var, shape: [usize; 4]| match &colours {
        Some(colours) => (images * colours).mean_to(shape).scale(4.0 / 3.0),
        None => images.mean_to(shape),
    };
    let about = |images: &Var, middle: Var, factor: &Var| &(&(images - &middle) * factor) + &middle;
    let bright = images + &brightness;
    let saturated = about(&bright, mean(&bright, [n, h, w, 1]), &saturation);
    let changed = about(&saturated, mean(&saturated, [n, 1, 1, 1]), &contrast);
    match &colours {
        Some(colours) => images + &(&(&changed - images) * colours),
        None => changed,
    }
}

/// An integer in 0..choices, from a random number in [0, 1).
fn one_of(choices: usize, draw: f64) -> usize {
    (draw * choices as f64) as usize
}

fn translated(images: &Var, key: Key) -> Var {
    let sizes = [images.shape()[1], images.shape()[2]];
    let distance = |image: usize, axis: usize| {
        let most = (sizes[axis] as f64 / 8.0 + 0.5) as usize;
        one_of(2 * most + 1, draw(key, image, 3 + axis)) as isize - most as isize
    };
    images.shift(&(0..images.shape()[0]).map(|image| [distance(image, 0), distance(image, 1)]).collect::<Vec<_>>())
}

fn cut_out(images: &Var, key: Key) -> Var {
    let [n, h, w] = [0, 1, 2].map(|axis| images.shape()[axis]);
    // For each axis the first and the last pixel of the cutout.
    let cut = |image: usize, axis: usize, size: usize| {
        let length = (size as f64 / 2.0 + 0.5) as usize;
        let middle = one_of(size + 1 - length % 2, draw(key, image, 5 + axis));
        [middle as isize - (length / 2) as isize, (middle + length - length / 2) as isize - 1]
    };
    let cuts: Vec<_> = (0..n).map(|image| [cut(image, 0, h), cut(image, 1, w)]).collect();
    let mask = Tensor::from_fn([n, h, w, 1], |i| {
        let (image, place) = (i / (h * w), [i / w % h, i % w]);
        let inside = |axis: usize| (cuts[image][axis][0]..=cuts[image][axis][1]).contains(&(place[axis] as isize));
        f32::from(u8::from(!(inside(0) && inside(1))))
    });
    images * &Var::constant(mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{Options, Tape, grad};

    const KEY: Key = Key { seed: 1, stream: 2, step: 3 };

    fn images(channels: usize) -> Tensor {
        nn::init::uniform(&[64, 8, 8, channels], -1.0, 1.0, Key::named(1, "images"))
    }

    fn changed(kind: Augment, images: &Tensor) -> Tensor {
        augmented(&Var::constant(images.clone()), &[kind], 2.0, KEY).into_value()
    }

    #[test]
    fn each_image_is_augmented_with_the_probability_by_each_kind_by_itself() {
        let (images, kinds) = (images(1), [Augment::Translation, Augment::Cutout]);
        let sometimes =
            |kinds: &[Augment], p| sometimes_augmented(&Var::constant(images.clone()), kinds, 2.0, p, KEY).into_value();
        assert_eq!(sometimes(&kinds, 0.0), images);
        let always = augmented(&Var::constant(images.clone()), &kinds, 2.0, KEY);
        let largest = (&always - &Var::constant(sometimes(&kinds, 1.0))).into_value();
        assert!(largest.data().iter().all(|x| x.abs() < 1e-6), "the same augmentations as always");
        // A cutout changes every image, so a third of the 64 images are left as they are.
        let [cut, moved] = [[Augment::Cutout], [Augment::Translation]].map(|kind| {
            let some = sometimes(&kind, 0.66);
            (0..64).map(|image| some.rows(image..image + 1) != images.rows(image..image + 1)).collect::<Vec<_>>()
        });
        let count = cut.iter().filter(|changed| **changed).count();
        assert!((34..=50).contains(&count), "{count}");
        assert!(cut.iter().zip(&moved).any(|(cut, moved)| !cut && *moved), "each kind has its own number");
    }

    #[test]
    fn colours_move_within_their_ranges_and_no_two_images_alike() {
        let grey = Tensor::full([64, 2, 2, 1], 0.25);
        // A uniform grey image has neither saturation nor contrast: only its brightness changes.
        let bright = changed(Augment::Color, &grey);
        let moves: Vec<f32> = bright.data().chunks(4).map(|image| image[0] - 0.25).collect();
        assert!(moves.iter().all(|by| by.abs() <= 0.5) && moves.iter().any(|by| by.abs() > 0.4));
        assert!(moves[0] != moves[1]);
        // Saturation and contrast do not change the mean of an image.
        let colorful = images(3);
        let mean = |x: &Tensor, image: usize| x.data()[image * 192..][..192].iter().sum::<f32>() / 192.0;
        let recolored = changed(Augment::Color, &colorful);
        for (image, by) in moves.iter().enumerate() {
            assert!((mean(&recolored, image) - mean(&colorful, image) - by).abs() < 1e-5, "image {image}");
        }
    }

    #[test]
    fn alpha_keeps_its_values_and_colours_change_as_without_it() {
        let opaque = images(3);
        let alpha = |i: usize| (i % 7) as f32 / 7.0;
        let pixels = opaque.data().chunks(3).enumerate();
        let with_alpha = pixels.flat_map(|(i, pixel)| pixel.iter().copied().chain([alpha(i)]).collect::<Vec<_>>());
        let [plain, clear] = [changed(Augment::Color, &opaque), {
            changed(Augment::Color, &Tensor::new(&[64, 8, 8, 4], with_alpha.collect()))
        }];
        for (i, (colour, pixel)) in plain.data().chunks(3).zip(clear.data().chunks(4)).enumerate() {
            assert_eq!(pixel[3], alpha(i), "pixel {i}");
            assert!(colour.iter().zip(pixel).all(|(a, b)| (a - b).abs() < 1e-5), "pixel {i}: {colour:?} {pixel:?}");
        }
    }

    #[test]
    fn translations_and_cuts_have_their_sizes() {
        let ones = Tensor::full([64, 8, 8, 1], 1.0);
        let left: Vec<f32> =
            changed(Augment::Translation, &ones).data().chunks(64).map(|image| image.iter().sum()).collect();
        // Shifted by -1, 0 or 1 pixel on each axis.
        assert!(left.iter().all(|left| [64.0, 56.0, 49.0].contains(left)), "{left:?}");
        assert!([64.0, 56.0, 49.0].iter().all(|size| left.contains(size)));
        let cut: Vec<f32> =
            changed(Augment::Cutout, &ones).data().chunks(64).map(|image| 64.0 - image.iter().sum::<f32>()).collect();
        assert!(cut.iter().all(|cut| (4.0..=16.0).contains(cut)) && cut.contains(&16.0), "{cut:?}");
    }

    /// All augmentations together are linear in the image.
    #[test]
    fn gradients_flow_back_through_all_of_them() {
        let all = [Augment::Color, Augment::Translation, Augment::Cutout];
        let tape = Tape::new();
        let x = tape.variable("images", images(3));
        let loss = |x: &Var| augmented(x, &all, 2.0, KEY).square().sum();
        let gradient = grad(&loss(&x), std::slice::from_ref(&x), Options::default()).remove(0).into_value();
        for i in [7, 1000, 5000, 12_000] {
            let moved = |by: f32| {
                let mut moved = x.value().clone();
                moved.data_mut()[i] += by;
                f64::from(loss(&Var::constant(moved)).item())
            };
            let slope = (moved(0.05) - moved(-0.05)) / 0.1;
            assert!((slope - f64::from(gradient.data()[i])).abs() < 0.02 * (1.0 + slope.abs()), "{i}: {slope}");
        }
        let same = augmented(&x, &all, 2.0, KEY);
        assert_eq!(same.value(), augmented(&x, &all, 2.0, KEY).value());
        assert_ne!(same.value(), augmented(&x, &all, 2.0, Key { step: 4, ..KEY }).value());
    }
}
