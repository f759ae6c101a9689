//! Wrong answers to exercises 13 to 16.

use exercises::Mistake::*;
use exercises::judges;

use crate::Mutant;

/// The loops of exercise 13 with given output ranges, tap offset and tap indexing.
fn image_gradient(
    [kernel, gy]: [&[f64]; 2],
    [height, width]: [usize; 2],
    counts: impl Fn(usize, usize) -> bool,
    offset: [usize; 2],
    tap: impl Fn(usize, usize) -> usize,
    meet: impl Fn(f64, f64) -> f64,
) -> Vec<f64> {
    let mut gx = vec![0.0; height * width];
    for i in (0..height * width).filter(|i| counts(i / width, i % width)) {
        for (p, q) in (0..9).map(|t| (t / 3, t % 3)) {
            let (y, x) = (i / width + p, i % width + q);
            if (offset[0]..height + offset[0]).contains(&y) && (offset[1]..width + offset[1]).contains(&x) {
                let place = &mut gx[(y - offset[0]) * width + x - offset[1]];
                *place = meet(*place, gy[i] * kernel[tap(p, q)]);
            }
        }
    }
    gx
}

/// The same for exercise 14.
fn kernel_gradient(
    [x, gy]: [&[f64]; 2],
    [_, height, width]: [usize; 3],
    counts: impl Fn(usize, usize, usize) -> bool,
    offset: [usize; 2],
) -> Vec<f64> {
    let mut gradient = vec![0.0; 9];
    for (i, gy) in gy.iter().enumerate() {
        let (n, r, c) = (i / (height * width), i / width % height, i % width);
        for (p, q) in (0..9).map(|t| (t / 3, t % 3)).filter(|_| counts(n, r, c)) {
            let (y, column) = (r + p, c + q);
            if (offset[0]..height + offset[0]).contains(&y) && (offset[1]..width + offset[1]).contains(&column) {
                gradient[p * 3 + q] += gy * x[(n * height + y - offset[0]) * width + column - offset[1]];
            }
        }
    }
    gradient
}

/// The same for exercise 15.
fn transposed(
    [x, kernel]: [&[f64]; 2],
    [height, width]: [usize; 2],
    stride: usize,
    tap: impl Fn(usize, usize) -> usize,
    meet: impl Fn(f64, f64) -> f64,
) -> Vec<f64> {
    let out = 2 * width + 1;
    let mut y = vec![0.0; (2 * height + 1) * out];
    for i in 0..height * width {
        for (p, q) in (0..9).map(|t| (t / 3, t % 3)) {
            let place = &mut y[(stride * (i / width) + p) * out + stride * (i % width) + q];
            *place = meet(*place, x[i] * kernel[tap(p, q)]);
        }
    }
    y
}

/// The four positions of a block of exercise 16.
fn block(i: usize, width: usize) -> [usize; 4] {
    let corner = i / width * 4 * width + i % width * 2;
    [corner, corner + 1, corner + 2 * width, corner + 2 * width + 1]
}

