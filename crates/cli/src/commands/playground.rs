//! `train playground-hash`: trains the GAN that a link to the playground describes.

use datasets::advice;
use playground::{Link, Session, Turn, drawings, trained};
use runs::console;
use runs::failure::{Code, Failure};

use crate::cli::tools::PlaygroundHashArgs;

/// Trains and prints the hash, which the page shows for the same link.
///
/// # Errors
/// When the link is damaged, a value is not finite, or a file cannot be written.
pub(crate) fn run(args: &PlaygroundHashArgs) -> Result<(), Failure> {
    let link = Link::parse(&args.link).map_err(|why| {
        Failure::new(Code::Usage, "the link cannot be read").at("option --link").because(why).help(advice!(
            "playground-link",
            "copy the whole address from the page and quote it: `train playground-hash --link \"#points&run=100\"`"
        ))
    })?;
    let diverged = |why: String| Failure::new(Code::Diverged, "the GAN of the link cannot be trained").because(why);
    let mut session = Session::at(&link, &drawings::pictures_of(&link)).map_err(diverged)?;
    for _ in 0..args.steps {
        session.take(Turn::Step).map_err(|error| diverged(error.to_string()))?;
    }
    if let Some(out) = &args.out {
        let Some(gan) = session.pictures() else {
            return Err(Failure::new(Code::Usage, "only the weights of a generator of pictures can be written")
                .at("option --out")
                .because("the link is for the playground with points")
                .help(advice!(
                    "playground-weights",
                    "leave out `--out`, or train pictures: `train playground-hash --link \"#pictures\" --out FILE`"
                )));
        };
        std::fs::write(out, trained::encode(gan.generator())).map_err(|error| {
            Failure::new(Code::Storage, "the weights cannot be written").at(out.display()).because(error)
        })?;
    }
    let [d, g] = session.turns();
    console::print(&format!("link: #{}\nturns: {d} of D, {g} of G\nweights hash: {}\n", session.link(), session.hash()))
}
