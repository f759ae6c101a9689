//! Exercises 2 to 6: the content of a tape, and the sweep over it.

use tensor::Tensor;
use tensor::gradcheck::derivative;

use crate::Mistake::{Formula, NotCleared, Overwritten, Transposed, Unwritten, UpstreamIgnored};
use crate::guard::ask;
use crate::question::{constant, numbers, slopes};
use crate::{Node, Question, Verdict};

/// Exercise 2: a product and its local slopes.
pub fn product(attempt: &dyn Fn(&mut Vec<Node>, usize, usize) -> usize) -> Verdict {
    let values = [1.5, -0.7, 2.2];
    let pairs = [(0, 1), (1, 2), (2, 0), (1, 1)];
    // For each pair: the index, the value, and the slopes of the node for its two inputs.
    let answer = ask(|| {
        pairs.map(|(a, b)| {
            let mut tape: Vec<_> = values.map(|value| Node { value, inputs: vec![] }).into();
            let place = attempt(&mut tape, a, b);
            let node = &tape[place];
            let slope =
                |input: usize| node.inputs.iter().filter(|(i, _)| *i == input).map(|(_, slope)| slope).sum::<f64>();
            (place as f64, node.value, [slope(a), slope(b)])
        })
    });
    // If both inputs are the same node, it has both slopes.
    let both = |slopes: fn(f64, f64) -> [f64; 2]| {
        let slopes = |(a, b): (usize, usize)| {
            let [by_a, by_b] = slopes(values[a], values[b]);
            if a == b { [by_a + by_b; 2] } else { [by_a, by_b] }
        };
        pairs.map(slopes).concat()
    };
    let product = pairs.map(|(a, b)| values[a] * values[b]).to_vec();
    Verdict::of([
        Question::new(
            "the indices of four products",
            &[4],
            vec![3.0; 4],
            answer.clone().map(|all| all.map(|a| a.0).into()),
        ),
        Question::new("the values of four products", &[4], product, answer.clone().map(|all| all.map(|a| a.1).into())),
        Question::new(
            "the local slopes of four products, for their two inputs (the last one is a value times itself)",
            &[4, 2],
            both(|x, y| [y, x]),
            answer.map(|all| all.map(|a| a.2).concat()),
        )
        .suspect(Transposed, "The two slopes are swapped: each factor got its own value.", both(|x, y| [x, y]))
        .suspect(Formula, "Those are the slopes of a sum.", both(|_, _| [1.0, 1.0])),
    ])
}

/// Exercise 3: dy/dx of sin(x * x).
pub fn chain_rule(attempt: &dyn Fn(f64) -> f64) -> Verdict {
    let points = [-1.9, -1.1, -0.4, 0.6, 1.3, 2.1];
    let each = |f: &dyn Fn(f64) -> f64| points.iter().map(|x| f(*x)).collect::<Vec<_>>();
    let expected = each(&|x| derivative(|t| ((x + t) * (x + t)).sin()));
    Verdict::of([Question::new("dy/dx at six points x", &[6], expected, ask(|| each(&attempt)))
        .suspect(Formula, "The inner derivative is missing: u changes too when x changes.", each(&|x| (x * x).cos()))
        .suspect(Formula, "The outer derivative is missing: y depends on u.", each(&|x| 2.0 * x))
        .suspect(Formula, "The outer derivative must be taken at u, not at x.", each(&|x| 2.0 * x * x.cos()))
        .suspect(
            Formula,
            "The inner derivative is a factor; it does not belong inside the cosine.",
            each(&|x| (2.0 * x).cos()),
        )])
}

/// A tape with forks. The values depend on the three at its start; `bump` is added to the value at
/// one index.
fn forked(leaves: [f64; 3], bump: (usize, f64)) -> Vec<Node> {
    let mut tape: Vec<Node> = Vec::new();
    let mut push = |value: f64, inputs: &[(usize, f64)]| {
        let value = value + if tape.len() == bump.0 { bump.1 } else { 0.0 };
        tape.push(Node { value, inputs: inputs.to_vec() });
        value
    };
    let [x, y, z] = leaves.map(|leaf| push(leaf, &[]));
    let a = push(x * y, &[(0, y), (1, x)]);
    let b = push(a + x, &[(3, 1.0), (0, 1.0)]);
    let c = push(b.sin(), &[(4, b.cos())]);
    push(c * c, &[(5, c), (5, c)]); // nobody asks for this one
    let d = push(c * a - z, &[(5, a), (3, c), (2, -1.0)]);
    push(d * d * x, &[(7, d * x), (7, d * x), (0, d * d)]);
    tape
}

