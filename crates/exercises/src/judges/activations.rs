//! Exercises 17 to 22: activations, losses that do not overflow, dropout.

use tensor::Tensor;

use crate::Mistake::{Border, Formula, Mask, Sign};
use crate::guard::ask;
use crate::question::{constant, numbers, slopes};
use crate::{Question, Verdict};

/// gy times a slope that depends on the element.
fn times(gy: &Tensor<f64>, of: &[f64], slope: impl Fn(f64) -> f64) -> Vec<f64> {
    gy.data().iter().zip(of).map(|(gy, of)| gy * slope(*of)).collect()
}

/// Exercise 17: the leaky ReLU.
pub fn leaky_relu(attempt: &dyn Fn(&[f64], &[f64], f64) -> Vec<f64>) -> Verdict {
    const SLOPE: f64 = 0.2;
    let (x, gy) = (numbers(1, &[12]), numbers(2, &[12]));
    let positive: Vec<_> = x.data().iter().map(|x| *x > 0.0).collect();
    let exchanged = times(&gy, x.data(), |x| if x > 0.0 { SLOPE } else { 1.0 });
    Verdict::of([
        Question::rule(
            "gx, the gradient with respect to x",
            &x,
            &gy,
            |x| x.leaky_relu(SLOPE),
            |gy| attempt(x.data(), gy, SLOPE),
        )
        .suspect(Mask, "The two sides are swapped.", exchanged)
        .region(Mask, "where x is positive", positive.clone())
        .region(Mask, "where x is negative", positive.iter().map(|p| !p).collect()),
        leaky_relu_at_the_kink(attempt),
    ])
}

/// At 0, differences cannot determine the slope; the exercise defines it.
fn leaky_relu_at_the_kink(attempt: &dyn Fn(&[f64], &[f64], f64) -> Vec<f64>) -> Question {
    const SLOPE: f64 = 0.2;
    let (x, gy) = ([-1.5, 0.0, 0.5, 0.0], [0.7, -1.1, 0.4, 1.3]);
    let by = |side: fn(f64) -> bool| (0..4).map(|i| if side(x[i]) { gy[i] } else { SLOPE * gy[i] }).collect();
    let answer = ask(|| attempt(&x, &gy, SLOPE));
    Question::new("gx, where some x are 0", &[4], by(|x| x > 0.0), answer).suspect(
        Mask,
        "At 0 the other branch applies: y = x only where x > 0.",
        by(|x| x >= 0.0),
    )
}

const TWICE: &str = "y is the output already, but the activation was applied to it again.";

/// Exercise 18: the sigmoid from its output.
pub fn sigmoid(attempt: &dyn Fn(&[f64], &[f64]) -> Vec<f64>) -> Verdict {
    let (x, gy) = (numbers(1, &[8]), numbers(2, &[8]));
    let y = constant(&x).sigmoid().into_value();
    let twice = constant(&y).sigmoid().into_value();
    Verdict::of([Question::rule(
        "gx, the gradient with respect to x",
        &x,
        &gy,
        |x| x.sigmoid(),
        |gy| attempt(y.data(), gy),
    )
    .suspect(Formula, TWICE, times(&gy, twice.data(), |s| s * (1.0 - s)))
    .suspect(Formula, "The factor 1 - y is missing.", times(&gy, y.data(), |y| y))
    .suspect(Formula, "The factor y is missing.", times(&gy, y.data(), |y| 1.0 - y))
    .suspect(Formula, "1 - y * y is the derivative of tanh.", times(&gy, y.data(), |y| 1.0 - y * y))
    .suspect(Formula, "y is added where it should be subtracted.", times(&gy, y.data(), |y| y * (1.0 + y)))])
}

/// Exercise 19: the hyperbolic tangent from its output.
pub fn tanh(attempt: &dyn Fn(&[f64], &[f64]) -> Vec<f64>) -> Verdict {
    let (x, gy) = (numbers(1, &[8]), numbers(2, &[8]));
    let y = constant(&x).tanh().into_value();
    let twice = constant(&y).tanh().into_value();
    Verdict::of([Question::rule(
        "gx, the gradient with respect to x",
        &x,
        &gy,
        |x| x.tanh(),
        |gy| attempt(y.data(), gy),
    )
    .suspect(Formula, TWICE, times(&gy, twice.data(), |t| 1.0 - t * t))
    .suspect(Formula, "y must be squared.", times(&gy, y.data(), |y| 1.0 - y))
    .suspect(Formula, "y * (1 - y) is the derivative of the sigmoid.", times(&gy, y.data(), |y| y * (1.0 - y)))
    .suspect(Formula, "y * y is added where it should be subtracted.", times(&gy, y.data(), |y| 1.0 + y * y))
    .suspect(Formula, "The 1 is missing: the derivative is 1 - y * y.", times(&gy, y.data(), |y| y * y))])
}

