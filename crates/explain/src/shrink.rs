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

/// No page is larger than this, in bytes.
pub const CAP: usize = 10_000_000;
/// What the page itself takes of it.
const PAGE: usize = 200_000;

/// In a step of more nodes than this fewer numbers are worked out: it would take long, and the page could not hold them.
const MANY: usize = 400;

/// What a reader must know of a step with images.
const SHOWN: &str = "The numbers of a node are of the whole batch. Its picture is of the first image, and so are the numbers that are worked out of a large node.";

/// A document, and what had to be left out of it.
pub struct Explained {
    /// The document.
    pub document: Document,
    /// A line for each thing that was left out for the size; the document's notes say the same.
    pub dropped: Vec<String>,
}

/// How far the explanation of a step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many nodes of all are checked.
    Checked(usize, usize),
    /// The elements of so many nodes of all are worked out.
    WorkedOut(usize, usize),
    /// The pictures are drawn.
    Drawing,
}

/// The document of a recorded step, small enough for a page of [`CAP`] bytes.
pub fn explain(recording: &Recording, header: Header) -> Explained {
    explain_within(recording, header, CAP - PAGE)
}

/// The same, which may take minutes for a large step; `progress` is called before each node.
pub fn explain_observed(recording: &Recording, header: Header, progress: &mut dyn FnMut(Progress)) -> Explained {
    explained(recording, header, CAP - PAGE, progress)
}

/// The same, of at most `cap` bytes of JSON, if that can be.
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
        dropped.push(format!("in a step of more than {MANY} nodes one element of each is worked out instead of four"));
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
        let Some((smaller, told)) = smaller(detail) else { break };
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
        dropped.push(told);
    }
    document.header.notes.extend(dropped.iter().cloned());
    Explained { document, dropped }
}

/// How many different parameters the step has changed, in numbers.
fn parameters(recording: &Recording) -> usize {
    let sizes: BTreeMap<&str, usize> =
        recording.updates.iter().map(|update| (&*update.parameter, update.before.size())).collect();
    sizes.values().sum()
}

/// The next smaller detail, and what it leaves out.
fn smaller(detail: Detail) -> Option<(Detail, String)> {
    let Detail { picture, probes, outlines } = detail;
    let told = |what: &str| format!("for the size of the page: {what}");
    Some(match (picture, probes, outlines) {
        (64 | 32 | 16, ..) => {
            let picture = picture / 2;
            (Detail { picture, ..detail }, told(&format!("pictures have at most {picture} places on a side")))
        }
        (_, 2.., _) => (Detail { probes: 1, ..detail }, told("one element of each node is worked out instead of four")),
        (.., false) => (
            Detail { outlines: true, ..detail },
            told("inside of a layer only its last node and its parameters have pictures and worked numbers"),
        ),
        (1.., ..) => (Detail { picture: 0, ..detail }, told("there are no pictures")),
        (_, 1.., _) => (Detail { probes: 0, ..detail }, told("no elements are worked out")),
        _ => return None,
    })
}

fn size(document: &Document) -> usize {
    serde_json::to_vec(document).map_or(usize::MAX, |bytes| bytes.len())
}
