//! A turn of a session as the page of `train explain`.

use explain::document::{Document, Header};
use explain::recorder::Recorder;

use crate::link::{Mode, Turn};
use crate::session::Session;

/// Takes the next turn of a session, and explains it.
///
/// # Errors
/// When a value is not finite, or `turn` is a whole step.
pub(crate) fn page(session: Session, turn: Turn) -> Result<String, String> {
    Ok(explain::page(&document(session, turn)?))
}

fn document(mut session: Session, turn: Turn) -> Result<Document, String> {
    let (network, who) = match turn {
        Turn::Discriminator => (0, "D"),
        Turn::Generator => (1, "G"),
        Turn::Step => return Err("only a turn of one network can be explained".into()),
    };
    let (hash_before, link) = (session.hash(), format!("#{}", session.link()));
    let (recording, result) = Recorder::record(|| session.take(turn));
    result.map_err(|error| error.to_string())?;
    let what = match session.link().mode {
        Mode::Points => "points in the plane",
        Mode::Pictures => "pictures",
    };
    let number = session.turns()[network];
    let header = Header {
        title: format!("Turn {number} of {who}, of a GAN for {what}"),
        system: "playground".into(),
        preset: link,
        data: session.settings().word("data").into(),
        seed: session.settings().count("seed") as u64,
        step: number,
        batch: session.settings().count("batch"),
        dtype: "f32".into(),
        tool: format!("backdraw {}", env!("CARGO_PKG_VERSION")),
        hash_before,
        hash_after: session.hash(),
        ..Header::default()
    };
    Ok(explain::explain(&recording, header).document)
}

#[cfg(test)]
mod tests {
    use explain::document::PhaseKind::{Backward, Forward, Infer, Update};

    use super::*;
    use crate::{Link, drawings};

    fn explained(link: &str, turn: Turn) -> Document {
        let link = Link::parse(link).unwrap();
        document(Session::at(&link, &drawings::pictures_of(&link)).unwrap(), turn).unwrap()
    }

    /// The turn of D says which of its inputs are the reals and which the fakes, and that nothing
    /// of G is on its tape.
    #[test]
    fn the_turn_of_d_tells_reals_from_fakes_and_has_no_gradients_of_g() {
        for link in ["points&width=2&batch=4&run=1", "pictures&data=apples&batch=2"] {
            let document = explained(link, Turn::Discriminator);
            let kinds: Vec<_> = document.phases.iter().map(|phase| phase.kind).collect();
            assert_eq!(kinds, [Infer, Forward, Backward, Update], "{link}");
            let forward = &document.phases[1].text;
            let batch = document.header.batch;
            let of = |what: &str| format!("The discriminator judges {batch} {what}. ");
            assert!(forward.contains(&(of("reals") + &of("fakes"))), "{link}: {forward}");
            assert!(!forward.contains("Gradients flow through"), "{link}: {forward}");
            for label in ["reals", "fakes of the generator"] {
                assert!(document.nodes.iter().any(|node| node.label == label), "{link}: there are no {label}");
            }
        }
        let document = explained("points&width=2&batch=4&run=1", Turn::Generator);
        let kinds: Vec<_> = document.phases.iter().map(|phase| phase.kind).collect();
        assert_eq!(kinds, [Forward, Backward, Update]);
        let forward = &document.phases[0].text;
        assert!(forward.contains("The discriminator, frozen, judges 4 samples. "), "{forward}");
        assert!(forward.contains("Gradients flow through its layers to the generator"), "{forward}");
    }
}