/// Exercise 4: the reverse sweep.
pub fn sweep(attempt: &dyn Fn(&[Node]) -> Vec<f64>) -> Verdict {
    let leaves = [1.3, -0.8, 0.5];
    let tape = forked(leaves, (0, 0.0));
    let n = tape.len();
    let loss = |place: usize, t: f64| forked(leaves, (place, t))[n - 1].value;
    let expected = (0..n).map(|place| derivative(|t| loss(place, t))).collect();
    // The results of the common mistakes.
    let wrong = |backwards: bool, step: fn(old: f64, upstream: f64, slope: f64) -> f64| {
        let mut gradients = vec![0.0; n];
        gradients[n - 1] = 1.0;
        for i in 0..n {
            let place = if backwards { n - 1 - i } else { i };
            for (input, slope) in &tape[place].inputs {
                gradients[*input] = step(gradients[*input], gradients[place], *slope);
            }
        }
        gradients
    };
    let loss_alone = (0..n).map(|i| f64::from(u8::from(i == n - 1))).collect();
    let one = [Node { value: 0.3, inputs: vec![] }];
    Verdict::of([
        Question::new(
            "the derivative of the loss with respect to each of nine nodes",
            &[n],
            expected,
            ask(|| attempt(&tape)),
        )
        .suspect(
            Unwritten,
            "Nothing starts the sweep: the derivative of the loss with respect to itself is 1.",
            vec![0.0; n],
        )
        .suspect(Formula, "Only the loss has a derivative: nothing is passed on to the inputs.", loss_alone)
        .suspect(
            Overwritten,
            "If a value is used several times, only the last contribution is left.",
            wrong(true, |_, upstream, slope| upstream * slope),
        )
        .suspect(
            Formula,
            "The loop runs from the front to the back, so a gradient is passed on before it is complete.",
            wrong(false, |old, upstream, slope| old + upstream * slope),
        )
        .suspect(
            UpstreamIgnored,
            "The slopes are added without being multiplied by the derivative of the node.",
            wrong(true, |old, _, slope| old + slope),
        ),
        Question::new("the sweep over a tape with only the loss", &[1], vec![1.0], ask(|| attempt(&one))),
    ])
}

/// Exercise 5: contributions that arrive one at a time.
pub fn fork(attempt: &dyn Fn(&mut [Option<Vec<f64>>], usize, Vec<f64>)) -> Verdict {
    let contributions = [1, 2, 3].map(|seed| numbers(seed, &[6]).data().to_vec());
    let alone = numbers(4, &[2]).data().to_vec();
    let answer = ask(|| {
        let mut gradients = vec![None; 4];
        attempt(&mut gradients, 1, contributions[0].clone());
        attempt(&mut gradients, 2, alone.clone());
        attempt(&mut gradients, 1, contributions[1].clone());
        attempt(&mut gradients, 1, contributions[2].clone());
        gradients
    });
    let slot = |i: usize| answer.clone().map(|gradients| gradients[i].clone().unwrap_or_default());
    let sum = (0..6).map(|i| contributions.iter().map(|c| c[i]).sum()).collect();
    let filled = answer.clone().map(|gradients| vec![gradients.iter().flatten().count() as f64]);
    let named = ["the first contribution", "the second contribution", "the third contribution"];
    Verdict::of([
        Question::new("the slot of a node that is used once", &[2], alone.clone(), slot(2)),
        Question::new("the slot of a node that is used three times", &[6], sum, slot(1))
            .parts(Overwritten, named.into_iter().zip(contributions))
            .factor("1 / 3: the result is a sum, not a mean", 1.0 / 3.0),
        Question::new("how many of four slots are filled, after deliveries to two nodes", &[], vec![2.0], filled),
    ])
}

/// Exercise 6: a buffer that is reused in every step.
pub fn clear(attempt: &dyn Fn(&[f64], &[(Vec<f64>, f64)], &mut [f64])) -> Verdict {
    let examples: Vec<_> = (1..4).map(|seed| (numbers(seed, &[5]).data().to_vec(), f64::from(seed) - 2.5)).collect();
    let steps = [numbers(11, &[5]), numbers(12, &[5])];
    let mut buffer = vec![0.0; 5];
    let [first, second] = steps.each_ref().map(|weights| {
        ask(|| {
            attempt(weights.data(), &examples, &mut buffer);
            buffer.clone()
        })
    });
    let by_example = |weights: &Tensor<f64>, (x, target): &(Vec<f64>, f64)| {
        let x = constant(&Tensor::new(&[5], x.clone()));
        slopes(weights, &Tensor::scalar(0.5), |w| (w * &x).sum().add_scalar(-target).square())
    };
    let parts = |weights| (1..).zip(&examples).map(move |(i, e)| (format!("example {i}"), by_example(weights, e)));
    let add = |a: Vec<f64>, b: Vec<f64>| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<_>>();
    let sum = |weights| parts(weights).map(|(_, part)| part).reduce(add).expect("there are examples");
    let expected = [sum(&steps[0]), sum(&steps[1])];
    let both = add(expected[0].clone(), expected[1].clone());
    let [one, two] = expected;
    let mean = "1 / 3: the gradient is a sum over the examples, not a mean";
    Verdict::of([
        Question::new("the gradient of the first step", &[5], one, first)
            .parts(Overwritten, parts(&steps[0]))
            .factor(mean, 1.0 / 3.0),
        Question::new("the gradient of the second step, in the same buffer", &[5], two, second).suspect(
            NotCleared,
            "It is the sum of the gradients of both steps.",
            both,
        ),
    ])
}
