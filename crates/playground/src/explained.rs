//! A turn of a session as the page of `train explain`.

use explain::document::Header;
use explain::recorder::Recorder;

use crate::link::{Mode, Turn};
use crate::session::Session;

/// Records the next turn of a session, and explains it. `turn` is `d` or `g`.
///
/// # Errors
/// When a value is not finite.
pub(crate) fn page(mut session: Session, turn: &str) -> Result<String, String> {
    let (turn, who) = if turn == "g" { (Turn::Generator, "G") } else { (Turn::Discriminator, "D") };
    let (hash_before, link) = (session.hash(), format!("#{}", session.link()));
    let (recording, result) = Recorder::record(|| session.take(turn));
    result.map_err(|error| error.to_string())?;
    let what = match session.link().mode {
        Mode::Points => "points in the plane",
        Mode::Pictures => "pictures",
    };
    let number = session.turns()[usize::from(turn == Turn::Generator)];
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
    Ok(explain::page(&explain::explain(&recording, header).document))
}
