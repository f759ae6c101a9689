//! [`Engine`]: the commands of the page's script.
//!
//! A command is a line of words, then bytes if the command needs some. The answer is JSON or, if
//! the code below says so, little-endian `f32`. A byte precedes it: 0, or 1 if it is an error.

use models::LatentKind;
use nn::Network;
use tensor::{NonFinite, Tensor};

use crate::json::{self, Json};
use crate::link::{Link, Mode, Turn};
use crate::pictures::{self, PIXELS};
use crate::points::{self, MAP, SHOWN};
use crate::session::{Session, Step};
use crate::settings::table_to_json;
use crate::{shape, trained};

/// What the page has opened.
#[derive(Default)]
pub struct Engine {
    session: Option<Session>,
    /// The built-in pictures that the script has loaded.
    pictures: Vec<u8>,
    trained: Option<Network>,
}

/// An answer.
type Answer = Result<Vec<u8>, String>;

fn text(json: String) -> Answer {
    Ok(json.into_bytes())
}

fn numbers<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Answer {
    Ok(tensors.into_iter().flat_map(Tensor::data).flat_map(|number| number.to_le_bytes()).collect())
}

fn stopped(error: &NonFinite) -> String {
    format!("Training has stopped: {error}. Reset, or choose other settings.")
}

impl Engine {
    /// Answers a command.
    pub fn answer(&mut self, request: &[u8]) -> Vec<u8> {
        let end = request.iter().position(|byte| *byte == b'\n').unwrap_or(request.len());
        let (line, bytes) = (&request[..end], request.get(end + 1..).unwrap_or_default());
        let line = core::str::from_utf8(line).unwrap_or_default();
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        match self.perform(command, rest, bytes) {
            Ok(answer) => [&[0], &answer[..]].concat(),
            Err(error) => [&[1], error.as_bytes()].concat(),
        }
    }

    fn session(&mut self) -> Result<&mut Session, String> {
        self.session.as_mut().ok_or_else(|| "nothing is open".into())
    }