pub(crate) fn mutants() -> Vec<Mutant> {
    let straight = |p: usize, q: usize| 3 * p + q;
    let add = |old: f64, new: f64| old + new;
    let all = |_: usize, _: usize| true;
    let each = |_: usize, _: usize, _: usize| true;
    let pool = |name, made, share: fn([f64; 4], usize) -> f64| {
        let attempt = |x: &[f64], gy: &[f64], _: usize, width: usize| {
            let mut gx = vec![0.0; x.len()];
            for (i, gy) in gy.iter().enumerate() {
                let places = block(i, width);
                (0..4).for_each(|k| gx[places[k]] = gy * share(places.map(|place| x[place]), k));
            }
            gx
        };
        Mutant(16, name, made, judges::max_pool(&attempt))
    };
    fn is(yes: bool) -> f64 {
        f64::from(u8::from(yes))
    }
    let largest = |of: [f64; 4]| of.into_iter().fold(f64::MIN, f64::max);
    vec![
        Mutant(13, "no outputs at the border", Border, {
            judges::conv_input(&|k, gy, h, w| {
                let inner = |r: usize, c: usize| (1..h - 1).contains(&r) && (1..w - 1).contains(&c);
                image_gradient([k, gy], [h, w], inner, [1, 1], straight, add)
            })
        }),
        Mutant(13, "taps one place off", Border, {
            judges::conv_input(&|k, gy, h, w| image_gradient([k, gy], [h, w], all, [0, 0], straight, add))
        }),
        Mutant(13, "taps one column off", Border, {
            judges::conv_input(&|k, gy, h, w| image_gradient([k, gy], [h, w], all, [1, 2], straight, add))
        }),
        Mutant(13, "the kernel turned", Transposed, {
            judges::conv_input(&|k, gy, h, w| image_gradient([k, gy], [h, w], all, [1, 1], |p, q| 8 - 3 * p - q, add))
        }),
        Mutant(13, "the kernel transposed", Transposed, {
            judges::conv_input(&|k, gy, h, w| image_gradient([k, gy], [h, w], all, [1, 1], |p, q| 3 * q + p, add))
        }),
        Mutant(13, "= instead of +=", Overwritten, {
            judges::conv_input(&|k, gy, h, w| image_gradient([k, gy], [h, w], all, [1, 1], straight, |_, new| new))
        }),
        Mutant(13, "the last row of outputs left out", Border, {
            judges::conv_input(&|k, gy, h, w| image_gradient([k, gy], [h, w], |r, _| r + 1 < h, [1, 1], straight, add))
        }),
        Mutant(14, "the last image only", Overwritten, {
            judges::conv_weight(&|x, gy, s| kernel_gradient([x, gy], s, |n, _, _| n + 1 == s[0], [1, 1]))
        }),
        Mutant(14, "the first image only", Overwritten, {
            judges::conv_weight(&|x, gy, s| kernel_gradient([x, gy], s, |n, _, _| n == 0, [1, 1]))
        }),
        Mutant(14, "no outputs at the border", Border, {
            judges::conv_weight(&|x, gy, s| {
                let inner = |_: usize, r: usize, c: usize| (1..s[1] - 1).contains(&r) && (1..s[2] - 1).contains(&c);
                kernel_gradient([x, gy], s, inner, [1, 1])
            })
        }),
        Mutant(
            14,
            "taps one place off",
            Border,
            judges::conv_weight(&|x, gy, s| kernel_gradient([x, gy], s, each, [0, 0])),
        ),
        Mutant(14, "turned", Transposed, {
            judges::conv_weight(&|x, gy, s| kernel_gradient([x, gy], s, each, [1, 1]).into_iter().rev().collect())
        }),
        Mutant(14, "the mean of the images", Factor, {
            judges::conv_weight(&|x, gy, s| {
                kernel_gradient([x, gy], s, each, [1, 1]).into_iter().map(|g| g / s[0] as f64).collect()
            })
        }),
        Mutant(14, "gy ignored", UpstreamIgnored, {
            judges::conv_weight(&|x, gy, s| kernel_gradient([x, &vec![1.0; gy.len()]], s, each, [1, 1]))
        }),
        Mutant(15, "= instead of +=", Overwritten, {
            judges::conv_transpose(&|x, k, h, w| transposed([x, k], [h, w], 2, straight, |_, new| new))
        }),
        Mutant(15, "the kernel turned", Transposed, {
            judges::conv_transpose(&|x, k, h, w| transposed([x, k], [h, w], 2, |p, q| 8 - 3 * p - q, add))
        }),
        Mutant(15, "stride 1", Border, {
            judges::conv_transpose(&|x, k, h, w| transposed([x, k], [h, w], 1, straight, add))
        }),
        Mutant(15, "the rows of y as long as those of x", Unknown, {
            judges::conv_transpose(&|x, k, h, w| {
                let mut y = vec![0.0; (2 * h + 1) * (2 * w + 1)];
                for (i, t) in (0..h * w).flat_map(|i| (0..9).map(move |t| (i, t))) {
                    y[(2 * (i / w) + t / 3) * w + 2 * (i % w) + t % 3] += x[i] * k[t];
                }
                y
            })
        }),
        Mutant(15, "a row and a column too few", Shape, {
            judges::conv_transpose(&|x, k, h, w| {
                let mut y = transposed([x, k], [h, w], 2, straight, add);
                y.truncate(4 * h * w);
                y
            })
        }),
        Mutant(15, "all shifted by one column", Border, {
            judges::conv_transpose(&|x, k, h, w| {
                let mut y = transposed([x, k], [h, w], 2, straight, add);
                y.rotate_right(1);
                y
            })
        }),
        pool("to all four", Mask, |_, _| 1.0),
        pool("to all that are positive", Mask, |of, k| is(of[k] > 0.0)),
        pool("to the smallest", Mask, |of, k| is(of[k] == of.into_iter().fold(f64::MAX, f64::min))),
        pool("to the first", Mask, |_, k| is(k == 0)),
        pool("a quarter to each", Mask, |_, _| 0.25),
        Mutant(16, "minus", Sign, {
            judges::max_pool(&|x, gy, _, w| {
                let mut gx = vec![0.0; x.len()];
                for (i, gy) in gy.iter().enumerate() {
                    let places = block(i, w);
                    let most = largest(places.map(|place| x[place]));
                    places.into_iter().for_each(|place| gx[place] = -gy * is(x[place] == most));
                }
                gx
            })
        }),
        Mutant(16, "1 at the winner, without gy", UpstreamIgnored, {
            judges::max_pool(&|x, gy, _, w| {
                let mut gx = vec![0.0; x.len()];
                for (i, _) in gy.iter().enumerate() {
                    let places = block(i, w);
                    let most = largest(places.map(|place| x[place]));
                    places.into_iter().for_each(|place| gx[place] = is(x[place] == most));
                }
                gx
            })
        }),
        Mutant(16, "the shape of y", Shape, judges::max_pool(&|_, gy, _, _| gy.to_vec())),
    ]
}
