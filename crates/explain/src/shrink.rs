//! [`explain`]: the document of a recording, made smaller until it fits.

use std::collections::BTreeMap;

use crate::assemble::{Detail, assemble, draw, is_outline};
use crate::atlas::Atlas;
use crate::dictionary::dictionary;
use crate::document::{Document, Header, Role};
use crate::editable::editable;
use crate::probes;
use crate::questions::questions;
use crate::recorder::Recording;

/// The largest size of a page, in bytes.
pub const CAP: usize = 10_000_000;
/// The part of it that the page without the document takes.
const PAGE: usize = 200_000;

/// In a step with more nodes than this, fewer elements are explained, because explaining them would
/// take long and the page would become too large.
const MANY: usize = 400;

/// The remark on a step with images.
const SHOWN: &str = "The statistics of a node are of the whole batch. Its picture shows the first image; for a large node the explained elements are from the first image too.";

/// A document, and what was left out of it.
pub struct Explained {
    /// The document.
    pub document: Document,
    /// One line for each thing that was left out to limit the size; the document's notes contain
    /// the same lines.
    pub dropped: Vec<String>,
}

/// The progress of the explanation of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The number of nodes checked so far, and of all nodes.
    Checked(usize, usize),
    /// The number of nodes whose elements have been worked out so far, and of all nodes.
    WorkedOut(usize, usize),
    /// The pictures are drawn.
    Drawing,
}

/// The document of a recorded step, small enough for a page of [`CAP`] bytes.
pub fn explain(recording: &Recording, header: Header) -> Explained {
    explain_within(recording, header, CAP - PAGE)
}

/// Like [`explain`], which can take minutes for a large step; `progress` is called before each
/// node.
pub fn explain_observed(recording: &Recording, header: Header, progress: &mut dyn FnMut(Progress)) -> Explained {
    explained(recording, header, CAP - PAGE, progress)
}

/// Like [`explain`], with at most `cap` bytes of JSON, if possible.
pub fn explain_within(recording: &Recording, header: Header, cap: usize) -> Explained {
    explained(recording, header, cap, &mut |_| {})
}

fn explained(recording: &Recording, header: Header, cap: usize, progress: &mut dyn FnMut(Progress)) -> Explained {
    let atlas = Atlas::new(recording);
    let mut document = assemble(recording, &atlas, header);
    let all = recording.tapes.iter().map(|tape| tape.nodes.len()).sum();
    probes::check(&mut document, recording, &atlas, &mut |done| progress(Progress::Checked(done, all)));
    let mut detail = Detail::FULL;
    let mut dropped = Vec::new();
    if document.nodes.len() > MANY {
        detail.probes = 1;
        dropped.push(format!(
            "in a step of more than {MANY} nodes one element of each is computed in detail instead of four"
        ));
    }
    let tell = &mut |done| progress(Progress::WorkedOut(done, all));
    probes::probe(&mut document, recording, &atlas, detail.probes, tell);
    progress(Progress::Drawing);
    draw(&mut document, recording, &atlas, detail);
    document.dictionary = dictionary();
    document.editable = editable(recording, &atlas);
    document.questions = questions(&document, recording, &atlas);
    document.header.weights = parameters(recording);
    if document.nodes.iter().any(|node| node.shape.len() == 4 && node.role != Role::Parameter) {
        document.header.notes.push(SHOWN.into());
    }
    while size(&document) > cap {
        let Some((smaller, note)) = smaller(detail) else { break };
        if smaller.probes < detail.probes {
            document.nodes.iter_mut().for_each(|node| node.probes.truncate(smaller.probes));
        }
        if smaller.outlines != detail.outlines {
            let kept: Vec<bool> = document.nodes.iter().map(|node| is_outline(&document, node)).collect();
            let inner = document.nodes.iter_mut().zip(kept).filter(|(_, kept)| !kept);
            inner.for_each(|(node, _)| node.probes.clear());
        }
        detail = smaller;
        draw(&mut document, recording, &atlas, detail);
        dropped.push(note);
    }
    document.header.notes.extend(dropped.iter().cloned());
    Explained { document, dropped }
}

/// The number of elements of all parameters that the step has changed.
fn parameters(recording: &Recording) -> usize {
    let sizes: BTreeMap<&str, usize> =
        recording.updates.iter().map(|update| (&*update.parameter, update.before.size())).collect();
    sizes.values().sum()
}

/// The next lower level of detail, and what it leaves out.
fn smaller(detail: Detail) -> Option<(Detail, String)> {
    let Detail { picture, probes, outlines } = detail;
    let note = |what: &str| format!("for the size of the page: {what}");
    Some(match (picture, probes, outlines) {
        (64 | 32 | 16, ..) => {
            let picture = picture / 2;
            (Detail { picture, ..detail }, note(&format!("pictures have at most {picture} places on a side")))
        }
        (_, 2.., _) => {
            (Detail { probes: 1, ..detail }, note("one element of each node is computed in detail instead of four"))
        }
        (.., false) => (
            Detail { outlines: true, ..detail },
            note("inside a layer, only its last node and its parameters have pictures and worked numbers"),
        ),
        (1.., ..) => (Detail { picture: 0, ..detail }, note("there are no pictures")),
        (_, 1.., _) => (Detail { probes: 0, ..detail }, note("no elements are computed in detail")),
        _ => return None,
    })
}

fn size(document: &Document) -> usize {
    serde_json::to_vec(document).map_or(usize::MAX, |bytes| bytes.len())
}