/// Exercise 20: ln(1 + exp(x)) for any x.
pub fn softplus(attempt: &dyn Fn(f64) -> f64) -> Verdict {
    let ordinary: [f64; 6] = [-3.1, -1.2, -0.3, 0.4, 1.7, 2.9];
    let extreme: [f64; 6] = [1000.0, 40.0, -40.0, -30.0, -700.0, -1000.0];
    let each = |points: &[f64], f: &dyn Fn(f64) -> f64| points.iter().map(|x| f(*x)).collect::<Vec<_>>();
    // For x below -30, ln(1 + e) equals e to 13 digits; for x above 40, the result is x.
    let limits = each(&extreme, &|x| if x > 0.0 { x } else { x.exp() });
    Verdict::of([
        Question::new(
            format!("softplus at {ordinary:?}"),
            &[6],
            each(&ordinary, &|x| (1.0 + x.exp()).ln()),
            ask(|| each(&ordinary, &attempt)),
        )
        .suspect(Sign, "That is softplus(-x).", each(&ordinary, &|x| (1.0 + (-x).exp()).ln()))
        .suspect(Formula, "That is the ReLU: the logarithm is missing.", each(&ordinary, &|x| x.max(0.0)))
        .suspect(Formula, "The term x is missing where x is positive.", each(&ordinary, &|x| (-x.abs()).exp().ln_1p()))
        .suspect(
            Formula,
            "That is the sigmoid, the derivative of softplus.",
            each(&ordinary, &|x| 1.0 / (1.0 + (-x).exp())),
        )
        .factor("1 / ln(2): use the natural logarithm, `ln`", 1.0 / 2.0_f64.ln())
        .factor("1 / ln(10): use the natural logarithm, `ln`", 1.0 / 10.0_f64.ln()),
        Question::new(format!("softplus at {extreme:?}"), &[6], limits, ask(|| each(&extreme, &attempt))).extreme(),
    ])
}

/// Exercise 21: the loss from logits and labels, and its gradient.
pub fn bce_with_logits(attempt: &dyn Fn(&[f64], &[f64]) -> (f64, Vec<f64>)) -> Verdict {
    const N: usize = 7;
    let labels = Tensor::new(&[N], vec![1.0, 0.0, 0.9, 1.0, 0.0, 0.0, 0.9]);
    let (t, batches) = (constant(&labels), [1, 2, 3, 4].map(|seed| numbers(seed, &[N])));
    let each = |f: &dyn Fn(&Tensor<f64>) -> f64| batches.iter().map(f).collect::<Vec<_>>();
    let sure = each(&|z| constant(z).softplus().mean().item());
    let labelled = each(&|z| -(&constant(z) * &t).mean().item());
    let loss = (0..4).map(|i| sure[i] + labelled[i]).collect();
    let z = &batches[0];
    let parts =
        [("the probability p", constant(z).sigmoid().scale(1.0 / N as f64)), ("the label t", t.scale(-1.0 / N as f64))];
    let gradient = slopes(z, &Tensor::scalar(1.0), |z| (&z.softplus() - &(z * &t)).mean());
    let n = "n: the mean over the images divides by n";
    let extreme =
        [(800.0, 0.0, 800.0, 1.0), (-800.0, 1.0, 800.0, -1.0), (40.0, 0.0, 40.0, 1.0), (-40.0, 1.0, 40.0, -1.0)];
    let alone = ask(|| extreme.map(|(z, t, ..)| attempt(&[z], &[t])));
    Verdict::of([
        Question::new("the loss of four batches", &[4], loss, ask(|| each(&|z| attempt(z.data(), labels.data()).0)))
            .parts(Formula, [("softplus(z)", sure), ("- t z", labelled)])
            .factor(n, N as f64),
        Question::new(
            "the gradient with respect to the logits",
            &[N],
            gradient,
            ask(|| attempt(z.data(), labels.data()).1),
        )
        .parts(Formula, parts.map(|(name, part)| (name, part.value().data().to_vec())))
        .factor(n, N as f64),
        Question::new(
            "the loss of confidently wrong logits: 800 for a fake, -800 for a real, 40, -40",
            &[4],
            extreme.map(|e| e.2).to_vec(),
            alone.clone().map(|all| all.map(|a| a.0).to_vec()),
        )
        .extreme(),
        Question::new(
            "the gradient with respect to confidently wrong logits: 800 for a fake, -800 for a real, 40, -40",
            &[4],
            extreme.map(|e| e.3).to_vec(),
            alone.map(|all| all.map(|a| a.1).concat()),
        )
        .extreme(),
    ])
}

/// Exercise 22: dropout.
pub fn dropout(attempt: &dyn Fn(&[f64], &[bool], f64) -> Vec<f64>) -> Verdict {
    const RATE: f64 = 0.4;
    let kept: Vec<_> = [5, 0, 3, 8, 2, 7, 0, 1, 4, 9].map(|drawn| drawn >= 4).into();
    let (x, gy) = (numbers(1, &[10]), numbers(2, &[10]));
    let scale = |kept: bool| f64::from(u8::from(kept)) / (1.0 - RATE);
    let mask = Tensor::from_fn([10], |i| scale(kept[i]));
    let reversed = (0..10).map(|i| gy.data()[i] * scale(!kept[i])).collect();
    let forward = |x: &tensor::Var<f64>| x * &constant(&mask);
    Verdict::of([Question::rule("gx, the gradient with respect to x", &x, &gy, forward, |gy| attempt(gy, &kept, RATE))
        .suspect(Mask, "The mask is inverted: the dropped elements get the gradient.", reversed)
        .suspect(Mask, "That is gy unchanged: nothing is dropped, and nothing is scaled.", gy.data().to_vec())
        .factor("1 - rate: the forward pass scales the kept elements up", 1.0 - RATE)
        .factor("(1 - rate)^2: multiplied instead of divided", (1.0 - RATE).powi(2))
        .factor("(1 - rate) / rate: divide by the share of kept elements", (1.0 - RATE) / RATE)
        .region(Mask, "where nothing was kept", kept.iter().map(|kept| !kept).collect())
        .region(Border, "at the first element", (0..10).map(|i| i == 0).collect())])
}
