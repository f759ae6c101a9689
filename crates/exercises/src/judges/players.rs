//! Exercises 1, 29 to 31 and 34: the two losses, the cut, freezing, the path through the
//! discriminator, the gradient penalty.

use tensor::{Options, Tape, Tensor, Var, grad};

use crate::Mistake::{Axis, Formula, Overwritten, Transposed, WrongCut};
use crate::guard::ask;
use crate::question::{constant, numbers, slopes};
use crate::{Question, Verdict};

/// Exercise 1: the two losses.
pub fn losses(attempt: &dyn Fn(&[f64], &[f64]) -> (f64, f64)) -> Verdict {
    const REALS: usize = 5;
    const FAKES: usize = 3;
    let probabilities = |seed: u32, n: usize| constant(&numbers(seed, &[n])).sigmoid().into_value();
    let batches = [1, 3, 5, 7].map(|seed| (probabilities(seed, REALS), probabilities(seed + 1, FAKES)));
    let mean_ln = |p: &Tensor<f64>| p.data().iter().map(|p| p.ln()).sum::<f64>() / p.size() as f64;
    let against = |p: &Tensor<f64>| p.data().iter().map(|p| (1.0 - p).ln()).sum::<f64>() / p.size() as f64;
    let each =
        |f: &dyn Fn(&Tensor<f64>, &Tensor<f64>) -> f64| batches.iter().map(|(r, f_)| f(r, f_)).collect::<Vec<_>>();
    let answer = ask(|| batches.each_ref().map(|(real, fake)| attempt(real.data(), fake.data())));
    let answers = |which: fn(&(f64, f64)) -> f64| answer.clone().map(|all| all.iter().map(which).collect::<Vec<_>>());
    Verdict::of([
        Question::new(
            "the discriminator's loss for four batches",
            &[4],
            each(&|real, fake| -mean_ln(real) - against(fake)),
            answers(|a| a.0),
        )
        .suspect(
            Transposed,
            "The labels are swapped: the discriminator learns to call real images fake.",
            each(&|real, fake| -against(real) - mean_ln(fake)),
        )
        .suspect(
            Formula,
            "The term of the fakes uses ln(p): the discriminator learns to call everything real.",
            each(&|real, fake| -mean_ln(real) - mean_ln(fake)),
        )
        .parts(
            Formula,
            [
                ("the reals' term", each(&|real, _| -mean_ln(real))),
                ("the fakes' term", each(&|_, fake| -against(fake))),
            ],
        ),
        Question::new("the generator's loss for four batches", &[4], each(&|_, fake| -mean_ln(fake)), answers(|a| a.1))
            .suspect(
                Formula,
                "That is the loss that the generator would maximise; it has hardly any gradient while p is small.",
                each(&|_, fake| -against(fake)),
            )
            .suspect(
                Formula,
                "ln(1 - p) can be minimised too, but it has hardly any gradient while p is small.",
                each(&|_, fake| against(fake)),
            )
            .suspect(
                Formula,
                "That uses the real images, which the generator did not make.",
                each(&|real, _| -mean_ln(real)),
            )
            .factor("the number of fakes: the loss is a mean, not a sum", FAKES as f64),
    ])
}

/// The result of a forward pass, and the gradients of its loss with respect to some weights; zeros
/// for weights without a gradient.
fn gradients(loss: &Var<f64>, weights: [&Var<f64>; 2]) -> [Vec<f64>; 2] {
    weights.map(|weight| {
        if !weight.is_tracked() {
            return vec![0.0; weight.value().size()];
        }
        grad(loss, std::slice::from_ref(weight), Options::KEEP)[0].value().data().to_vec()
    })
}

const LEARNER: &str = "No gradient reaches the network that should learn.";

/// Exercise 29: no gradient for the generator while the discriminator learns.
pub fn cut(attempt: &dyn Fn(&dyn Fn(&Var<f64>) -> Var<f64>, &Var<f64>, &Var<f64>) -> Var<f64>) -> Verdict {
    let (latents, generator) = (constant(&numbers(1, &[4, 2])), numbers(2, &[2, 5]));
    let (reals, discriminator) = (constant(&numbers(3, &[3, 5])), numbers(4, &[5, 1]));
    let answer = ask(|| {
        let tape = Tape::new();
        let [g, d] =
            [("generator", &generator), ("discriminator", &discriminator)].map(|(n, w)| tape.variable(n, w.clone()));
        let loss = attempt(&|images| images.matmul(&d), &reals, &latents.matmul(&g).tanh());
        ([loss.item()], gradients(&loss, [&g, &d]))
    });
    let fakes = latents.matmul(&constant(&generator)).tanh();
    let on_reals = |d: &Var<f64>| reals.matmul(d).neg().softplus().mean();
    let on_fakes = |d: &Var<f64>| fakes.matmul(d).softplus().mean();
    let d = constant(&discriminator);
    let by_d = |loss: &dyn Fn(&Var<f64>) -> Var<f64>| slopes(&discriminator, &Tensor::scalar(1.0), loss);
    let parts = [("the gradient from the reals", by_d(&on_reals)), ("the gradient from the fakes", by_d(&on_fakes))];
    let value = (&on_reals(&d) + &on_fakes(&d)).item();
    let side = |which: fn(([f64; 1], [Vec<f64>; 2])) -> Vec<f64>| answer.clone().map(which);
    Verdict::of([
        Question::new("the value of the loss", &[], vec![value], side(|a| a.0.to_vec())),
        Question::new(
            "the gradient with respect to the generator's weight",
            &[2, 5],
            vec![0.0; 10],
            side(|a| a.1[0].clone()),
        )
        .no_gradient("The generator's weights get a gradient, but in this step only the discriminator learns."),
        Question::new(
            "the gradient with respect to the discriminator's weight",
            &[5],
            by_d(&|d| &on_reals(d) + &on_fakes(d)),
            side(|a| a.1[1].clone()),
        )
        .suspect(WrongCut, LEARNER, vec![0.0; 5])
        .parts(WrongCut, parts),
    ])
}

