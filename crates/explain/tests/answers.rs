//! The words and numbers of the page agree with the recorded step, for every example and every
//! system: each number is computed a second time here, from the tape itself.

mod common;

use common::{Step, steps};
use explain::atlas::{Atlas, Place};
use explain::document::{Document, NoGradient, Node, Question, Role};
use tensor::Tensor;
use tensor::arithmetic::evaluate;

/// The answer to the question that begins with `begin`.
fn answer<'a>(document: &'a Document, begin: &str) -> Option<&'a Question> {
    document.questions.iter().find(|question| question.question.starts_with(begin))
}

/// The numbers in a text, with their signs, in order; digits inside names do not count.
fn numbers(text: &str) -> Vec<f64> {
    let words = text.split(|c: char| c.is_whitespace() || "();:".contains(c));
    let number = |word: &str| {
        let word = word.trim_end_matches(['.', ',']).replace(',', "");
        word.starts_with(|c: char| c.is_ascii_digit() || c == '-').then(|| word.parse().ok())?
    };
    words.filter_map(number).collect()
}

/// Equal in the three digits that the page shows.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 6e-3 * b.abs() + 1e-12
}

/// The node that the actions of a question select.
fn chosen<'a>(document: &'a Document, question: &Question) -> &'a Node {
    let node = question.actions.iter().find_map(|action| match action {
        explain::document::Action::Node { node } => Some(*node),
        _ => None,
    });
    &document.nodes[node.expect("a node is chosen")]
}

