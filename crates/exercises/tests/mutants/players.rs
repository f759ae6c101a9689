//! Wrong answers to exercises 1 and 29 to 34.

use exercises::Mistake::*;
use exercises::judges;
use tensor::{Options, Tape, Tensor, Var, grad};

use crate::Mutant;

fn mean(x: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    x.iter().map(|x| f(*x)).sum::<f64>() / x.len() as f64
}

type Critic<'a> = &'a dyn Fn(&Var<f64>) -> Var<f64>;

pub(crate) fn mutants() -> Vec<Mutant> {
    let real_loss = |z: &Var<f64>| z.neg().softplus().mean();
    let fake_loss = |z: &Var<f64>| z.softplus().mean();
    let cut =
        |name, made, loss: &dyn Fn(Critic, &Var<f64>, &Var<f64>) -> Var<f64>| Mutant(29, name, made, judges::cut(loss));
    // Which weights are variables on the tape, and what happens to the fakes.
    let freeze = |name, made, variables: [bool; 2], fakes: fn(Var<f64>) -> Var<f64>| {
        let attempt = |tape: &Tape<f64>, g: Tensor<f64>, d: Tensor<f64>, latents: Tensor<f64>| {
            let bind = |name, yes, value| if yes { tape.variable(name, value) } else { tape.constant(value) };
            let (g, d) = (bind("generator", variables[0], g), bind("discriminator", variables[1], d));
            let fakes = fakes(tape.constant(latents).matmul(&g).tanh());
            (real_loss(&fakes.matmul(&d)), g, d)
        };
        Mutant(30, name, made, judges::freeze(&attempt))
    };
    // The derivatives of one latent's loss with respect to w and b from (fake, logit, z, d).
    let through = |name, made, slopes: fn(f64, f64, f64, f64) -> [f64; 2], mean: bool, last_only: bool| {
        let attempt = |latents: &[f64], [w, b]: [f64; 2], d: f64| {
            let mut sum = [0.0; 2];
            for z in latents {
                let fake = w * z + b;
                let one = slopes(fake, d * fake * fake, *z, d);
                let n = if mean { latents.len() as f64 } else { 1.0 };
                sum = [0, 1].map(|i| one[i] / n + if last_only { 0.0 } else { sum[i] });
            }
            sum
        };
        Mutant(31, name, made, judges::through_d(&attempt))
    };
    fn by_logit(logit: f64) -> f64 {
        -1.0 / (1.0 + logit.exp())
    }
    let right = |fake: f64, logit: f64, z: f64, d: f64| [z, 1.0].map(|x| by_logit(logit) * d * 2.0 * fake * x);
    let penalty = |name, made, options, f: &dyn Fn(Var<f64>, usize) -> Var<f64>| {
        let attempt = |critic: Critic, images: &Var<f64>| {
            let slopes = grad(&critic(images).sum(), std::slice::from_ref(images), options).remove(0);
            f(slopes, images.shape()[0])
        };
        Mutant(34, name, made, judges::gradient_penalty(&attempt))
    };
    let lengths = |slopes: &Var<f64>, n: usize| slopes.square().sum_to([n, 1]).sqrt();
    let dead = |name, made, f: &dyn Fn(&[f64], usize, usize) -> f64| Mutant(32, name, made, judges::dead_units(f));
    let zero_in = |a: &[f64], images: usize, units: usize, unit: usize| {
        (0..images).filter(|image| a[image * units + unit] == 0.0).count()
    };
    type Difference = dyn Fn(&dyn Fn(f64) -> f64, f64, f64) -> f64;
    let difference = |name, made, f: &Difference| Mutant(33, name, made, judges::central_difference(f));
    vec![
        Mutant(
            1,
            "no minus",
            Sign,
            judges::losses(&|r, f| (mean(r, f64::ln) + mean(f, |p| (1.0 - p).ln()), mean(f, f64::ln))),
        ),
        Mutant(1, "a minus on one term only", Sign, {
            judges::losses(&|r, f| (-mean(r, f64::ln) + mean(f, |p| (1.0 - p).ln()), -mean(f, f64::ln)))
        }),
        Mutant(1, "labels exchanged", Transposed, {
            judges::losses(&|r, f| (-mean(r, |p| (1.0 - p).ln()) - mean(f, f64::ln), -mean(f, f64::ln)))
        }),
        Mutant(1, "sums", Factor, {
            judges::losses(&|r, f| {
                let d = -mean(r, f64::ln) * r.len() as f64 - mean(f, |p| (1.0 - p).ln()) * f.len() as f64;
                (d, -mean(f, f64::ln))
            })
        }),
        Mutant(1, "no fakes in the discriminator's loss", Formula, {
            judges::losses(&|r, f| (-mean(r, f64::ln), -mean(f, f64::ln)))
        }),
        Mutant(1, "the generator's loss of the first paper", Formula, {
            judges::losses(&|r, f| (-mean(r, f64::ln) - mean(f, |p| (1.0 - p).ln()), mean(f, |p| (1.0 - p).ln())))
        }),
        cut("no cut", MissingCut, &|d, r, f| &real_loss(&d(r)) + &fake_loss(&d(f))),
        cut("cut after the discriminator", WrongCut, &|d, r, f| &real_loss(&d(r)) + &fake_loss(&d(f).detach())),
        cut("the reals' verdict cut as well", WrongCut, &|d, r, f| {
            &real_loss(&d(r).detach()) + &fake_loss(&d(&f.detach()))
        }),
        cut("the loss cut", WrongCut, &|d, r, f| (&real_loss(&d(r)) + &fake_loss(&d(f))).detach()),
        freeze("no freeze", MissingCut, [true, true], |fakes| fakes),
        freeze("both frozen", WrongCut, [false, false], |fakes| fakes),
        freeze("the generator frozen", WrongCut, [false, true], |fakes| fakes),
        freeze("the fakes cut", WrongCut, [true, false], |fakes| fakes.detach()),
        through(
            "without the discriminator's slope",
            Formula,
            |_, logit, z, _| [z, 1.0].map(|x| by_logit(logit) * x),
            true,
            false,
        ),
        through("d, but not 2 fake", Formula, |_, logit, z, d| [z, 1.0].map(|x| by_logit(logit) * d * x), true, false),
        through(
            "without the slope of the loss",
            Formula,
            |fake, _, z, d| [z, 1.0].map(|x| 2.0 * d * fake * x),
            true,
            false,
        ),
        through(
            "half: the 2 of the square forgotten",
            Factor,
            |fake, logit, z, d| [z, 1.0].map(|x| by_logit(logit) * d * fake * x),
            true,
            false,
        ),
        through("the sum", Factor, right, false, false),
        through("the last latent only", Overwritten, right, true, true),
        through(
            "the other way",
            Sign,
            |fake, logit, z, d| [z, 1.0].map(|x| -by_logit(logit) * d * 2.0 * fake * x),
            true,
            false,
        ),
        through(
            "z forgotten in the slope by w",
            Formula,
            |fake, logit, _, d| [by_logit(logit) * d * 2.0 * fake; 2],
            true,
            false,
        ),
        penalty("the sweep not recorded", WrongCut, Options::KEEP, &|slopes, n| {
            lengths(&slopes, n).add_scalar(-1.0).square().mean()
        }),
        penalty("the slopes cut", WrongCut, Options::CREATE_GRAPH, &|slopes, n| {
            lengths(&slopes.detach(), n).add_scalar(-1.0).square().mean()
        }),
        penalty("no root", Formula, Options::CREATE_GRAPH, &|slopes, n| {
            slopes.square().sum_to([n, 1]).add_scalar(-1.0).square().mean()
        }),
        penalty("one length for all images", Axis, Options::CREATE_GRAPH, &|slopes, _| {
            slopes.square().sum().sqrt().add_scalar(-1.0).square()
        }),
        penalty("the sum over the images", Factor, Options::CREATE_GRAPH, &|slopes, n| {
            lengths(&slopes, n).add_scalar(-1.0).square().sum()
        }),
        penalty("towards 0", Formula, Options::CREATE_GRAPH, &|slopes, n| lengths(&slopes, n).square().mean()),
        dead("the share of zeros", Axis, &|a, images, units| {
            mean(a, |a| f64::from(u8::from(a == 0.0))) * (images * units / a.len()) as f64
        }),
        dead("zero for some image", Formula, &|a, images, units| {
            (0..units).filter(|unit| zero_in(a, images, units, *unit) > 0).count() as f64 / units as f64
        }),
        dead("the count", Factor, &|a, images, units| {
            (0..units).filter(|unit| zero_in(a, images, units, *unit) == images).count() as f64
        }),
        dead("the living", Formula, &|a, images, units| {
            (0..units).filter(|unit| zero_in(a, images, units, *unit) < images).count() as f64 / units as f64
        }),
        difference("forward", Formula, &|f, x, h| (f(x + h) - f(x)) / h),
        difference("backward", Formula, &|f, x, h| (f(x) - f(x - h)) / h),
        difference("divided by h", Factor, &|f, x, h| (f(x + h) - f(x - h)) / h),
        difference("the other way round", Sign, &|f, x, h| (f(x - h) - f(x + h)) / (2.0 * h)),
        difference("a sum", Formula, &|f, x, h| (f(x + h) + f(x - h)) / (2.0 * h)),
        difference("divided by 0", Unstable, &|f, x, h| (f(x + h) - f(x - h)) / (0.0 * h)),
    ]
}