/// A learner's function that puts two weights on a tape. It returns the loss and the two weights:
/// loss, generator, discriminator.
type Bound = (Var<f64>, Var<f64>, Var<f64>);

/// Exercise 30: no gradient for the discriminator while the generator learns.
pub fn freeze(attempt: &dyn Fn(&Tape<f64>, Tensor<f64>, Tensor<f64>, Tensor<f64>) -> Bound) -> Verdict {
    let (latents, generator, discriminator) = (numbers(1, &[4, 2]), numbers(2, &[2, 3]), numbers(4, &[3, 1]));
    let answer = ask(|| {
        let (loss, g, d) = attempt(&Tape::new(), generator.clone(), discriminator.clone(), latents.clone());
        ([loss.item()], gradients(&loss, [&g, &d]))
    });
    let loss = |g: &Var<f64>| {
        let fakes = constant(&latents).matmul(g).tanh();
        fakes.matmul(&constant(&discriminator)).neg().softplus().mean()
    };
    let expected = slopes(&generator, &Tensor::scalar(1.0), loss);
    let side = |which: fn(([f64; 1], [Vec<f64>; 2])) -> Vec<f64>| answer.clone().map(which);
    Verdict::of([
        Question::new("the value of the loss", &[], vec![loss(&constant(&generator)).item()], side(|a| a.0.to_vec())),
        Question::new(
            "the gradient with respect to the generator's weight",
            &[2, 3],
            expected,
            side(|a| a.1[0].clone()),
        )
        .suspect(WrongCut, LEARNER, vec![0.0; 6]),
        Question::new(
            "the gradient with respect to the discriminator's weight",
            &[3],
            vec![0.0; 3],
            side(|a| a.1[1].clone()),
        )
        .no_gradient("The discriminator's weights get a gradient, but in this step only the generator learns."),
    ])
}

/// Exercise 31: from the loss through the discriminator to the generator's weights.
pub fn through_d(attempt: &dyn Fn(&[f64], [f64; 2], f64) -> [f64; 2]) -> Verdict {
    const LATENTS: usize = 3;
    let settings = [([0.7, -0.4], 0.9), ([-1.1, 0.3], -0.6), ([0.5, 1.2], 1.4), ([1.3, 0.8], -0.3)];
    let latents = [1, 2, 3, 4].map(|seed| numbers(seed, &[LATENTS]));
    // The derivatives with respect to w and b in each setting, from the slopes of one latent's
    // loss.
    let each = |slopes: &dyn Fn(f64, [f64; 2], f64) -> [f64; 2], which: &dyn Fn(usize) -> bool| {
        let of_setting = |(z, (weights, d)): (&Tensor<f64>, &([f64; 2], f64))| {
            let terms = z.data().iter().enumerate().filter(|(i, _)| which(*i)).map(|(_, z)| slopes(*z, *weights, *d));
            terms.fold([0.0; 2], |sum, term| [0, 1].map(|i| sum[i] + term[i] / LATENTS as f64))
        };
        latents.iter().zip(&settings).flat_map(of_setting).collect::<Vec<_>>()
    };
    let loss = |z: f64, weights: &Var<f64>, d: f64| {
        let fake = (weights * &Var::constant(Tensor::new(&[2], vec![z, 1.0]))).sum();
        fake.square().scale(-d).softplus()
    };
    let right = |z: f64, weights: [f64; 2], d: f64| {
        let slopes = slopes(&Tensor::new(&[2], weights.into()), &Tensor::scalar(1.0), |weights| loss(z, weights, d));
        [slopes[0], slopes[1]]
    };
    let by_logit = |z: f64, [w, b]: [f64; 2], d: f64| -1.0 / (1.0 + (d * (w * z + b).powi(2)).exp());
    let without_d = |z: f64, weights: [f64; 2], d: f64| [by_logit(z, weights, d) * z, by_logit(z, weights, d)];
    let without_fake = |z: f64, weights: [f64; 2], d: f64| without_d(z, weights, d).map(|slope| slope * d);
    let without_loss = |z: f64, [w, b]: [f64; 2], d: f64| [2.0 * d * (w * z + b) * z, 2.0 * d * (w * z + b)];
    let all = |_: usize| true;
    let answer = ask(|| latents.iter().zip(settings).flat_map(|(z, (w, d))| attempt(z.data(), w, d)).collect());
    let column = |which: usize| (0..8).map(|i| i % 2 == which).collect();
    Verdict::of([Question::new(
        "the derivatives with respect to w and b, for four settings",
        &[4, 2],
        each(&right, &all),
        answer,
    )
    .suspect(
        Formula,
        "The derivative of the discriminator with respect to the fake is missing.",
        each(&without_d, &all),
    )
    .suspect(
        Formula,
        "The discriminator contributes only d: the derivative of fake * fake is missing.",
        each(&without_fake, &all),
    )
    .suspect(Formula, "The derivative of the loss with respect to the logit is missing.", each(&without_loss, &all))
    .factor("3, the number of latents: the loss is a mean", LATENTS as f64)
    .parts(Overwritten, (0..LATENTS).map(|one| (format!("latent {one}"), each(&right, &|i| i == one))))
    .region(Formula, "in the first column, the derivative with respect to w", column(0))
    .region(Formula, "in the second column, the derivative with respect to b", column(1))])
}

