//! [`EXERCISES`]: the list, in the order of the guide.

use crate::Mistake;
use crate::Mistake::*;

/// What is known about an exercise besides its judge.
#[derive(Debug)]
pub struct Exercise {
    /// The name of its file, such as `e07_square`; the two digits are its number.
    pub name: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// The module of the guide that teaches it.
    pub chapter: &'static str,
    /// What the checker says of the file as it is shipped.
    pub shipped: Mistake,
    /// Three hints: where to look, the formula, and nearly the code.
    pub hints: [&'static str; 3],
    /// The file as it is shipped.
    pub start: &'static str,
    /// A reference solution.
    pub solution: &'static str,
}

impl Exercise {
    /// Its number, from 1.
    pub fn number(&self) -> usize {
        EXERCISES.iter().position(|exercise| exercise.name == self.name).map_or(0, |i| i + 1)
    }

    /// What its file is called.
    pub fn file(&self) -> String {
        format!("{}.rs", self.name)
    }
}

macro_rules! exercises {
    ($($name:literal, $title:literal, $chapter:literal, $shipped:expr, [$($hint:literal),* $(,)?];)*) => {
        [$(Exercise {
            name: $name,
            title: $title,
            chapter: $chapter,
            shipped: $shipped,
            hints: [$($hint),*],
            start: include_str!(concat!("starts/", $name, ".rs")),
            solution: include_str!(concat!("solutions/", $name, ".rs")),
        }),*]
    };
}

/// Every exercise, in the order of the guide.
#[rustfmt::skip] // a row of the list is one line of facts, and the hints
pub const EXERCISES: [Exercise; 34] = exercises![
    "e01_losses", "the two losses of a GAN", "c01_gan", Sign, [
        "Try it on one number: what is ln(0.5), and what should the loss of a discriminator that is unsure be?",
        "Both formulas in the statement begin with a minus. Where is it in the code?",
        "The last line: (-found_reals - found_fakes, -fooled).",
    ];
    "e02_product", "a product that remembers its inputs", "c02_tape", Transposed, [
        "Take x = 3 and y = 5. Move x from 3 to 4: how much does x * y move? Is that x or y?",
        "d(x * y)/dx = y, and d(x * y)/dy = x.",
        "slope_by_a = y; slope_by_b = x;",
    ];
    "e03_chain_rule", "slopes along a chain", "c03_chain_rule", Formula, [
        "u is not x: how much does u = x * x move when x moves?",
        "dy/dx = dy/du * du/dx, with dy/du = cos(u) and du/dx = 2 x.",
        "u.cos() * 2.0 * x",
    ];
    "e04_sweep", "the reverse sweep", "c04_reverse_sweep", Unwritten, [
        "Before the loop, one of the numbers is known already: the derivative of the loss by itself.",
        "For each node from the last to the first, and for each of its inputs: gradient of the input += gradient of the node * slope.",
        "gradients[tape.len() - 1] = 1.0; then `for (place, node) in tape.iter().enumerate().rev()`, and in it `for (input, slope) in &node.inputs`.",
    ];
    "e05_fork", "what happens at a fork", "c04_reverse_sweep", Overwritten, [
        "What is in the slot when the second contribution arrives, and what happens to it?",
        "If the slot is None, put the contribution in; else add it, element by element.",
        "match &mut gradients[node] { None => ..., Some(sum) => for (sum, more) in sum.iter_mut().zip(contribution) { *sum += more; } }",
    ];
    "e06_clear", "a gradient for this step only", "c04_reverse_sweep", NotCleared, [
        "Follow the first number of the buffer through two calls. What is it when the second call begins?",
        "Within a step the examples add up (`+=` is right). Between steps the buffer has to begin with zeros.",
        "gradient.fill(0.0); as the first line of the function.",
    ];
    "e07_square", "the rule of an elementwise op", "c05_tensors", UpstreamIgnored, [
        "One of the two arguments is not used at all.",
        "The chain rule: dL/dx = dL/dy * dy/dx, element by element. The first factor is gy.",
        "gx[i] = gy[i] * 2.0 * x[i];",
    ];
    "e08_quotient", "an op with two inputs", "c05_tensors", Unwritten, [
        "Hold b fixed: a / b is a straight line in a. Then hold a fixed: a / b is a times b to the power -1.",
        "d(a/b)/da = 1 / b, and d(a/b)/db = -a / b^2. Both are multiplied by what arrives.",
        "ga[i] = gy[i] / b[i]; gb[i] = -gy[i] * a[i] / (b[i] * b[i]);",
    ];
    "e09_bias", "broadcasting forward is summing backward", "c06_broadcasting", NotSummed, [
        "How many numbers does the bias have, and how many do you return?",
        "bias(c) is used in every row: its gradient is the sum over r of gy(r, c).",
        "Begin with vec![0.0; columns]; for each r and c: gradient[c] += gy[r * columns + c];",
    ];
    "e10_mean", "a mean, backwards", "c06_broadcasting", Factor, [
        "Move one x(r, c) by 1. By how much does the mean of its column move?",
        "dy(c)/dx(r, c) = 1 / rows.",
        "gx[r * columns + c] = gy[c] / rows as f64;",
    ];
    "e11_matmul_left", "a matrix product, by its left factor", "c07_matmul", Transposed, [
        "In the formula of y(i, j), which element of b stands next to a(i, p)?",
        "ga(i, p) = sum over j of gy(i, j) * b(p, j): gy times b transposed.",
        "b(p, j) stands at b[p * n + j].",
    ];
    "e12_matmul_right", "a matrix product, by its right factor", "c07_matmul", Unwritten, [
        "b(p, j) is used in y(i, j) for every i, and a(i, p) stands next to it.",
        "gb(p, j) = sum over i of a(i, p) * gy(i, j): a transposed times gy.",
        "Three loops over i, p, j, and in them: gb[p * n + j] += a[i * k + p] * gy[i * n + j];",
    ];
    "e13_conv_input", "a convolution, by its image", "c08_convolution", Border, [
        "Look at the map: where is it wrong? Which outputs does the loop visit?",
        "Every output (r, c) has a gradient, those in the first and last row and column too. The `if` takes care of taps outside.",
        "for r in 0..height, and for c in 0..width.",
    ];
    "e14_conv_weight", "a convolution, by its weights", "c08_convolution", Overwritten, [
        "What happens to the sum of image 0 when the sum of image 1 arrives?",
        "The kernel is shared by all images: gradient(p, q) = sum over n of what image n says.",
        "gradient[p * 3 + q] += sum;",
    ];
    "e15_conv_transpose", "the transposed convolution", "c08_convolution", Unwritten, [
        "Walk over the small image, not over the large one: each x(r, c) puts nine numbers.",
        "For all r, c, p, q: y(2 r + p, 2 c + q) += x(r, c) * kernel(p, q). A row of y has out_width numbers.",
        "y[(2 * r + p) * out_width + 2 * c + q] += x[r * width + c] * kernel[p * 3 + q];",
    ];
    "e16_max_pool", "max pooling", "c08_convolution", Mask, [
        "Move a number that is not the largest of its block a little. Does the maximum move?",
        "The winner's slope is 1, the slope of the other three is 0.",
        "Find the winner first: `let mut winner = block[0];`, then for each place, if x[place] > x[winner], it is the new winner.",
    ];
    "e17_leaky_relu", "the leaky ReLU", "c09_activations_and_losses", Mask, [
        "What does the function return where x is negative, and what is the slope of y there?",
        "gx = gy where x > 0, and slope * gy elsewhere.",
        "Add an else: gx[i] = slope * gy[i];",
    ];
    "e18_sigmoid", "the sigmoid, from its value", "c09_activations_and_losses", Formula, [
        "Is y what goes into the sigmoid, or what comes out of it?",
        "The slope is y * (1 - y), with the y that you were given.",
        "gx[i] = gy[i] * y[i] * (1.0 - y[i]);",
    ];
    "e19_tanh", "the hyperbolic tangent, from its value", "c09_activations_and_losses", Unwritten, [
        "With e = exp(x) and f = exp(-x): y = (e - f) / (e + f). Both move when x moves: e' = e, f' = -f.",
        "The quotient rule gives ((e + f)^2 - (e - f)^2) / (e + f)^2. What is the second part?",
        "gx[i] = gy[i] * (1.0 - y[i] * y[i]);",
    ];
    "e20_softplus", "a logarithm that does not overflow", "c09_activations_and_losses", Unstable, [
        "exp(x) overflows for a large x only. Which form of the formula never takes exp of a positive number?",
        "softplus(x) = max(x, 0) + ln(1 + exp(-|x|)).",
        "x.max(0.0) + (-x.abs()).exp().ln_1p()",
    ];
    "e21_bce_logits", "the loss from logits", "c09_activations_and_losses", Unstable, [
        "ln(p) = -softplus(-z), and ln(1 - p) = -softplus(z). What is softplus(z) - softplus(-z)?",
        "loss = mean of softplus(z) - t z, and its gradient is (p - t) / n. Write softplus as in exercise 20.",
        "loss += (z.max(0.0) + (-z.abs()).exp().ln_1p() - t * z) / n; gradient[i] = (p - t) / n;",
    ];
    "e22_dropout", "dropout", "c09_activations_and_losses", Factor, [
        "What is the slope of y[i] by x[i], where it was kept? Read the formula of the forward pass once more.",
        "gx = gy / (1 - rate) where kept, 0 elsewhere: the same mask and the same factor as forward.",
        "gx[i] = gy[i] / (1.0 - rate);",
    ];
    "e23_batch_norm", "batch normalisation, derived", "c10_normalisation", Formula, [
        "Add 1 to all x: y does not change at all. So the sum of all gx must be 0. Is it?",
        "gx = gamma / s * (gy - mean(gy) - xh * mean(gy * xh)).",
        "Compute mean_gy and mean_gy_xh before the loop; in it, xh = (x[i] - mu) / s.",
    ];
    "e24_instance_norm", "instance normalisation", "c10_normalisation", Axis, [
        "Which numbers share a mean here? Two of the arguments are not used at all.",
        "Use the formula on each image by itself: image n is x[n * pixels..(n + 1) * pixels].",
        "x.chunks(pixels) gives the images one by one; put the results one after the other (`extend` of a Vec does).",
    ];
    "e25_running", "running statistics", "c10_normalisation", Overwritten, [
        "Where has the old average gone?",
        "running = keep * running + (1 - keep) * batch: two terms.",
        "running[c] = keep * running[c] + (1.0 - keep) * batch[c];",
    ];
    "e26_momentum", "momentum", "c11_optimizers", Sign, [
        "The gradient points to where the loss grows. Where should the weights go?",
        "weight = weight - rate * velocity.",
        "weights[i] -= rate * velocity[i];",
    ];
    "e27_rms_prop", "RMSprop", "c11_optimizers", Overwritten, [
        "What is mean_square an average of, if it only knows the last gradient?",
        "mean_square = rho * mean_square + (1 - rho) * gradient^2.",
        "mean_square[i] = rho * mean_square[i] + (1.0 - rho) * gradient[i] * gradient[i];",
    ];
    "e28_adam", "Adam", "c11_optimizers", Formula, [
        "Compare the code with the statement line by line: what is in the right column of the formulas?",
        "mean_hat = mean / (1 - beta1^t) and square_hat = mean_square / (1 - beta2^t); the step uses these two.",
        "let mean_hat = mean[i] / (1.0 - beta1.powi(t)); the other one likewise.",
    ];
    "e29_cut", "the cut", "c12_two_players", MissingCut, [
        "The fakes know how they were computed, down to the generator's weights. They should forget it.",
        "Detach the fakes, before the discriminator looks at them. (After it would cut off the discriminator as well.)",
        "let on_fakes = discriminator(&fakes.detach());",
    ];
    "e30_freeze", "the freeze", "c12_two_players", MissingCut, [
        "Which of the two weights is put on the tape as something to differentiate by?",
        "A constant weight passes the gradient on to its input, but gets none itself.",
        "let discriminator = tape.constant(discriminator);",
    ];
    "e31_through_d", "the generator learns through the discriminator", "c12_two_players", Unwritten, [
        "Four things in a chain: w and b, the fake, the logit, the loss. Give the slope of each by the one before.",
        "by_logit = -1 / (1 + exp(logit)) / n; by_fake = by_logit * d * 2 fake; and then to w and to b, where it adds up.",
        "by_w += by_fake * z; by_b += by_fake;",
    ];
    "e32_dead_units", "dead units", "c13_sick_runs", Axis, [
        "For each unit, over all images. The code looks at all numbers in one heap.",
        "A unit is dead if activations[image * units + unit] is 0 for every image. Count those, and divide by the units.",
        "let dead = |unit: &usize| (0..images).all(|image| activations[image * units + unit] == 0.0);",
    ];
    "e33_central_difference", "a check from both sides", "c14_proof_and_speed", Formula, [
        "Compare with the formula: how many times is f called, and where?",
        "From x - h to x + h is a way of 2 h.",
        "(f(x + h) - f(x - h)) / (2.0 * h)",
    ];
    "e34_gradient_penalty", "the gradient penalty", "c14_proof_and_speed", WrongCut, [
        "The slopes are the result of a sweep. Who remembers how the sweep computed them?",
        "With `create_graph` the sweep is recorded as well, and its results can be differentiated again.",
        "Options::CREATE_GRAPH instead of Options::KEEP.",
    ];
];
