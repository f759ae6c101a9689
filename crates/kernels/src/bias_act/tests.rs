//! The fused kernel against the separate ones, bit for bit, on every instruction set.

use super::{bias_act, bias_act_grad};
use crate::arguments::BiasActivation;
use crate::elementwise::{Binary, Unary};
use crate::pieces::GRAIN;
use crate::random::Key;
use crate::testing::{assert_same_bits, same_bits_everywhere, wild_numbers};
use crate::{Element, dropout, elementwise, reduce};

/// (rows, columns)
const SHAPES: [(usize, usize); 16] = [
    (0, 5),
    (1, 1),
    (1, 7),
    (3, 5),
    (100, 1),
    (GRAIN + 1, 1),
    (6_001, 3),
    (37, 16),
    (50_001, 8),
    (257, 64),
    (300, 67),
    (101, 100),
    (513, 512),
    (9, 1025),
    (300, 1101),
    (2, 3136),
];

/// Every combination of the optional parts.
fn settings() -> Vec<BiasActivation> {
    let dropouts = [None, Some((0.4, Key::named(3, "bias_act").at(9))), Some((0.0, Key::new(1, 1)))];
    let slopes = [None, Some(0.0), Some(0.2), Some(1.5)];
    slopes.into_iter().flat_map(|slope| dropouts.map(|dropout| BiasActivation { slope, dropout })).collect()
}

/// The output of a kernel, of `len` numbers.
fn written(len: usize, write: impl FnOnce(&mut [f32])) -> Vec<f32> {
    let mut y = vec![f32::NAN; len];
    write(&mut y);
    y
}

/// Numbers of which some are 0 after the bias, where the value has no sign.
fn inputs(rows: usize, columns: usize) -> [Vec<f32>; 2] {
    let (mut x, mut bias) = (wild_numbers(rows * columns, 1), wild_numbers(columns, 2));
    bias.iter_mut().filter(|b| b.is_nan()).for_each(|b| *b = 0.0);
    for (i, x) in x.iter_mut().enumerate().step_by(5) {
        *x = if i % 2 == 0 { -bias[i % columns] } else { -0.0 };
    }
    [x, bias]
}

#[test]
fn the_forward_pass_has_the_bits_of_the_separate_kernels() {
    for (rows, columns) in SHAPES {
        let [x, bias] = inputs(rows, columns);
        let n = x.len();
        for parts in settings() {
            for bias in [None, Some(&bias[..])] {
                let what = format!("{rows} x {columns}, {parts:?}, bias {}", bias.is_some());
                let got = same_bits_everywhere(&what, || {
                    let mut y = x.clone();
                    bias_act(parts, bias, &mut y);
                    y
                });
                let mut y = x.clone();
                if let Some(bias) = bias {
                    y = written(n, |to| {
                        elementwise::binary_repeated(Binary::Add, [1, n / bias.len(), bias.len()], &y, bias, to)
                    });
                }
                if let Some(slope) = parts.slope {
                    y = written(n, |to| elementwise::unary(Unary::LeakyRelu { slope }, &y, to));
                }
                if let Some((rate, key)) = parts.dropout {
                    y = written(n, |to| dropout::dropout(key, rate, &y, to));
                }
                assert_same_bits(&got, &y, &what);
                let plain = written(n, |y| {
                    y.copy_from_slice(&x);
                    crate::reference::bias_act(parts, bias, y);
                });
                assert_same_bits(&got, &plain, &format!("{what}, the plain loop"));
            }
        }
    }
}

#[test]
fn the_backward_pass_has_the_bits_of_the_separate_kernels() {
    for (rows, columns) in SHAPES {
        let ([x, bias], gy) = (inputs(rows, columns), wild_numbers(rows * columns, 3));
        let n = x.len();
        for parts in settings() {
            let what = format!("{rows} x {columns}, {parts:?}");
            let h = written(n, |y| {
                elementwise::binary_repeated(Binary::Add, [1, n / bias.len(), bias.len()], &x, &bias, y)
            });
            let mut y = x.clone();
            bias_act(parts, Some(&bias), &mut y);
            let got = same_bits_everywhere(&what, || {
                let [mut gx, mut gbias] = [n, columns].map(|n| vec![f32::NAN; n]);
                bias_act_grad(parts, &y, &gy, &mut gx, Some(&mut gbias));
                let alone = written(n, |gx| bias_act_grad(parts, &y, &gy, gx, None));
                assert_same_bits(&alone, &gx, &format!("{what}, without the bias"));
                [gx, gbias].concat()
            });
            // The separate kernels; the sign for the leaky ReLU is that of its own input.
            let mut g = gy.clone();
            if let Some((rate, key)) = parts.dropout {
                g = written(n, |to| dropout::dropout(key, rate, &g, to));
            }
            if let Some(slope) = parts.slope {
                g = written(n, |to| elementwise::binary(Binary::LeakyReluGrad { slope }, &h, &g, to));
            }
            let gbias = written(columns, |to| reduce::sum_axis([1, rows, columns], &g, to));
            assert_same_bits(&got, &[g, gbias].concat(), &what);
        }
    }
}

#[test]
fn the_plain_backward_loop_has_the_same_bits_but_for_the_order_of_the_sum() {
    let ([x, bias], gy) = (inputs(301, 67), wild_numbers(301 * 67, 3));
    for parts in settings() {
        let mut y = x.clone();
        bias_act(parts, Some(&bias), &mut y);
        let got = written(x.len(), |gx| f32::bias_act_grad(parts, &y, &gy, gx, None));
        let plain = written(x.len(), |gx| crate::reference::bias_act_grad(parts, &y, &gy, gx, None));
        assert_same_bits(&got, &plain, &format!("{parts:?}"));
    }
}

#[test]
#[should_panic(expected = "bias_act: 7 elements are not whole rows of 2")]
fn a_broken_row_is_refused() {
    bias_act(BiasActivation::default(), Some(&[1.0; 2]), &mut [0.0; 7]);
}

#[test]
#[should_panic(expected = "the slope -1 is negative")]
fn a_negative_slope_is_refused() {
    bias_act(BiasActivation { slope: Some(-1.0), dropout: None }, None, &mut [0.0; 7]);
}