    fn perform(&mut self, command: &str, rest: &str, bytes: &[u8]) -> Answer {
        match command {
            // The settings of both playgrounds, and the sizes of what `view` returns.
            "tables" => text(json::object([
                ("points", Json::raw(table_to_json(&points::SETTINGS))),
                ("pictures", Json::raw(table_to_json(&pictures::SETTINGS))),
                ("failures", Json::raw(failures_to_json())),
                ("cells", Json::number(shape::CELLS as f64)),
                ("edge", Json::number(shape::EDGE)),
                ("shown", Json::number(SHOWN as f64)),
                ("map", Json::number(MAP as f64)),
            ])),
            // Which pictures a link needs: `digits`, `apples`, or nothing.
            "needs" => {
                let link = Link::parse(rest)?;
                let needs = match link.mode {
                    Mode::Points => "",
                    Mode::Pictures => link.settings.word("data"),
                };
                text(json::object([("pictures", Json::text(if needs == "doodles" { "" } else { needs }))]))
            }
            "pictures" => {
                self.pictures = bytes.to_vec();
                text("{}".into())
            }
            // `reopen` opens any link, however long: the state is the visitor's own.
            "open" | "reopen" => {
                let link = Link::parse(rest)?;
                if command == "open" {
                    link.check()?;
                }
                self.session = Some(Session::new(&link, &self.pictures)?);
                self.about()
            }
            "about" => self.about(),
            // Repeats turns of the link until this many multiply-adds are done.
            "replay" => {
                let most = rest.parse().map_err(|_| "replay: the number of multiply-adds is missing")?;
                let session = self.session()?;
                let left = session.replay(most).map_err(|error| stopped(&error))?;
                let step = step_to_json(&session.last(), session.turns());
                text(json::object([("left", Json::number(left)), ("step", Json::raw(step))]))
            }
            // Forgets the turns of the link that are not repeated yet.
            "stop" => {
                self.session()?.stop();
                self.about()
            }
            "turn" => {
                let (turn, session) = (turn_of(rest)?, self.session()?);
                let step = session.take(turn).map_err(|error| stopped(&error))?;
                text(step_to_json(&step, session.turns()))
            }
            "set" => {
                let (key, value) = rest.split_once('=').ok_or("set: key=value")?;
                self.session()?.change(key, value)?;
                self.about()
            }
            "hash" => text(json::object([("hash", Json::text(&self.session()?.hash()))])),
            // Floats. Points: fakes, arrows, heights.
            "view" => {
                let session = self.session()?;
                let gan = session.points().ok_or("view: not the playground for points")?;
                let view = gan.view(session.settings());
                numbers([&view.fakes, &view.arrows, &view.heights])
            }
            // Floats: D's outputs for points, and minus the gradient of each point's G loss.
            "judge" => {
                let session = self.session()?;
                let gan = session.points().ok_or("judge: not the playground for points")?;
                let places = floats(bytes);
                let judged = gan.judged(session.settings(), &Tensor::new(&[places.len() / 2, 2], places));
                numbers(&judged)
            }
            // Floats: reals to show.
            "reals" => {
                let count = rest.parse().map_err(|_| "reals: the number is missing")?;
                let session = self.session()?;
                let reals = match (session.points(), session.pictures()) {
                    (Some(gan), _) => gan.reals(session.settings(), &session.link().cells, count),
                    (_, Some(gan)) => gan.reals(count),
                    _ => unreachable!("a session has a GAN"),
                };
                numbers([&reals])
            }
            // Floats: the latents of the sheet, then its pictures.
            "sheet" => {
                let count = rest.parse().map_err(|_| "sheet: the number is missing")?;
                let gan = self.session()?.pictures().ok_or("sheet: not the playground for pictures")?;
                let latents = gan.sheet_latents(count);
                let pictures = gan.generator().infer(&latents);
                numbers([&latents, &pictures])
            }
            "trained" => {
                let generator = trained::decode(bytes)?;
                let latent = generator.input_shape()[0];
                self.trained = Some(generator);
                text(json::object([("latent", Json::number(latent as f64))]))
            }
            // Floats: `count` latents of a seed, for the generator of `who`.
            "latents" => {
                let (who, seed) = rest.split_once(' ').ok_or("latents: expected a generator and a seed")?;
                let latent = self.generator(who)?.input_shape()[0];
                let seed = seed.parse().map_err(|_| "latents: the seed is a number")?;
                numbers([&LatentKind::Normal.draw(16, latent, kernels::Key::named(seed, "latents"))])
            }
            // Floats: the pictures of latents.
            "draw" => {
                let generator = self.generator(rest)?;
                let latents = latents_of(generator, bytes)?;
                numbers([&generator.infer(&latents)])
            }
            // Floats: the gradient of the ink of a pixel with respect to the latents.
            "slopes" => {
                let (who, pixel) = rest.split_once(' ').ok_or("slopes: expected a generator and a pixel")?;
                let generator = self.generator(who)?;
                let pixel =
                    pixel.parse().ok().filter(|pixel| *pixel < PIXELS).ok_or("slopes: there is no such pixel")?;
                let latents = latents_of(generator, bytes)?;
                numbers([&pictures::slopes(generator, &latents.first_rows(1), pixel)])
            }
            // The page that explains the next turn. Closes the session.
            #[cfg(any(feature = "explain", not(target_family = "wasm")))]
            "explain" => {
                let turn = turn_of(rest)?;
                let session = self.session.take().ok_or("nothing is open")?;
                Ok(crate::explained::page(session, turn)?.into_bytes())
            }
            other => Err(format!("there is no command `{other}`")),
        }
    }

    /// The generator in training, or the trained one.
    fn generator(&self, who: &str) -> Result<&Network, String> {
        let training = || self.session.as_ref()?.pictures().map(|gan| gan.generator());
        let found = if who == "trained" { self.trained.as_ref() } else { training() };
        found.ok_or_else(|| "there is no such generator".into())
    }

    /// The state of the session, without its weights.
    fn about(&mut self) -> Answer {
        let session = self.session()?;
        let (link, left) = (session.link(), session.left());
        let limit = link.check().err().unwrap_or_default();
        let cells = json::list(link.cells.iter().map(u16::to_string));
        text(json::object([
            ("mode", Json::text(link.mode.name())),
            ("link", Json::text(&link.to_string())),
            ("settings", Json::raw(session.settings().to_json())),
            ("cells", Json::raw(cells)),
            // What is left of the opened link: multiply-adds, and turns of D and of G.
            ("left", Json::number(left.work)),
            ("left_turns", Json::raw(json::list(left.turns.map(|turns| turns.to_string())))),
            // Why the page would not open the link.
            ("limit", Json::text(&limit)),
            ("latent", Json::number(session.settings().number("latent"))),
            ("turns", Json::raw(turns_to_json(session.turns()))),
        ]))
    }
}