fn length(tensor: &Tensor) -> f64 {
    tensor.data().iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn every_answer_agrees_with_the_step() {
    let mut dropouts = 0;
    for step in steps() {
        let Step { name, recording, document } = &step;
        let atlas = Atlas::new(recording);
        let value = |node: &Node| atlas.value(atlas.places[node.id]);
        let gradient = |node: &Node| atlas.record(atlas.places[node.id]).and_then(|record| record.gradient.as_ref());

        questions_are_short(name, document);
        updates_are_the_steps(&step);
        terms_are_those_of_the_rule(&step);

        if let Some(asked) = answer(document, "How many elements did dropout set to 0?") {
            dropouts += 1;
            let node = chosen(document, asked);
            let (y, x) = (value(node), value(&document.nodes[node.inputs[0].node]));
            // An element that was not zero before the dropout and is zero after it was dropped. Of
            // the elements that were already zero, the gradient rule shows which were dropped: they
            // send no gradient although one arrives.
            let sent = |record: &explain::recorder::NodeRecord| {
                record.sent.iter().find(|sent| sent.0 == 0).map(|s| s.1.clone())
            };
            let record = atlas.record(atlas.places[node.id]).unwrap();
            let (arrived, left) = (record.gradient.clone().unwrap(), sent(record).unwrap());
            let set = (0..y.size()).filter(|i| {
                let [x, y, g, gx] = [x.data()[*i], y.data()[*i], arrived.data()[*i], left.data()[*i]];
                (x != 0.0 && y == 0.0) || (g != 0.0 && gx == 0.0)
            });
            let unseen = (0..y.size()).filter(|i| x.data()[*i] == 0.0 && arrived.data()[*i] == 0.0).count();
            let (set, stated) = (set.count() as f64, numbers(&asked.answer));
            assert!(stated[0] >= set && stated[0] <= set + unseen as f64, "{name}: {set} + {unseen}: {}", asked.answer);
            assert_eq!(stated[1], y.size() as f64, "{name}: {}", asked.answer);
            assert!(near(stated[2], stated[0] / stated[1]), "{name}: {}", asked.answer);
            let rate: f64 = node.attributes.strip_prefix("rate ").unwrap().parse().unwrap();
            let (n, spread) = (stated[1], (rate * (1.0 - rate) / stated[1]).sqrt());
            assert!((stated[0] / n - rate).abs() < 5.0 * spread, "{name}: {}", asked.answer);
            if stated.len() > 4 {
                let zeros = y.data().iter().filter(|y| **y == 0.0).count() as f64;
                assert_eq!(stated[4], zeros, "{name}: {}", asked.answer);
                assert!(near(stated[5], zeros / n), "{name}: {}", asked.answer);
                assert_eq!(
                    stated[6],
                    x.data().iter().filter(|x| **x == 0.0).count() as f64,
                    "{name}: {}",
                    asked.answer
                );
            }
        }
        for asked in document.questions.iter().filter(|asked| asked.question.starts_with("How large is the loss")) {
            assert_eq!(
                numbers(&asked.answer),
                [value(chosen(document, asked)).item().to_string().parse::<f64>().unwrap()],
                "{name}"
            );
        }
        let parameters = || document.nodes.iter().filter(|node| node.role == Role::Parameter);
        let asked = answer(document, "Which parameter has the most elements?").unwrap();
        let most = parameters().map(|node| value(node).size()).max().unwrap();
        let stated = numbers(asked.answer.split_once(", with ").unwrap().1);
        assert_eq!(stated[0], most as f64, "{name}: {}", asked.answer);
        let others = parameters().filter(|node| value(node).size() == most).count() - 1;
        assert_eq!(asked.answer.contains("more ha"), others > 0, "{name}: {}", asked.answer);
        if others > 1 {
            assert_eq!(stated[1], others as f64, "{name}: {}", asked.answer);
        }

        let asked = answer(document, "By how much does each parameter change").unwrap();
        let ratio = |update: &explain::recorder::UpdateRecord| {
            let moved: f64 =
                update.before.data().iter().zip(update.after.data()).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            (length(&update.before) > 0.0).then(|| moved.sqrt() / length(&update.before))
        };
        let ratios: Vec<f64> = recording.updates.iter().filter_map(ratio).collect();
        let (least, largest) = ratios.iter().fold((f64::MAX, 0.0_f64), |(a, b), r| (a.min(*r), b.max(*r)));
        let stated = numbers(&asked.answer);
        assert!(near(stated[0], least) && near(stated[1], largest), "{name}: {least} {largest}: {}", asked.answer);
        let still = recording.updates.len() - ratios.len();
        assert_eq!(stated.get(2).copied().unwrap_or(0.0), still as f64, "{name}: {}", asked.answer);

        if let Some(asked) = document
            .questions
            .iter()
            .find(|asked| asked.question.starts_with("How are the elements of the gradient of "))
        {
            let g = gradient(chosen(document, asked)).unwrap();
            let largest = g.data().iter().fold(0.0_f32, |most, g| most.max(g.abs()));
            let small = g.data().iter().filter(|g| g.abs() < 0.1 * largest).count() as f64;
            let stated = numbers(&asked.answer);
            assert!(
                g.size() > 1 && stated[0] == g.size() as f64 && near(stated[1], f64::from(largest)),
                "{name}: {}",
                asked.answer
            );
            assert_eq!(stated.get(2).copied().unwrap_or(0.0), small, "{name}: {}", asked.answer);
        }
        if let Some(asked) = answer(document, "What is the gradient of a bias?") {
            let bias = chosen(document, asked);
            let reader = &document.nodes[bias.contributions[0].consumer];
            let stated = numbers(&asked.answer).first().copied().unwrap_or(1.0);
            assert_eq!(stated, (value(reader).size() / value(bias).size()) as f64, "{name}: {}", asked.answer);
        }
        if let Some(asked) =
            document.questions.iter().find(|asked| asked.question.starts_with("Does the gradient vanish"))
        {
            let stated = numbers(&asked.answer);
            let longest = document.follow.iter().map(|path| path.hops.len()).max().unwrap();
            let path = document.follow.iter().find(|path| path.hops.len() == longest).unwrap();
            let last = gradient(&document.nodes[path.parameter]).unwrap();
            assert!(
                stated[0] == 1.0 && stated[1] == (longest - 1) as f64 && near(stated[2], length(last)),
                "{name}: {}",
                asked.answer
            );
        }
        if let Some(asked) = answer(document, "For which step sizes") {
            let moved = recording.tapes.iter().find_map(|tape| tape.what_if.as_ref()).unwrap();
            let by = |i: usize| [moved.sizes[i], moved.loss[i] - moved.loss[0], -moved.sizes[i] * moved.square];
            let expected = [by(1), by(4)].concat();
            let stated = numbers(&asked.answer);
            assert_eq!(stated.len(), 6, "{name}: {}", asked.answer);
            assert!(stated.iter().zip(&expected).all(|(a, b)| near(*a, *b)), "{name}: {expected:?}: {}", asked.answer);
        }
        if let Some(asked) =
            document.questions.iter().find(|asked| asked.question.starts_with("How much of the gradient does "))
        {
            let below = chosen(document, asked);
            let stated = numbers(&asked.answer);
            assert!(near(stated[0] * stated[2], stated[1]), "{name}: {}", asked.answer);
            let shown = below.probes.iter().flat_map(|probe| &probe.gradient_terms);
            let is_stated = |term: &explain::document::GradientTerm| {
                near(stated[0], f64::from(term.upstream)) && near(stated[1], f64::from(term.product))
            };
            assert!(shown.into_iter().any(is_stated), "{name}: not to be seen there: {}", asked.answer);
        }
        if let Some(asked) = document.questions.iter().find(|asked| asked.question.starts_with("A value is used")) {
            let fork = chosen(document, asked);
            let sum = gradient(fork).unwrap();
            let size = |tensor: &Tensor| if tensor.size() == 1 { f64::from(tensor.item()) } else { length(tensor) };
            assert_eq!(numbers(&asked.question), [fork.contributions.len() as f64], "{name}");
            let stated = numbers(&asked.answer);
            assert_eq!(stated.len(), fork.contributions.len() + 1, "{name}: {}", asked.answer);
            assert!(near(*stated.last().unwrap(), size(sum)), "{name}: {}", asked.answer);
        }
        for node in &document.nodes {
            let frozen = matches!(atlas.places[node.id], Place::Constant(..)) && node.role == Role::Frozen;
            assert_eq!(frozen, node.no_gradient == Some(NoGradient::Frozen), "{name}: {}", node.label);
        }
    }
    assert!(dropouts >= 3, "{dropouts} systems were asked about dropout");
}

fn questions_are_short(name: &str, document: &Document) {
    let wanted = if name == "scalar" { 12 } else { 16 };
    assert!((wanted..=20).contains(&document.questions.len()), "{name}: {}", document.questions.len());
    for question in &document.questions {
        assert!((1..=3).contains(&question.actions.len()) && !question.answer.is_empty(), "{name}: {question:?}");
    }
    let different: std::collections::BTreeSet<_> = document.questions.iter().map(|q| &q.question).collect();
    assert_eq!(different.len(), document.questions.len(), "{name}: asked twice");
}

/// The update of a parameter on the page is the recorded one: of the right node, with the right
/// gradient, and each line evaluates to the stored value.
fn updates_are_the_steps(step: &Step) {
    let Step { name, recording, document } = step;
    for (update, record) in document.updates.iter().zip(&recording.updates) {
        let node = &document.nodes[update.node];
        assert_eq!(node.shape, record.before.shape().to_vec(), "{name}: {}", update.parameter);
        assert!(update.parameter.ends_with(&node.label), "{name}: {} is not {}", update.parameter, node.label);
        // A parameter on which the loss does not depend has zero gradients.
        let arrived = node.gradient.as_ref().map_or(0.0, |gradient| gradient.l2);
        assert_eq!(arrived, update.gradient_l2, "{name}: {}: the gradient of the node", update.parameter);
        assert_eq!(update.formulas.len(), update.worked.lines.len());
        let theta = update.worked.lines.last().unwrap();
        let at = update.worked.index.iter().zip(&node.shape).fold(0, |at, (i, length)| at * length + i);
        assert_eq!(
            (&*theta.target, theta.stored),
            ("theta", Some(record.after.data()[at])),
            "{name}: {}",
            update.parameter
        );
        let size = f64::from(record.before.data()[at].abs().max(record.after.data()[at].abs()));
        for line in &update.worked.lines {
            let value = evaluate(&line.expression).unwrap_or_else(|| panic!("{name}: {}", line.expression));
            assert!(near(value, line.value), "{name}: {line:?}");
            let Some(stored) = line.stored.map(f64::from) else { continue };
            assert!((value + line.rest - stored).abs() <= 1e-6 * stored.abs(), "{name}: {line:?}");
            // The remainder is rounding: of the number, and of its terms.
            let size = if line.target == "theta" { size } else { stored.abs() };
            let moved = f64::from((record.after.data()[at] - record.before.data()[at]).abs());
            assert!(
                line.rest.abs() <= 1.3e-7 * size + 3e-6 * moved.max(stored.abs() * 1e-1),
                "{name}: {}: {line:?}",
                update.parameter
            );
        }
    }
}

/// The listed terms of a gradient and the number of unlisted ones add up to all of its terms.
fn terms_are_those_of_the_rule(step: &Step) {
    let Step { name, document, .. } = step;
    for node in &document.nodes {
        for probe in &node.probes {
            let terms = &probe.gradient_terms;
            assert!(terms.len() <= 8 && (probe.gradient_terms_more == 0 || terms.len() == 8), "{name}: {}", node.label);
            assert!(
                terms.windows(2).all(|pair| pair[0].product.abs() >= pair[1].product.abs()),
                "{name}: {}",
                node.label
            );
            let Some(gradient) = probe.gradient else { continue };
            let others = probe.gradient_rest_text.starts_with("the contributions of the other");
            if probe.gradient_terms_more == 0 && !others && !terms.is_empty() {
                let sum: f64 = terms.iter().map(|term| f64::from(term.product)).sum();
                // The rounding of the products, and of slopes near 0, which are differences.
                let size: f64 = terms.iter().map(|term| f64::from(term.product.abs())).sum();
                let arrived: f64 = terms.iter().map(|term| f64::from(term.upstream.abs())).sum();
                let allowed = 2e-6 * size + 1e-6 * arrived;
                assert!((sum - f64::from(gradient)).abs() <= allowed, "{name}: {}: {probe:?}", node.label);
            }
        }
    }
}
