//! The page agrees with the recorded step: every number of the page is recomputed; and the recorder
//! does not change a bit of the step.

mod common;

use std::rc::Rc;
use std::sync::OnceLock;

use common::{reals, recorded, small_quickdraw, systems};
use explain::atlas::{Atlas, Place};
use explain::document::{Document, Header, NoGradient, PhaseKind, Role, StepKind};
use explain::presets::{PRESETS, Preset};
use explain::recorder::{Origin, Recorder, Recording, Source};
use explain::{Progress, explain, explain_observed, explain_within};
use models::stylegan2;
use tensor::arithmetic::evaluate;
use tensor::{Options, Tape, Tensor, grad};

/// Every step that is tested, by name.
fn steps() -> Vec<(&'static str, Recording)> {
    let examples = PRESETS.iter().map(|preset| (preset.name, preset.teach(1).unwrap().recording));
    examples.chain([("quickdraw", recorded(small_quickdraw()).0)]).collect()
}

/// The documents of these steps.
fn documents() -> &'static [(&'static str, Document)] {
    static DOCUMENTS: OnceLock<Vec<(&'static str, Document)>> = OnceLock::new();
    DOCUMENTS.get_or_init(|| {
        steps().into_iter().map(|(name, recording)| (name, explain(&recording, Header::default()).document)).collect()
    })
}

#[test]
fn listening_changes_no_bit_of_any_system() {
    for ((name, mut alone), (_, heard)) in systems().into_iter().zip(systems()) {
        let images = reals(&*alone);
        alone.step(0, &images).unwrap();
        let (recording, heard) = recorded(heard);
        assert!(alone.state() == heard, "{name}: the recorder changed the step");
        assert!(recording.tapes.len() >= 2 && !recording.updates.is_empty(), "{name}: little was heard");
    }
    for preset in &PRESETS {
        assert!(preset.teach(3).unwrap().after == preset.step_unobserved(3).unwrap(), "{}", preset.name);
    }
}

/// A tape of the user's own can be explained too; the page has all its nodes.
#[test]
fn the_page_has_every_node_of_a_tape() {
    let recorder = Recorder::default();
    let tape = Tape::observed(recorder.tape_observer("mine"));
    let x = tape.variable("x", Tensor::new(&[2], vec![3.0, 4.0]));
    let loss = (&x.square() * &x).sum();
    let gradient = grad(&loss, &[x], Options::default()).remove(0);
    let length = tape.len();
    let recording = recorder.take();
    assert_eq!(recording.tapes[0].nodes.len(), length);
    let document = explain(&recording, Header::default()).document;
    assert_eq!(document.nodes.len(), length);
    assert_eq!(document.nodes[0].gradient.as_ref().unwrap().exact.as_deref(), Some(gradient.value().data()));
    assert_eq!(document.nodes[0].contributions.len(), 2, "x is used twice");
    assert_eq!(document.nodes[0].file.as_deref(), Some("crates/explain/tests/recorded.rs"));
    assert_eq!(document.modules.iter().map(|module| &*module.path).collect::<Vec<_>>(), ["0/graph"]);
}

#[test]
fn every_statistic_is_that_of_the_tensor() {
    for (name, recording) in steps() {
        let atlas = Atlas::new(&recording);
        let (_, document) = documents().iter().find(|(other, _)| *other == name).unwrap();
        assert_eq!(document.nodes.len(), atlas.places.len());
        for node in &document.nodes {
            let place = atlas.places[node.id];
            let tensors = [
                (Some(atlas.value(place)), Some(&node.value)),
                (atlas.record(place).and_then(|record| record.gradient.as_ref()), node.gradient.as_ref()),
            ];
            for (tensor, summary) in tensors {
                assert_eq!(tensor.is_some(), summary.is_some(), "{name} {}", node.label);
                let (Some(tensor), Some(summary)) = (tensor, summary) else { continue };
                let x: Vec<f64> = tensor.data().iter().map(|x| f64::from(*x)).collect();
                let n = x.len() as f64;
                let mean = x.iter().sum::<f64>() / n;
                let close = |a: f32, b: f64| (f64::from(a) - b).abs() <= 1e-6 * b.abs().max(1e-30);
                assert!(close(summary.l2, x.iter().map(|x| x * x).sum::<f64>().sqrt()), "{name} {}", node.label);
                assert!(close(summary.std, (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt()));
                assert!((f64::from(summary.mean) - mean).abs() <= 1e-7 * f64::from(summary.l2));
                assert!(close(summary.min, x.iter().copied().fold(f64::INFINITY, f64::min)));
                assert!(close(summary.max, x.iter().copied().fold(f64::NEG_INFINITY, f64::max)));
                assert!(close(summary.zeros, x.iter().filter(|x| **x == 0.0).count() as f64 / n));
                assert_eq!(summary.histogram.counts.iter().sum::<u32>() as usize, x.len());
                assert_eq!(summary.exact.is_some(), x.len() <= 64);
                assert_eq!((summary.nan, summary.inf), (0, 0));
            }
        }
    }
}

/// The gradient of a value is the sum of the contributions of its users, bit for bit if added in
/// the order of the sweep.
#[test]
fn addends_sum_to_the_gradient_at_every_node() {
    let mut forks = 0;
    for (name, recording) in steps() {
        for tape in &recording.tapes {
            let mut sums: Vec<Option<(Vec<f32>, Vec<f64>)>> = vec![None; tape.nodes.len()];
            for sender in &tape.order {
                let record = &tape.nodes[*sender];
                for (input, addend) in &record.sent {
                    let Source::Node(node) = record.inputs[*input] else { panic!("a constant was sent a gradient") };
                    let addend = addend.data();
                    match &mut sums[node] {
                        None => {
                            sums[node] = Some((addend.to_vec(), addend.iter().map(|x| f64::from(x.abs())).collect()))
                        }
                        Some((sum, sizes)) => {
                            forks += 1;
                            sum.iter_mut().zip(addend).for_each(|(sum, x)| *sum += x);
                            sizes.iter_mut().zip(addend).for_each(|(size, x)| *size += f64::from(x.abs()));
                        }
                    }
                }
            }
            for (node, sum) in tape.nodes.iter().zip(&sums) {
                let (Some((sum, _)), Some(gradient)) = (sum, &node.gradient) else { continue };
                assert_eq!(sum, gradient.data(), "{name}: {}", node.scope);
            }
            let loss = tape.order[0];
            let unsent = tape.order.iter().filter(|node| sums[**node].is_none());
            assert_eq!(unsent.collect::<Vec<_>>(), [&loss], "{name}: only the loss gets its gradient from nobody");
        }
    }
    assert!(forks >= 4, "{forks} forks were seen");
}

#[test]
fn every_differentiable_node_carries_a_check_that_passes() {
    for (name, document) in documents() {
        for node in document.nodes.iter().filter(|node| node.gradient.is_some()) {
            let check = node.check.as_ref().unwrap_or_else(|| panic!("{name}: {} has no check", node.label));
            assert!(check.pass && check.error <= check.tolerance, "{name}: {}: {check:?}", node.label);
        }
        assert!(document.nodes.iter().filter(|node| node.gradient.is_none()).all(|node| node.check.is_none()));
    }
}

#[test]
fn every_worked_number_comes_to_the_stored_one() {
    for (name, document) in documents() {
        let mut worked = 0;
        for node in &document.nodes {
            let op = node.tape_index.is_some() && node.op != "variable";
            assert_eq!(node.probes.is_empty(), node.tape_index.is_none(), "{name}: {}", node.label);
            for probe in &node.probes {
                let said = |text: &str, rest: f64, number: f32, size: f32, all: bool| {
                    let value = evaluate(text).unwrap_or_else(|| panic!("{name}: {}: {text}", node.label));
                    let (off, scale) = (value + rest - f64::from(number), f64::from(number.abs()));
                    assert!(off.abs() <= 1e-5 * scale, "{name}: {} {probe:?}", node.label);
                    // The remainder is only rounding, of numbers of this size.
                    let rounding = 1e-5 * f64::from(size);
                    assert!(!all || rest.abs() <= rounding, "{name}: {} {}: {rest} {probe:?}", node.label, node.op);
                };
                if op {
                    said(
                        &probe.value_expression,
                        probe.value_rest,
                        probe.value,
                        node.value.max.max(-node.value.min),
                        true,
                    );
                    worked += 1;
                }
                if let (Some(gradient), Some(summary)) = (probe.gradient, &node.gradient) {
                    let all = !probe.gradient_rest_text.starts_with("the contributions of the other");
                    // If terms cancel, their sum is small but its rounding error is not.
                    let parts: f32 = probe.gradient_terms.iter().map(|term| term.product.abs()).sum();
                    let size = summary.max.max(-summary.min).max(parts);
                    said(&probe.gradient_expression, probe.gradient_rest, gradient, size, all);
                    worked += 1;
                }
            }
        }
        assert!(worked > 10, "{name}");
    }
}

/// A step with nested modules, some of which also have their own ops, and one tape for each of four
/// updates.
fn nested() -> &'static (&'static str, Document) {
    static NESTED: OnceLock<(&'static str, Document)> = OnceLock::new();
    NESTED.get_or_init(|| {
        let settings = stylegan2::Settings { size: 8, fmap_base: 32, fmap_max: 4, batch: 4, ..Default::default() };
        let system = stylegan2::StyleGan2::new(&settings, 1).unwrap();
        ("stylegan2", explain(&recorded(Box::new(system)).0, Header::default()).document)
    })
}

#[test]
fn the_story_is_complete_and_in_order() {
    for (name, document) in documents().iter().chain([nested()]) {
        let kinds: Vec<PhaseKind> = document.phases.iter().map(|phase| phase.kind).collect();
        if *name == "quickdraw" || *name == "gan" {
            use PhaseKind::{Backward, Forward, Infer, Update};
            assert_eq!(kinds, [Infer, Forward, Backward, Update, Forward, Backward, Update], "{name}");
        }
        for (number, step) in document.steps.iter().enumerate() {
            assert!(document.phases[step.phase].steps.contains(&number));
            let node = step.node.map(|node| &document.nodes[node]);
            match step.kind {
                StepKind::Make => assert_eq!(node.unwrap().made, Some(number)),
                StepKind::Sweep => assert_eq!(node.unwrap().swept, Some(number)),
                StepKind::Update => assert_eq!(document.updates[step.update.unwrap()].node, step.node.unwrap()),
                StepKind::Note => {}
            }
        }
        for node in &document.nodes {
            assert_eq!(
                node.tape_index.is_some(),
                node.made.is_some() && node.op != "constant",
                "{name} {}",
                node.label
            );
            assert_eq!(node.gradient.is_some(), node.swept.is_some(), "{name} {}", node.label);
            assert_eq!(node.gradient.is_none(), node.no_gradient.is_some(), "{name} {}", node.label);
            let module = document.modules.iter().find(|module| module.path == node.module).unwrap();
            assert!(module.nodes.contains(&node.id), "{name} {}", node.label);
            assert!(!document.modules.iter().any(|other| other.parent.as_deref() == Some(&module.path)), "a leaf");
            assert!(node.inputs.iter().all(|input| input.node < node.id), "{name} {}", node.label);
        }
        assert_eq!(document.modules.iter().map(|module| module.nodes.len()).sum::<usize>(), document.nodes.len());
    }
}

#[test]
fn walls_stand_where_the_graph_is_cut_and_where_weights_are_frozen() {
    for name in ["gan", "quickdraw"] {
        let (_, document) = documents().iter().find(|(other, _)| *other == name).unwrap();
        let of = |why: NoGradient| document.nodes.iter().filter(move |node| node.no_gradient == Some(why));
        let frozen: Vec<&str> = of(NoGradient::Frozen).map(|node| &*node.label).collect();
        let learned = document.updates.iter().filter(|update| update.parameter.starts_with("discriminator"));
        assert_eq!(frozen.len(), learned.count(), "{name}: {frozen:?}");
        assert!(of(NoGradient::Frozen).all(|node| node.role == Role::Frozen && node.tape == 1));
        let images = of(NoGradient::Cut).find(|node| node.role == Role::Input).unwrap();
        let things = if name == "gan" { "samples" } else { "images" };
        assert_eq!(images.label, format!("{things}, real and fake"));
        let text = &document.phases[1].text;
        assert!(
            text.contains(&format!(" {things}, of which rows ")) && text.contains(" are fakes. "),
            "{name}: {text}"
        );
        assert!(images.inputs[0].wall && document.nodes[images.inputs[0].node].made.is_some());
    }
    // The origin of a constant is found by its buffer, or by its rows.
    let recording = PRESETS[2].teach(1).unwrap().recording;
    let origins: Vec<&Origin> = recording.tapes[0].constants.iter().map(|constant| &constant.origin).collect();
    assert!(origins.contains(&&Origin::Inferred(0, 8)), "{origins:?}");
}

#[test]
fn nothing_of_the_picture_lies_over_something_else() {
    for (name, document) in documents().iter().chain([nested()]) {
        let apart = |a: [f32; 4], b: [f32; 4]| {
            a[0] + a[2] <= b[0] || b[0] + b[2] <= a[0] || a[1] + a[3] <= b[1] || b[1] + b[3] <= a[1]
        };
        let leaf = |path: &str| !document.modules.iter().any(|other| other.parent.as_deref() == Some(path));
        let leaves: Vec<_> = document.modules.iter().filter(|module| leaf(&module.path)).collect();
        for (i, a) in leaves.iter().enumerate() {
            for b in &leaves[i + 1..] {
                assert!(apart([a.x, a.y, a.w, a.h], [b.x, b.y, b.w, b.h]), "{name}: {} and {}", a.path, b.path);
                let open = |m: &explain::document::Module| [m.open_x, m.open_y, m.open_w, m.open_h];
                assert!(apart(open(a), open(b)), "{name}: {} and {}", a.path, b.path);
            }
            for &node in &a.nodes {
                let (x, y) = (document.nodes[node].x, document.nodes[node].y);
                assert!(
                    x >= a.open_x
                        && y >= a.open_y
                        && x + 150.0 <= a.open_x + a.open_w
                        && y + 40.0 <= a.open_y + a.open_h
                );
            }
        }
        for (i, a) in document.nodes.iter().enumerate() {
            let place = |node: &explain::document::Node| [node.x, node.y, 150.0, 40.0];
            assert!(document.nodes[i + 1..].iter().all(|b| apart(place(a), place(b))), "{name}: {}", a.label);
        }
    }
}

#[test]
fn the_way_from_the_loss_to_each_parameter_is_a_chain() {
    for (name, document) in documents() {
        let parameters = document.nodes.iter().filter(|node| node.role == Role::Parameter && node.gradient.is_some());
        assert_eq!(document.follow.len(), parameters.count(), "{name}");
        for path in &document.follow {
            let nodes: Vec<usize> = path.hops.iter().map(|hop| hop.node).collect();
            assert_eq!(document.nodes[nodes[0]].role, Role::Loss, "{name}");
            assert_eq!(nodes.last(), Some(&path.parameter));
            let reads = |pair: &[usize]| document.nodes[pair[0]].inputs.iter().any(|input| input.node == pair[1]);
            assert!(nodes.windows(2).all(reads), "{name}: {nodes:?}");
        }
    }
}

#[test]
fn a_small_step_along_the_gradient_does_what_the_gradient_says() {
    for (name, document) in documents() {
        assert!(!document.what_if.is_empty());
        for what_if in &document.what_if {
            let drop = |i: usize| [what_if.loss[0] - what_if.loss[i], what_if.straight[0] - what_if.straight[i]];
            assert!(what_if.sizes.windows(2).all(|pair| pair[0] < pair[1]) && what_if.loss.len() == 5);
            let [real, promised] = drop(1);
            assert!(real > 0.0 && real <= promised * 1.3 && real >= promised * 0.3, "{name}: {real} of {promised}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let json = |preset: &'static Preset| {
        let taught = preset.teach(5).unwrap();
        serde_json::to_string(&explain(&taught.recording, Header::default()).document).unwrap()
    };
    for preset in &PRESETS {
        assert_eq!(json(preset), json(preset), "{}", preset.name);
    }
}

#[test]
fn a_page_that_is_too_large_is_made_smaller_and_says_so() {
    let (recording, _) = recorded(small_quickdraw());
    let bytes = |document: &Document| serde_json::to_vec(document).unwrap().len();
    let mut progress = Vec::new();
    let full = explain_observed(&recording, Header::default(), &mut |reached| progress.push(reached));
    // Every node is checked, then the elements of every node are worked out.
    let nodes = recording.tapes.iter().map(|tape| tape.nodes.len()).sum();
    let checked = (0..nodes).map(|node| Progress::Checked(node, nodes));
    let worked_out = (0..nodes).map(|node| Progress::WorkedOut(node, nodes));
    assert_eq!(progress, checked.chain(worked_out).chain([Progress::Drawing]).collect::<Vec<_>>());
    assert!(full.dropped.is_empty());
    let mut last = bytes(&full.document);
    for share in [0.8, 0.5, 0.4] {
        let cap = (bytes(&full.document) as f64 * share) as usize;
        let smaller = explain_within(&recording, Header::default(), cap);
        let size = bytes(&smaller.document);
        assert!(size <= cap && size <= last, "{share}: {size} of {cap}, {:?}", smaller.dropped);
        assert!(!smaller.dropped.is_empty());
        assert!(smaller.dropped.iter().all(|line| smaller.document.header.notes.contains(line)));
        last = size;
    }
}

#[test]
fn small_graphs_can_be_computed_again() {
    for (name, document) in documents() {
        assert_eq!(document.editable.is_some(), ["scalar", "mlp"].contains(name), "{name}");
        let Some(editable) = &document.editable else { continue };
        assert_eq!(document.nodes[editable.loss].role, Role::Loss);
        assert_eq!(editable.nodes.len(), document.nodes.len());
        for node in editable.nodes.iter().filter(|node| node.op == "affine") {
            let (x, y) = (&editable.nodes[node.inputs[0]].values, &node.values);
            let same = x
                .iter()
                .zip(y)
                .all(|(x, y)| (x * node.attributes["scale"] + node.attributes["shift"] - y).abs() < 1e-6);
            assert!(same, "{name}: {node:?}");
        }
    }
}

/// The recorder is also an observer of the engine, which can be shared.
#[test]
fn places_and_ids_are_each_others_inverse() {
    let recording = Rc::new(PRESETS[1].teach(1).unwrap().recording);
    let atlas = Atlas::new(&recording);
    assert!(atlas.places.iter().enumerate().all(|(id, place)| atlas.id(*place) == id));
    assert!(matches!(atlas.places[0], Place::Constant(0, _)));
}

/// Checks what the guide says about the smallest example.
#[test]
fn the_guide_counts_the_nodes_of_the_smallest_example() {
    let (_, document) = documents().iter().find(|(name, _)| *name == "scalar").unwrap();
    let chapter = include_str!("../../guide/src/c02_tape.md").replace('\n', " ");
    let nodes = document.nodes.len();
    let counted = format!("`cargo run -p train -- explain --preset scalar` shows a tape like ours, with {nodes} ");
    assert!(chapter.contains(&counted), "c02_tape.md: {counted}");
    let forks = document.nodes.iter().filter(|node| node.contributions.len() > 1);
    assert_eq!(forks.map(|node| node.contributions.len()).collect::<Vec<_>>(), [2]);
    let chapter = include_str!("../../guide/src/c04_reverse_sweep.md").replace('\n', " ");
    assert!(chapter.contains(
        "explain --preset scalar` plays the sweep node by node and shows, at the fork, both contributions and their sum"
    ));
}