/// Exercise 34: the gradient penalty, and its gradient for the critic.
pub fn gradient_penalty(attempt: &dyn Fn(&dyn Fn(&Var<f64>) -> Var<f64>, &Var<f64>) -> Var<f64>) -> Verdict {
    const N: usize = 3;
    let settings = [10, 20, 30].map(|s| (numbers(s, &[N, 5]), numbers(s + 1, &[5, 4]), numbers(s + 2, &[4, 1])));
    // critic(x) = tanh(x first) last; its gradient with respect to x, by hand.
    let lengths_squared = |images: &Tensor<f64>, first: &Var<f64>, last: &Tensor<f64>, shape: &[usize]| {
        let hidden = constant(images).matmul(first).tanh();
        let slope = &hidden.square().affine(-1.0, 1.0) * &constant(last).reshape([1, 4]);
        slope.matmul_transposed(first, false, true).square().sum_to(tensor::Shape::new(shape))
    };
    let penalty = |squares: Var<f64>| squares.sqrt().add_scalar(-1.0).square().mean();
    let each = |f: &dyn Fn(&Tensor<f64>, &Var<f64>, &Tensor<f64>) -> Var<f64>| {
        settings.iter().map(|(images, first, last)| f(images, &constant(first), last).item()).collect::<Vec<_>>()
    };
    let answer = ask(|| {
        settings.each_ref().map(|(images, first, last)| {
            let tape = Tape::new();
            let [first, images] = [("critic", first), ("images", images)].map(|(n, w)| tape.variable(n, w.clone()));
            let loss = attempt(&|x| x.matmul(&first).tanh().matmul(&constant(last)), &images);
            (loss.item(), gradients(&loss, [&first, &images])[0].clone())
        })
    });
    let (images, first, last) = &settings[0];
    let by_critic = slopes(first, &Tensor::scalar(1.0), |first| penalty(lengths_squared(images, first, last, &[N, 1])));
    Verdict::of([
        Question::new(
            "the penalty for three batches",
            &[3],
            each(&|x, first, last| penalty(lengths_squared(x, first, last, &[N, 1]))),
            answer.clone().map(|all| all.iter().map(|a| a.0).collect()),
        )
        .suspect(
            Formula,
            "The root is missing: that is the square of the norm.",
            each(&|x, first, last| lengths_squared(x, first, last, &[N, 1]).add_scalar(-1.0).square().mean()),
        )
        .suspect(
            Axis,
            "That is the norm of the gradient of the whole batch, but each image has its own.",
            each(&|x, first, last| penalty(lengths_squared(x, first, last, &[1, 1]))),
        )
        .suspect(
            Formula,
            "The 1 is missing: the slope should be 1, not 0.",
            each(&|x, first, last| lengths_squared(x, first, last, &[N, 1]).mean()),
        )
        .suspect(
            Formula,
            "The square is missing, so a slope below 1 would be rewarded.",
            each(&|x, first, last| lengths_squared(x, first, last, &[N, 1]).sqrt().add_scalar(-1.0).mean()),
        )
        .factor("the number of images: the penalty is a mean, not a sum", N as f64),
        Question::new(
            "the gradient of the penalty by the critic's weight",
            &[5, 4],
            by_critic,
            answer.map(|all| all[0].1.clone()),
        )
        .suspect(WrongCut, "The slopes became constants, so they do not depend on the critic.", vec![0.0; 20]),
    ])
}
