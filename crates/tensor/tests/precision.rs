//! Products in bf16: their gradients, and gradients of gradients, are near those of `f32`, and are
//! products in bf16 themselves.

use kernels::{Key, Padding, Precision, TransposedPadding};
use tensor::{Options, Tape, Tensor, Var, grad};

fn numbers(stream: u32, shape: &[usize]) -> Tensor {
    let len = shape.iter().product::<usize>();
    let words = (0..len.div_ceil(4) as u32).flat_map(|block| kernels::random::words(Key::new(3, stream), block));
    Tensor::new(shape, words.take(len).map(|word| word as i32 as f32 / 2f32.powi(31)).collect())
}

/// The gradients of a small network's loss, then the gradients of the squared norm of the first of
/// these; and the tape.
fn gradients(precision: Precision) -> (Vec<Tensor>, Tape) {
    let tape = Tape::new();
    let shapes: [&[usize]; 5] = [&[3, 8, 8, 18], &[3, 3, 18, 20], &[4, 4, 17, 20], &[3, 3, 17, 6], &[1536, 5]];
    let v: Vec<Var> =
        (1..).zip(shapes).map(|(number, shape)| tape.variable(&format!("v{number}"), numbers(number, shape))).collect();
    let h = v[0].conv2d_in(precision, &v[1], [2, 2], Padding::Same).tanh();
    let h = h.conv_transpose2d_in(precision, &v[2], [2, 2], TransposedPadding::Same).tanh();
    let h = h.upsample_conv2d(precision, &v[3], [2, 2], Padding::Same);
    let loss = h.reshape([3, 1536]).matmul_in(precision, &v[4]).tanh().square().mean();
    let first = grad(&loss, &v, Options::CREATE_GRAPH);
    let second = grad(&first[0].square().sum(), &v, Options::default());
    (first.into_iter().chain(second).map(Var::into_value).collect(), tape)
}

#[test]
fn gradients_in_bf16_are_those_of_f32_within_the_rounding_of_their_operands() {
    let ((exact, _), (rounded, tape)) = (gradients(Precision::F32), gradients(Precision::Bf16));
    for (number, (exact, rounded)) in exact.iter().zip(&rounded).enumerate() {
        let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
        let pairs = || exact.data().iter().zip(rounded.data()).map(|(a, b)| (f64::from(*a), f64::from(*b)));
        let apart = norm(&mut pairs().map(|(a, b)| a - b)) / norm(&mut pairs().map(|(a, _)| a));
        // An operand is off by at most 2^-8 of its size, with random sign. A path through the
        // network and back meets about 16 rounded operands.
        assert!(apart > 1e-4 && apart < 16.0 / 256.0, "gradient {number} is off by {apart}");
    }
    let text = tape.to_string();
    let products: Vec<&str> = text.lines().filter(|line| line.contains("conv2d") || line.contains("matmul")).collect();
    assert!(products.len() > 20, "{text}");
    assert!(products.iter().all(|line| line.contains("bf16")), "{text}");
}
