//! [`EXERCISES`]: all exercises, in the order of the guide.

use crate::Mistake;
use crate::Mistake::*;

/// An exercise, except for its judge.
#[derive(Debug)]
pub struct Exercise {
    /// The name of its file, such as `e07_square`; the two digits are the number.
    pub name: &'static str,
    /// The title.
    pub title: &'static str,
    /// The module of the guide that teaches it.
    pub chapter: &'static str,
    /// The mistake in the original file.
    pub shipped: Mistake,
    /// Three hints: where to look, the formula, and almost the code.
    pub hints: [&'static str; 3],
    /// The original file.
    pub start: &'static str,
    /// The reference solution.
    pub solution: &'static str,
}

impl Exercise {
    /// The number, from 1.
    pub fn number(&self) -> usize {
        EXERCISES.iter().position(|exercise| exercise.name == self.name).map_or(0, |i| i + 1)
    }

    /// The name of the file.
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

/// All exercises, in the order of the guide.
#[rustfmt::skip] // a row of the list is one line of facts, and the hints
pub const EXERCISES: [Exercise; 34] = exercises![
    "e01_losses", "the two losses of a GAN", "c01_gan", Sign, [
        "Try one number: what is ln(0.5), and what should the loss of an undecided discriminator be?",
        "Both formulas in the statement begin with a minus. Where is it in the code?",
        "The last line: (-found_reals - found_fakes, -fooled).",
    ];
    "e02_product", "a product that remembers its inputs", "c02_tape", Transposed, [
        "Take x = 3 and y = 5. Change x from 3 to 4: how much does x * y change? Is that x or y?",
        "d(x * y)/dx = y, and d(x * y)/dy = x.",
        "slope_by_a = y; slope_by_b = x;",
    ];
    "e03_chain_rule", "slopes along a chain", "c03_chain_rule", Formula, [
        "u is not x: how much does u = x * x change when x changes?",
        "dy/dx = dy/du * du/dx, with dy/du = cos(u) and du/dx = 2 x.",
        "u.cos() * 2.0 * x",
    ];
    "e04_sweep", "the reverse sweep", "c04_reverse_sweep", Unwritten, [
        "One number is known before the loop: the derivative of the loss with respect to itself.",
        "For each node from the last to the first, and for each of its inputs: gradient of the input += gradient of the node * slope.",
        "gradients[tape.len() - 1] = 1.0; then `for (index, node) in tape.iter().enumerate().rev()`, and inside it `for (input, slope) in &node.inputs`.",
    ];
    "e05_fork", "what happens at a fork", "c04_reverse_sweep", Overwritten, [
        "What is in the slot when the second contribution arrives, and what happens to it?",
        "If the slot is None, store the contribution; otherwise add it element by element.",
        "match &mut gradients[node] { None => ..., Some(sum) => for (sum, more) in sum.iter_mut().zip(contribution) { *sum += more; } }",
    ];
    "e06_clear", "a gradient for this step only", "c04_reverse_sweep", NotCleared, [
        "Follow the first number of the buffer through two calls. What is it when the second call begins?",
        "Within a step the examples are summed (`+=` is right). At the beginning of a step the buffer must be zero.",
        "gradient.fill(0.0); as the first line of the function.",
    ];
    "e07_square", "the rule of an element-wise op", "c05_tensors", UpstreamIgnored, [
        "One of the two arguments is not used at all.",
        "The chain rule: dL/dx = dL/dy * dy/dx, element by element. The first factor is gy.",
        "gx[i] = gy[i] * 2.0 * x[i];",
    ];
    "e08_quotient", "an op with two inputs", "c05_tensors", Unwritten, [
        "Hold b fixed: a / b is a straight line in a. Then hold a fixed: a / b is a times b to the power -1.",
        "d(a/b)/da = 1 / b, and d(a/b)/db = -a / b^2. Both are multiplied by gy.",
        "ga[i] = gy[i] / b[i]; gb[i] = -gy[i] * a[i] / (b[i] * b[i]);",
    ];
    "e09_bias", "broadcasting forward is summing backward", "c06_broadcasting", NotSummed, [
        "How many numbers does the bias have, and how many do you return?",
        "bias(c) is used in every row: its gradient is the sum over r of gy(r, c).",
        "Begin with vec![0.0; columns]; for each r and c: gradient[c] += gy[r * columns + c];",
    ];
    "e10_mean", "the gradient of a mean", "c06_broadcasting", Factor, [
        "Change one x(r, c) by 1. By how much does the mean of its column change?",
        "dy(c)/dx(r, c) = 1 / rows.",
        "gx[r * columns + c] = gy[c] / rows as f64;",
    ];
    "e11_matmul_left", "the left factor of a matrix product", "c07_matmul", Transposed, [
        "In the formula of y(i, j), which element of b is multiplied by a(i, p)?",
        "ga(i, p) = sum over j of gy(i, j) * b(p, j): gy times b transposed.",
        "b(p, j) is b[p * n + j].",
    ];
    "e12_matmul_right", "the right factor of a matrix product", "c07_matmul", Unwritten, [
        "b(p, j) is used in y(i, j) for every i, multiplied by a(i, p).",
        "gb(p, j) = sum over i of a(i, p) * gy(i, j): a transposed times gy.",
        "Three loops over i, p and j, and inside them: gb[p * n + j] += a[i * k + p] * gy[i * n + j];",
    ];
    "e13_conv_input", "the image of a convolution", "c08_convolution", Border, [
        "Look at the map: where is it wrong? Which outputs does the loop visit?",
        "Every output (r, c) has a gradient, those in the first and last row and column too. The `if` skips taps outside the image.",
        "for r in 0..height, and for c in 0..width.",
    ];
    "e14_conv_weight", "the weights of a convolution", "c08_convolution", Overwritten, [
        "What happens to the sum of image 0 when the sum of image 1 arrives?",
        "All images use the same kernel: gradient(p, q) = sum over n of the contribution of image n.",
        "gradient[p * 3 + q] += sum;",
    ];
    "e15_conv_transpose", "the transposed convolution", "c08_convolution", Unwritten, [
        "Loop over the small image, not over the large one: each x(r, c) adds nine numbers.",
        "For all r, c, p, q: y(2 r + p, 2 c + q) += x(r, c) * kernel(p, q). A row of y has out_width numbers.",
        "y[(2 * r + p) * out_width + 2 * c + q] += x[r * width + c] * kernel[p * 3 + q];",
    ];
    "e16_max_pool", "max pooling", "c08_convolution", Mask, [
        "Change a number that is not the largest of its block a little. Does the maximum change?",
        "The winner's slope is 1, the slope of the other three is 0.",
        "Find the winner first: `let mut winner = block[0];`, then for each `place` of the block, if x[place] > x[winner], it is the new winner.",
    ];
    "e17_leaky_relu", "the leaky ReLU", "c09_activations_and_losses", Mask, [
        "What does the function return where x is negative, and what is the slope of y there?",
        "gx = gy where x > 0, and slope * gy elsewhere.",
        "Add an else: gx[i] = slope * gy[i];",
    ];
    "e18_sigmoid", "the sigmoid, from its value", "c09_activations_and_losses", Formula, [
        "Is y the input of the sigmoid or its output?",
        "The derivative is y * (1 - y), with y as it is given.",
        "gx[i] = gy[i] * y[i] * (1.0 - y[i]);",
    ];
    "e19_tanh", "the hyperbolic tangent, from its value", "c09_activations_and_losses", Unwritten, [
        "With e = exp(x) and f = exp(-x): y = (e - f) / (e + f). Their derivatives are e' = e and f' = -f.",
        "The quotient rule gives ((e + f)^2 - (e - f)^2) / (e + f)^2. What is the second part?",
        "gx[i] = gy[i] * (1.0 - y[i] * y[i]);",
    ];
    "e20_softplus", "a logarithm that does not overflow", "c09_activations_and_losses", Unstable, [
        "exp(x) overflows only for a large x. Which form of the formula never computes exp of a positive number?",
        "softplus(x) = max(x, 0) + ln(1 + exp(-|x|)).",
        "x.max(0.0) + (-x.abs()).exp().ln_1p()",
    ];
    "e21_bce_logits", "the loss from logits", "c09_activations_and_losses", Unstable, [
        "ln(p) = -softplus(-z), and ln(1 - p) = -softplus(z). What is softplus(z) - softplus(-z)?",
        "loss = mean of softplus(z) - t z, and its gradient is (p - t) / n. Write softplus as in exercise 20.",
        "loss += (z.max(0.0) + (-z.abs()).exp().ln_1p() - t * z) / n; gradient[i] = (p - t) / n;",
    ];
    "e22_dropout", "dropout", "c09_activations_and_losses", Factor, [
        "What is the derivative of y[i] with respect to x[i] where it was kept? Read the formula of the forward pass again.",
        "gx = gy / (1 - rate) where kept, and 0 elsewhere: the same mask and factor as in the forward pass.",
        "gx[i] = gy[i] / (1.0 - rate);",
    ];
    "e23_batch_norm", "batch normalisation, derived", "c10_normalisation", Formula, [
        "Add 1 to all x: y does not change at all. So the sum of all gx must be 0. Is it?",
        "gx = gamma / s * (gy - mean(gy) - xh * mean(gy * xh)).",
        "Compute mean_gy and mean_gy_xh before the loop; inside it, xh = (x[i] - mu) / s.",
    ];
    "e24_instance_norm", "instance normalisation", "c10_normalisation", Axis, [
        "Which numbers share a mean here? Two of the arguments are not used at all.",
        "Apply the formula to each image separately: image n is x[n * pixels..(n + 1) * pixels].",
        "x.chunks(pixels) gives the images one by one; append the results (`Vec::extend`).",
    ];
    "e25_running", "running statistics", "c10_normalisation", Overwritten, [
        "What happens to the old average?",
        "running = keep * running + (1 - keep) * batch: two terms.",
        "running[c] = keep * running[c] + (1.0 - keep) * batch[c];",
    ];
    "e26_momentum", "momentum", "c11_optimizers", Sign, [
        "The gradient points in the direction in which the loss grows. In which direction should the weights move?",
        "weight = weight - rate * velocity.",
        "weights[i] -= rate * velocity[i];",
    ];
    "e27_rms_prop", "RMSprop", "c11_optimizers", Overwritten, [
        "What is mean_square the average of, if it depends only on the last gradient?",
        "mean_square = rho * mean_square + (1 - rho) * gradient^2.",
        "mean_square[i] = rho * mean_square[i] + (1.0 - rho) * gradient[i] * gradient[i];",
    ];
    "e28_adam", "Adam", "c11_optimizers", Formula, [
        "Compare the code with the formulas line by line: which line has no code yet?",
        "mean_hat = mean / (1 - beta1^t) and square_hat = mean_square / (1 - beta2^t); the step uses these two.",
        "let mean_hat = mean[i] / (1.0 - beta1.powi(t)); the other one is similar.",
    ];
    "e29_cut", "the cut", "c12_two_players", MissingCut, [
        "The fakes remember how they were computed, back to the generator's weights. They should forget it.",
        "Detach the fakes before the discriminator sees them. (A later cut would cut off the discriminator too.)",
        "let on_fakes = discriminator(&fakes.detach());",
    ];
    "e30_freeze", "freezing the discriminator", "c12_two_players", MissingCut, [
        "Which of the two weights is put on the tape as a variable?",
        "The gradient still passes through a layer with a constant weight, but the weight itself gets none.",
        "let discriminator = tape.constant(discriminator);",
    ];
    "e31_through_d", "the generator learns through the discriminator", "c12_two_players", Unwritten, [
        "There is a chain: w and b, the fake, the logit, the loss. Find the derivative of each with respect to the previous one.",
        "by_logit = -1 / (1 + exp(logit)) / n; by_fake = by_logit * d * 2 fake; then add the contributions to w and to b.",
        "by_w += by_fake * z; by_b += by_fake;",
    ];
    "e32_dead_units", "dead units", "c13_sick_runs", Axis, [
        "Count for each unit, over all images. The code counts all numbers together.",
        "A unit is dead if activations[image * units + unit] is 0 for every image. Count those, and divide by the number of units.",
        "let dead = |unit: &usize| (0..images).all(|image| activations[image * units + unit] == 0.0);",
    ];
    "e33_central_difference", "a central difference", "c14_proof_and_speed", Formula, [
        "Compare with the formula: how many times is f called, and where?",
        "The distance from x - h to x + h is 2 h.",
        "(f(x + h) - f(x - h)) / (2.0 * h)",
    ];
    "e34_gradient_penalty", "the gradient penalty", "c14_proof_and_speed", WrongCut, [
        "The slopes are the result of a sweep. Is there a record of how the sweep computed them?",
        "With `create_graph` the sweep is recorded too, and its results can be differentiated again.",
        "Options::CREATE_GRAPH instead of Options::KEEP.",
    ];
];
