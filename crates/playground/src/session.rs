//! [`Session`]: a GAN in training, and the link that leads to its state.

use std::collections::VecDeque;

use nn::State;
use tensor::NonFinite;

use crate::link::{Event, Link, Mode, Turn};
use crate::pictures::PicturesGan;
use crate::points::PointsGan;
use crate::settings::Settings;

/// The metrics of a step or a turn; None for a network that had no turn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// The discriminator's loss, without a penalty.
    pub d_loss: Option<f64>,
    /// The generator's loss.
    pub g_loss: Option<f64>,
    /// The discriminator's mean output on reals.
    pub d_real: Option<f64>,
    /// The discriminator's mean output on fakes.
    pub d_fake: Option<f64>,
}

impl Step {
    /// The metrics of both, preferring those of `later`.
    fn then(self, later: Self) -> Self {
        Self {
            d_loss: later.d_loss.or(self.d_loss),
            g_loss: later.g_loss.or(self.g_loss),
            d_real: later.d_real.or(self.d_real),
            d_fake: later.d_fake.or(self.d_fake),
        }
    }
}

/// The GAN of a session.
pub(crate) enum Gan {
    Points(Box<PointsGan>),
    Pictures(Box<PicturesGan>),
}

/// A GAN in training.
pub struct Session {
    /// The start, and the turns and changes since.
    link: Link,
    /// The settings now.
    settings: Settings,
    pub(crate) gan: Gan,
    /// The numbers of the last turn.
    last: Step,
    /// The turns and changes of the opened link that are not repeated yet.
    pending: VecDeque<Event>,
}

impl Session {
    /// The GAN at the start of `link`; [`replay`](Session::replay) trains it to the link's state.
    /// `pictures` are the built-in pictures, 28 x 28 bytes each.
    ///
    /// # Errors
    /// When there are no pictures to learn from.
    pub fn new(link: &Link, pictures: &[u8]) -> Result<Self, String> {
        let gan = match link.mode {
            Mode::Points => Gan::Points(Box::new(PointsGan::new(&link.settings))),
            Mode::Pictures => Gan::Pictures(Box::new(PicturesGan::new(&link.settings, pictures, &link.doodles)?)),
        };
        let start = Link { run: vec![], ..link.clone() };
        let pending = link.run.iter().cloned().collect();
        let mut session = Self { settings: link.settings.clone(), link: start, gan, last: Step::default(), pending };
        // Changes before the first turn are settings.
        session.replay(0).map_err(|error| error.to_string())?;
        Ok(session)
    }

    /// The GAN of `link`, trained to the link's state.
    ///
    /// # Errors
    /// When a value is not finite during training, or there are no pictures.
    pub fn at(link: &Link, pictures: &[u8]) -> Result<Self, String> {
        let mut session = Self::new(link, pictures)?;
        while session.replay(1000).map_err(|error| error.to_string())? > 0 {}
        Ok(session)
    }

    /// The settings now.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The link that leads to the state now.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// The GAN for points, if it is one.
    pub fn points(&self) -> Option<&PointsGan> {
        if let Gan::Points(gan) = &self.gan { Some(gan) } else { None }
    }

    /// The GAN for pictures, if it is one.
    pub fn pictures(&self) -> Option<&PicturesGan> {
        if let Gan::Pictures(gan) = &self.gan { Some(gan) } else { None }
    }

    /// Everything that training has changed.
    pub fn state(&self) -> State {
        match &self.gan {
            Gan::Points(gan) => gan.state(),
            Gan::Pictures(gan) => gan.state(),
        }
    }

    /// The numbers of the last turn.
    pub fn last(&self) -> Step {
        self.last
    }

    /// The turns of the discriminator and of the generator so far.
    pub fn turns(&self) -> [u64; 2] {
        match &self.gan {
            Gan::Points(gan) => gan.turns(),
            Gan::Pictures(gan) => gan.turns(),
        }
    }

    /// The hash of the weights, as `train` prints it.
    pub fn hash(&self) -> String {
        models::weights_hash(&self.state())
    }

    /// Changes a setting from now on.
    ///
    /// # Errors
    /// When there is no such setting, or it cannot have this value or change during a run.
    pub fn change(&mut self, key: &str, value: &str) -> Result<(), String> {
        let before = self.settings.text(key_of(&self.settings, key)?);
        self.settings.set(key, value)?;
        if !self.settings.is_live(key) {
            self.settings.set(key, &before)?;
            return Err(format!("`{key}` cannot change during a run"));
        }
        if self.link.run.is_empty() {
            // A change before the first turn is one of the initial settings.
            self.link.settings.set(key, value)?;
        } else {
            self.link.run.push(Event::Change(key.into(), value.into()));
        }
        Ok(())
    }

    /// One turn.
    ///
    /// # Errors
    /// When a value is not finite; what is complete so far is kept, also in the link.
    pub fn take(&mut self, turn: Turn) -> Result<Step, NonFinite> {
        let (d, g) = match turn {
            Turn::Step => (self.settings.count("k"), self.settings.count("g_turns")),
            Turn::Discriminator => (1, 0),
            Turn::Generator => (0, 1),
        };
        let (mut step, mut done) = (Step::default(), [0, 0]);
        for of_generator in core::iter::repeat_n(false, d).chain(core::iter::repeat_n(true, g)) {
            let (settings, cells) = (&self.settings, &self.link.cells);
            let next = match (&mut self.gan, of_generator) {
                (Gan::Points(gan), false) => gan.discriminator_turn(settings, cells),
                (Gan::Points(gan), true) => gan.generator_turn(settings),
                (Gan::Pictures(gan), false) => gan.discriminator_turn(settings),
                (Gan::Pictures(gan), true) => gan.generator_turn(settings),
            };
            match next {
                Ok(next) => step = step.then(next),
                Err(error) => {
                    self.record(Turn::Discriminator, done[0]);
                    self.record(Turn::Generator, done[1]);
                    return Err(error);
                }
            }
            done[usize::from(of_generator)] += 1;
        }
        self.record(turn, 1);
        self.last = step;
        Ok(step)
    }

    /// Adds turns to the link.
    fn record(&mut self, turn: Turn, turns: u64) {
        match self.link.run.last_mut() {
            _ if turns == 0 => {}
            Some(Event::Turns(last, count)) if *last == turn => *count += turns,
            _ => self.link.run.push(Event::Turns(turn, turns)),
        }
    }

    /// Repeats at most `most` turns of the link that was opened. Returns how many are left.
    ///
    /// # Errors
    /// When a value is not finite; nothing is left then.
    pub fn replay(&mut self, most: u64) -> Result<u64, NonFinite> {
        let mut left = most;
        while let Some(event) = self.pending.pop_front() {
            match event {
                Event::Change(key, value) => self.change(&key, &value).expect("the link was checked"),
                Event::Turns(turn, count) => {
                    for done in 0..count {
                        if left == 0 {
                            self.pending.push_front(Event::Turns(turn, count - done));
                            return Ok(self.left());
                        }
                        left -= 1;
                        if let Err(error) = self.take(turn) {
                            self.pending.clear();
                            return Err(error);
                        }
                    }
                }
            }
        }
        Ok(0)
    }

    /// The turns of the link that are not repeated yet.
    pub fn left(&self) -> u64 {
        self.pending.iter().map(|event| if let Event::Turns(_, count) = event { *count } else { 0 }).sum()
    }
}

/// `key`, if it is a setting.
fn key_of<'a>(settings: &Settings, key: &'a str) -> Result<&'a str, String> {
    if settings.has(key) { Ok(key) } else { Err(format!("there is no setting `{key}`")) }
}