fn turn_of(letter: &str) -> Result<Turn, String> {
    match letter {
        "d" => Ok(Turn::Discriminator),
        "g" => Ok(Turn::Generator),
        "s" => Ok(Turn::Step),
        other => Err(format!("there is no turn `{other}`")),
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}

/// The latents of a command, shape (n, latent).
fn latents_of(generator: &Network, bytes: &[u8]) -> Result<Tensor, String> {
    let (latents, latent) = (floats(bytes), generator.input_shape()[0]);
    let rows = latents.len() / latent;
    if rows == 0 || rows * latent != latents.len() || !latents.iter().all(|number| number.is_finite()) {
        return Err(format!("latents: {} numbers, not rows of {latent}", latents.len()));
    }
    Ok(Tensor::new(&[rows, latent], latents))
}

fn failures_to_json() -> String {
    json::list(points::FAILURES.iter().map(|failure| {
        json::object([
            ("name", Json::text(failure.name)),
            ("label", Json::text(failure.label)),
            ("about", Json::text(failure.about)),
            ("link", Json::text(failure.link)),
        ])
    }))
}

fn turns_to_json(turns: [u64; 2]) -> String {
    json::list(turns.iter().map(u64::to_string))
}

fn step_to_json(step: &Step, turns: [u64; 2]) -> String {
    let number = |number: Option<f64>| Json::number(number.unwrap_or(f64::NAN));
    json::object([
        ("d_loss", number(step.d_loss)),
        ("g_loss", number(step.g_loss)),
        ("d_real", number(step.d_real)),
        ("d_fake", number(step.d_fake)),
        ("turns", Json::raw(turns_to_json(turns))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(engine: &mut Engine, line: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let answer = engine.answer(&[line.as_bytes(), b"\n", bytes].concat());
        match answer.split_first() {
            Some((0, rest)) => Ok(rest.to_vec()),
            Some((_, rest)) => Err(String::from_utf8(rest.to_vec()).unwrap()),
            None => panic!("{line}: no answer"),
        }
    }

    #[test]
    fn a_turn_changes_the_hash_and_the_link_leads_there_again() {
        let mut engine = Engine::default();
        assert!(ask(&mut engine, "turn s", &[]).unwrap_err().contains("nothing is open"));
        ask(&mut engine, "open points&width=4", &[]).unwrap();
        let start = ask(&mut engine, "hash", &[]).unwrap();
        ask(&mut engine, "turn s", &[]).unwrap();
        ask(&mut engine, "set d_rate=0.01", &[]).unwrap();
        ask(&mut engine, "turn d", &[]).unwrap();
        let there = ask(&mut engine, "hash", &[]).unwrap();
        assert_ne!(start, there);
        let link = engine.session().unwrap().link().to_string();
        assert_eq!(link, "points&width=4&run=1~d_rate:0.01~d1");
        ask(&mut engine, &format!("open {link}"), &[]).unwrap();
        assert_eq!(ask(&mut engine, "hash", &[]).unwrap(), start);
        let replayed = ask(&mut engine, "replay 1e9", &[]).unwrap();
        assert!(replayed.starts_with(b"{\"left\":0,\"step\":{\"d_loss\":"));
        assert_eq!(ask(&mut engine, "hash", &[]).unwrap(), there);
        assert!(ask(&mut engine, "set width=8", &[]).unwrap_err().contains("cannot change"));
    }

    /// So they count even if no turn is left to be repeated.
    #[test]
    fn changes_before_the_first_turn_are_settings() {
        for (run, turns) in [("0~d_rate:0.01~k:2~3", [6.0, 3.0]), ("d_rate:0.01~k:2", [0.0, 0.0])] {
            let session = Session::new(&Link::parse(&format!("points&run={run}")).unwrap(), &[]).unwrap();
            assert_eq!(
                (session.link().to_string(), session.left().turns),
                ("points&d_rate=0.01&k=2".to_owned(), turns)
            );
        }
    }

    /// A link can be repeated in pieces as small as one turn, with the same bits. What happens
    /// between two pieces becomes part of the new link.
    #[test]
    fn a_link_is_repeated_in_pieces_and_can_be_stopped() {
        let text = "points&k=3&g_turns=2&width=4&run=2~g_rate:0.01~1";
        let link = Link::parse(text).unwrap();
        let whole = Session::at(&link, &[]).unwrap();
        let mut pieces = Session::new(&link, &[]).unwrap();
        assert_eq!(pieces.left(), link.effort());
        let mut turns = 0.0;
        while pieces.replay(1.0).unwrap() > 0.0 {
            turns += 1.0;
            let left = pieces.left();
            assert_eq!(left.turns.iter().sum::<f64>(), 15.0 - turns);
            assert!((left.work - pieces.replay(0.0).unwrap()).abs() < 1.0);
        }
        assert_eq!((pieces.link().to_string(), pieces.hash()), (text.to_owned(), whole.hash()));

        let mut engine = Engine::default();
        ask(&mut engine, &format!("open {text}"), &[]).unwrap();
        for _ in 0..7 {
            ask(&mut engine, "replay 1", &[]).unwrap();
        }
        ask(&mut engine, "set d_rate=0.01", &[]).unwrap();
        ask(&mut engine, "replay 1", &[]).unwrap();
        let stopped = String::from_utf8(ask(&mut engine, "stop", &[]).unwrap()).unwrap();
        let reached = "points&k=3&g_turns=2&width=4&run=1~d2~d_rate:0.01~d1";
        assert!(stopped.contains(reached) && stopped.contains("\"left\":0,"), "{stopped}");
        let again = Session::at(&Link::parse(reached).unwrap(), &[]).unwrap();
        assert_eq!(engine.session().unwrap().hash(), again.hash());
    }

    /// The page does not repeat runs that are too long, and says so.
    #[test]
    fn a_state_that_a_link_cannot_have_says_so() {
        let mut engine = Engine::default();
        let refused = ask(&mut engine, "open points&run=999999999", &[]).unwrap_err();
        assert!(refused.contains("times as long"), "{refused}");
        assert!(ask(&mut engine, "reopen points&run=999999999", &[]).is_ok());
        ask(&mut engine, "open points&width=2&batch=2", &[]).unwrap();
        let about = |engine: &mut Engine| String::from_utf8(ask(engine, "about", &[]).unwrap()).unwrap();
        assert!(about(&mut engine).contains("\"limit\":\"\""));
        for change in 0..251 {
            ask(&mut engine, "turn d", &[]).unwrap();
            ask(&mut engine, &format!("set d_rate=0.{}", 1 + change % 9), &[]).unwrap();
        }
        assert!(about(&mut engine).contains("502 parts"), "{}", about(&mut engine));
    }

    /// Numbers may begin with any byte.
    #[test]
    fn numbers_are_told_from_errors() {
        let mut engine = Engine::default();
        ask(&mut engine, "open points&width=4", &[]).unwrap();
        let places: Vec<u8> = [0.5_f32, -1.0, 2.0, 0.25].iter().flat_map(|place| place.to_le_bytes()).collect();
        let judged = floats(&ask(&mut engine, "judge", &places).unwrap());
        assert_eq!(judged.len(), 2 + 4);
        assert_eq!(ask(&mut engine, "view", &[]).unwrap().len(), 4 * (4 * SHOWN + MAP * MAP));
        assert!(ask(&mut engine, "dance", &[]).unwrap_err().contains("no command `dance`"));
        for damaged in
            ["open points&seed=x", "draw trained", "slopes training 9999", "latents x", "turn x", "explain x"]
        {
            assert!(ask(&mut engine, damaged, &[1, 2, 3]).is_err(), "{damaged}");
        }
        assert!(ask(&mut engine, "about", &[]).is_ok(), "nothing is open any more");
    }

    /// The slope of a fake's own loss along each axis, by finite differences of the outputs.
    #[test]
    fn arrows_are_minus_the_gradients() {
        let session = Session::at(&Link::parse("points&run=20").unwrap(), &[]).unwrap();
        let gan = session.points().unwrap();
        let view = gan.view(session.settings());
        let softplus = |x: f32| f64::from(x).max(0.0) + (-f64::from(x).abs()).exp().ln_1p();
        for axis in [0, 1] {
            let by = 1e-2;
            let moved = |by: f32| {
                let mut places = view.fakes.clone();
                places.data_mut().iter_mut().skip(axis).step_by(2).for_each(|place| *place += by);
                gan.judged(session.settings(), &places)[0].clone()
            };
            let (up, down) = (moved(by), moved(-by));
            for fake in 0..SHOWN {
                let rise = (softplus(-up.data()[fake]) - softplus(-down.data()[fake])) / (2.0 * f64::from(by));
                let arrow = f64::from(view.arrows.data()[2 * fake + axis]);
                assert!((rise + arrow).abs() < 0.05 + 0.1 * rise.abs(), "fake {fake}, axis {axis}: {rise} {arrow}");
            }
        }
    }

    #[test]
    fn a_failure_is_a_link() {
        for failure in &points::FAILURES {
            let link = Link::parse(failure.link).unwrap();
            assert_eq!(link.to_string(), failure.link, "{}", failure.name);
        }
    }
}
