//! Wrong answers to exercises 2 to 6.

use exercises::Mistake::*;
use exercises::{Node, judges};

use crate::Mutant;

fn node(tape: &mut Vec<Node>, value: f64, inputs: Vec<(usize, f64)>) -> usize {
    tape.push(Node { value, inputs });
    tape.len() - 1
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(crate) fn mutants() -> Vec<Mutant> {
    let product = |name, made, slopes: fn(f64, f64) -> [f64; 2]| {
        let attempt = |tape: &mut Vec<Node>, a: usize, b: usize| {
            let (x, y) = (tape[a].value, tape[b].value);
            let [by_a, by_b] = slopes(x, y);
            node(tape, x * y, vec![(a, by_a), (b, by_b)])
        };
        Mutant(2, name, made, judges::product(&attempt))
    };
    let chain = |name, made, slope: fn(f64) -> f64| Mutant(3, name, made, judges::chain_rule(&slope));
    vec![
        product("the slopes of a difference of squares, exchanged", Transposed, |x, y| [x, y]),
        product("minus the slopes", Sign, |x, y| [-y, -x]),
        product("twice the slopes", Factor, |x, y| [2.0 * y, 2.0 * x]),
        product("the slopes of a sum", Formula, |_, _| [1.0, 1.0]),
        product("no slopes", Unwritten, |_, _| [0.0, 0.0]),
        Mutant(2, "the place of the node before", Factor, {
            let attempt = |tape: &mut Vec<Node>, a: usize, b: usize| {
                let (x, y) = (tape[a].value, tape[b].value);
                node(tape, x * y, vec![(a, y), (b, x)]) - 1
            };
            judges::product(&attempt)
        }),
        chain("the inner slope is forgotten", Formula, |x| (x * x).cos()),
        chain("the outer slope is forgotten", Formula, |x| 2.0 * x),
        chain("the outer slope at x", Formula, |x| 2.0 * x * x.cos()),
        chain("the slope of the sine with a minus", Sign, |x| -(x * x).cos() * 2.0 * x),
        chain("x instead of 2 x", Factor, |x| (x * x).cos() * x),
        chain("the value instead of the slope", Unknown, |x| (x * x).sin()),
        Mutant(4, "the last contribution only", Overwritten, {
            judges::sweep(&|tape| {
                let mut g = vec![0.0; tape.len()];
                g[tape.len() - 1] = 1.0;
                for (place, node) in tape.iter().enumerate().rev() {
                    node.inputs.iter().for_each(|(input, slope)| g[*input] = g[place] * slope);
                }
                g
            })
        }),
        Mutant(4, "from the front to the back", Formula, {
            judges::sweep(&|tape| {
                let mut g = vec![0.0; tape.len()];
                g[tape.len() - 1] = 1.0;
                for (place, node) in tape.iter().enumerate() {
                    node.inputs.iter().for_each(|(input, slope)| g[*input] += g[place] * slope);
                }
                g
            })
        }),
        Mutant(4, "slopes without what arrived", UpstreamIgnored, {
            judges::sweep(&|tape| {
                let mut g = vec![0.0; tape.len()];
                g[tape.len() - 1] = 1.0;
                for node in tape.iter().rev() {
                    node.inputs.iter().for_each(|(input, slope)| g[*input] += slope);
                }
                g
            })
        }),
        Mutant(4, "no seed", Unwritten, {
            judges::sweep(&|tape| {
                let mut g = vec![0.0; tape.len()];
                for (place, node) in tape.iter().enumerate().rev() {
                    node.inputs.iter().for_each(|(input, slope)| g[*input] += g[place] * slope);
                }
                g
            })
        }),
        Mutant(4, "the seed is -1", Sign, {
            judges::sweep(&|tape| {
                let mut g = vec![0.0; tape.len()];
                g[tape.len() - 1] = -1.0;
                for (place, node) in tape.iter().enumerate().rev() {
                    node.inputs.iter().for_each(|(input, slope)| g[*input] += g[place] * slope);
                }
                g
            })
        }),
        Mutant(4, "pulled instead of pushed", Formula, {
            judges::sweep(&|tape| {
                let mut g = vec![0.0; tape.len()];
                g[tape.len() - 1] = 1.0;
                for (place, node) in tape.iter().enumerate().rev() {
                    node.inputs.iter().for_each(|(input, slope)| g[place] += g[*input] * slope);
                }
                g
            })
        }),
        Mutant(4, "an index past the end", Crash, judges::sweep(&|tape| vec![tape[tape.len()].value])),
        Mutant(5, "the last contribution only", Overwritten, judges::fork(&|slots, node, c| slots[node] = Some(c))),
        Mutant(5, "the first contribution only", Overwritten, {
            judges::fork(&|slots, node, c| {
                slots[node].get_or_insert(c);
            })
        }),
        Mutant(5, "the first contribution twice", Factor, {
            judges::fork(&|slots, node, c| {
                let sum = slots[node].get_or_insert(vec![0.0; c.len()]);
                let twice = if sum.iter().all(|x| *x == 0.0) { 2.0 } else { 1.0 };
                sum.iter_mut().zip(c).for_each(|(s, c)| *s += twice * c);
            })
        }),
        Mutant(5, "later contributions are subtracted", Sign, {
            judges::fork(&|slots, node, c| match &mut slots[node] {
                None => slots[node] = Some(c),
                Some(sum) => sum.iter_mut().zip(c).for_each(|(s, c)| *s -= c),
            })
        }),
        Mutant(5, "put one after the other", Shape, {
            judges::fork(&|slots, node, c| slots[node].get_or_insert_default().extend(c))
        }),
        Mutant(6, "never cleared", NotCleared, {
            judges::clear(&|w, examples, g| {
                for (x, t) in examples {
                    (0..w.len()).for_each(|i| g[i] += (dot(w, x) - t) * x[i]);
                }
            })
        }),
        Mutant(6, "cleared for every example", Overwritten, {
            judges::clear(&|w, examples, g| {
                for (x, t) in examples {
                    g.fill(0.0);
                    (0..w.len()).for_each(|i| g[i] += (dot(w, x) - t) * x[i]);
                }
            })
        }),
        Mutant(6, "the mean of the examples", Factor, {
            judges::clear(&|w, examples, g| {
                g.fill(0.0);
                for (x, t) in examples {
                    (0..w.len()).for_each(|i| g[i] += (dot(w, x) - t) * x[i] / examples.len() as f64);
                }
            })
        }),
        Mutant(6, "target less guess", Sign, {
            judges::clear(&|w, examples, g| {
                g.fill(0.0);
                for (x, t) in examples {
                    (0..w.len()).for_each(|i| g[i] += (t - dot(w, x)) * x[i]);
                }
            })
        }),
    ]
}
