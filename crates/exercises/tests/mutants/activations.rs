//! Wrong answers to exercises 17 to 22.

use exercises::Mistake::*;
use exercises::judges;

use crate::Mutant;

fn each(a: &[f64], gy: &[f64], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    a.iter().zip(gy).map(|(a, gy)| f(*a, *gy)).collect()
}

fn s(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn stable(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

pub(crate) fn mutants() -> Vec<Mutant> {
    let leaky = |name, made, f: fn(f64, f64, f64) -> f64| {
        Mutant(17, name, made, judges::leaky_relu(&|x, gy, slope| each(x, gy, |x, gy| f(x, gy, slope))))
    };
    let sigmoid = |name, made, f: fn(f64, f64) -> f64| Mutant(18, name, made, judges::sigmoid(&|y, gy| each(y, gy, f)));
    let tanh = |name, made, f: fn(f64, f64) -> f64| Mutant(19, name, made, judges::tanh(&|y, gy| each(y, gy, f)));
    let softplus = |name, made, f: fn(f64) -> f64| Mutant(20, name, made, judges::softplus(&f));
    // The loss and the gradient for one logit z and a label t, and the divisor of the sum.
    let bce = |name, made, loss: fn(f64, f64) -> f64, slope: fn(f64, f64) -> f64, by: [fn(f64) -> f64; 2]| {
        let attempt = |z: &[f64], t: &[f64]| {
            let n = z.len() as f64;
            (each(z, t, loss).iter().sum::<f64>() / by[0](n), each(z, t, slope).iter().map(|g| g / by[1](n)).collect())
        };
        Mutant(21, name, made, judges::bce_with_logits(&attempt))
    };
    let right = |z: f64, t: f64| stable(z) - t * z;
    let (mean, sum): (fn(f64) -> f64, fn(f64) -> f64) = (|n| n, |_| 1.0);
    let dropout = |name, made, f: fn(f64, bool, f64) -> f64| {
        let attempt =
            |gy: &[f64], kept: &[bool], rate: f64| gy.iter().zip(kept).map(|(gy, k)| f(*gy, *k, rate)).collect();
        Mutant(22, name, made, judges::dropout(&attempt))
    };
    vec![
        leaky("nothing on the left", Mask, |x, gy, _| if x > 0.0 { gy } else { 0.0 }),
        leaky("everything passes", Mask, |_, gy, _| gy),
        leaky("0 taken for positive", Mask, |x, gy, slope| if x >= 0.0 { gy } else { slope * gy }),
        Mutant(22, "the first forgotten", Border, {
            judges::dropout(&|gy, kept, rate| {
                let one = |i: usize| if i > 0 && kept[i] { gy[i] / (1.0 - rate) } else { 0.0 };
                (0..gy.len()).map(one).collect()
            })
        }),
        leaky("the slope on both sides", Mask, |_, gy, slope| slope * gy),
        leaky("the sides exchanged", Mask, |x, gy, slope| if x > 0.0 { slope * gy } else { gy }),
        leaky("gy ignored", UpstreamIgnored, |x, _, slope| if x > 0.0 { 1.0 } else { slope }),
        leaky("the slope with a minus on the left", Mask, |x, gy, slope| if x > 0.0 { gy } else { -slope * gy }),
        leaky("minus", Sign, |x, gy, slope| if x > 0.0 { -gy } else { -slope * gy }),
        sigmoid("the sigmoid of the sigmoid", Formula, |y, gy| gy * s(y) * (1.0 - s(y))),
        sigmoid("y (y - 1)", Sign, |y, gy| gy * y * (y - 1.0)),
        sigmoid("y only", Formula, |y, gy| gy * y),
        sigmoid("the slope of tanh", Formula, |y, gy| gy * (1.0 - y * y)),
        sigmoid("gy ignored", UpstreamIgnored, |y, _| y * (1.0 - y)),
        sigmoid("gy squared", Unknown, |y, gy| gy * gy * y * (1.0 - y)),
        tanh("the tangent of the tangent", Formula, |y, gy| gy * (1.0 - y.tanh().powi(2))),
        tanh("y not squared", Formula, |y, gy| gy * (1.0 - y)),
        tanh("the slope of the sigmoid", Formula, |y, gy| gy * y * (1.0 - y)),
        tanh("y^2 - 1", Sign, |y, gy| gy * (y * y - 1.0)),
        tanh("gy ignored", UpstreamIgnored, |y, _| 1.0 - y * y),
        tanh("half", Factor, |y, gy| gy * (1.0 - y * y) / 2.0),
        softplus("as it stands", Unstable, |x| (1.0 + x.exp()).ln()),
        softplus("ln_1p, but exp overflows", Unstable, |x| x.exp().ln_1p()),
        softplus("no overflow, but 1 + exp(-40) is 1", Unstable, |x| x.max(0.0) + (1.0 + (-x.abs()).exp()).ln()),
        softplus("x from 20 on", Unstable, |x| if x > 20.0 { x } else { (1.0 + x.exp()).ln() }),
        softplus("x + ln(1 + exp(-x)) on both sides", Unstable, |x| x + (-x).exp().ln_1p()),
        softplus("of -x", Sign, |x| stable(-x)),
        softplus("the logarithm to base 2", Factor, |x| stable(x) / 2.0_f64.ln()),
        softplus("the ReLU", Formula, |x| x.max(0.0)),
        bce(
            "through the probability",
            Unstable,
            |z, t| -t * s(z).ln() - (1.0 - t) * (1.0 - s(z)).ln(),
            |z, t| s(z) - t,
            [mean, mean],
        ),
        bce(
            "a probability within bounds",
            Unstable,
            |z, t| {
                let p = s(z).clamp(1e-12, 1.0 - 1e-12);
                -t * p.ln() - (1.0 - t) * (1.0 - p).ln()
            },
            |z, t| s(z) - t,
            [mean, mean],
        ),
        bce("the loss summed", Factor, right, |z, t| s(z) - t, [sum, mean]),
        bce("the gradient of the sum", Factor, right, |z, t| s(z) - t, [mean, sum]),
        bce("t - p", Sign, right, |z, t| t - s(z), [mean, mean]),
        bce("the label forgotten in the gradient", Formula, right, |z, _| s(z), [mean, mean]),
        bce("the label forgotten in the loss", Formula, |z, _| stable(z), |z, t| s(z) - t, [mean, mean]),
        bce("+ t z", Sign, |z, t| stable(z) + t * z, |z, t| s(z) - t, [mean, mean]),
        dropout("not made larger", Factor, |gy, kept, _| if kept { gy } else { 0.0 }),
        dropout("multiplied by 1 - rate", Factor, |gy, kept, rate| if kept { gy * (1.0 - rate) } else { 0.0 }),
        dropout("divided by the rate", Factor, |gy, kept, rate| if kept { gy / rate } else { 0.0 }),
        dropout("the mask reversed", Mask, |gy, kept, rate| if kept { 0.0 } else { gy / (1.0 - rate) }),
        dropout("no mask", Mask, |gy, _, rate| gy / (1.0 - rate)),
        dropout("as in inference", Mask, |gy, _, _| gy),
        dropout("gy ignored", UpstreamIgnored, |_, kept, rate| if kept { 1.0 / (1.0 - rate) } else { 0.0 }),
    ]
}
