//! [`Session`]: a GAN in training, and the link that leads to its state.

use std::collections::VecDeque;

use nn::State;
use tensor::NonFinite;

use crate::link::{Effort, Event, Link, Mode, Turn, work_of_turns};
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

/// A turn that has begun.
struct Underway {
    turn: Turn,
    /// Turns of the discriminator and of the generator that are left, and that are done.
    left: [usize; 2],
    done: [u64; 2],
    /// The metrics so far.
    step: Step,
}

impl Underway {
    fn new(turn: Turn, settings: &Settings) -> Self {
        Self { turn, left: turn.of_networks(settings), done: [0, 0], step: Step::default() }
    }

    fn is_complete(&self) -> bool {
        self.left == [0, 0]
    }
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
    /// The turn of the opened link that is being repeated.
    underway: Option<Underway>,
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
        let (settings, last) = (link.settings.clone(), Step::default());
        let mut session = Self { settings, link: start, gan, last, pending, underway: None };
        // Changes before the first turn are settings.
        session.begin_next();
        Ok(session)
    }

    /// The GAN of `link`, trained to the link's state.
    ///
    /// # Errors
    /// When a value is not finite during training, or there are no pictures.
    pub fn at(link: &Link, pictures: &[u8]) -> Result<Self, String> {
        let mut session = Self::new(link, pictures)?;
        session.replay(f64::INFINITY).map_err(|error| error.to_string())?;
        Ok(session)
    }

    /// The settings now.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The link that leads to the state now; while a step of an opened link is repeated, to the
    /// state before that step.
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
        self.interrupt();
        self.settings.change(key, value)?;
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
        self.interrupt();
        let mut underway = Underway::new(turn, &self.settings);
        while !underway.is_complete() {
            self.advance(&mut underway)?;
        }
        Ok(underway.step)
    }

    /// One turn of a network. The last one completes the turn that is under way.
    fn advance(&mut self, underway: &mut Underway) -> Result<(), NonFinite> {
        let network = usize::from(underway.left[0] == 0);
        let (settings, cells) = (&self.settings, &self.link.cells);
        let next = match (&mut self.gan, network) {
            (Gan::Points(gan), 0) => gan.discriminator_turn(settings, cells),
            (Gan::Points(gan), _) => gan.generator_turn(settings),
            (Gan::Pictures(gan), 0) => gan.discriminator_turn(settings),
            (Gan::Pictures(gan), _) => gan.generator_turn(settings),
        };
        match next {
            Ok(next) => underway.step = underway.step.then(next),
            Err(error) => {
                self.record_parts(underway);
                return Err(error);
            }
        }
        underway.left[network] -= 1;
        underway.done[network] += 1;
        if underway.is_complete() {
            self.record(underway.turn, 1);
            self.last = underway.step;
        }
        Ok(())
    }

    /// Adds the turns that the networks have taken to the link, instead of the whole step.
    fn record_parts(&mut self, underway: &Underway) {
        self.record(Turn::Discriminator, underway.done[0]);
        self.record(Turn::Generator, underway.done[1]);
    }

    /// Adds turns to the link.
    fn record(&mut self, turn: Turn, turns: u64) {
        match self.link.run.last_mut() {
            _ if turns == 0 => {}
            Some(Event::Turns(last, count)) if *last == turn => *count += turns,
            _ => self.link.run.push(Event::Turns(turn, turns)),
        }
    }

    /// Repeats turns of the link that was opened, until this much work is done, in multiply-adds as
    /// in [`Effort`]. Returns how much is left.
    ///
    /// # Errors
    /// When a value is not finite; nothing is left then.
    pub fn replay(&mut self, work: f64) -> Result<f64, NonFinite> {
        let mut done = 0.0;
        while self.begin_next() {
            if done >= work {
                return Ok(self.left().work);
            }
            let Some(mut underway) = self.underway.take() else { unreachable!("a turn has begun") };
            done += work_of_turns(self.link.mode, &self.settings)[usize::from(underway.left[0] == 0)];
            if let Err(error) = self.advance(&mut underway) {
                self.pending.clear();
                return Err(error);
            }
            self.underway = Some(underway).filter(|underway| !underway.is_complete());
        }
        Ok(0.0)
    }

    /// Makes the next changes of the opened link, and begins its next turn unless one is under way.
    /// Returns false if no turn is left.
    fn begin_next(&mut self) -> bool {
        while self.underway.is_none() {
            match self.pending.pop_front() {
                None => return false,
                Some(Event::Change(key, value)) => self.change(&key, &value).expect("the link was checked"),
                Some(Event::Turns(_, 0)) => {}
                Some(Event::Turns(turn, count)) => {
                    self.pending.push_front(Event::Turns(turn, count - 1));
                    self.underway = Some(Underway::new(turn, &self.settings));
                }
            }
        }
        true
    }

    /// Splits the step that is being repeated into turns of the networks, so that something else
    /// can come between them.
    fn interrupt(&mut self) {
        let Some(underway) = self.underway.take() else { return };
        if underway.done == [0, 0] {
            self.pending.push_front(Event::Turns(underway.turn, 1));
            return;
        }
        self.record_parts(&underway);
        for (turn, left) in [(Turn::Generator, underway.left[1]), (Turn::Discriminator, underway.left[0])] {
            self.pending.push_front(Event::Turns(turn, left as u64));
        }
    }

    /// Leaves the GAN in the state that it has, and forgets the rest of the opened link.
    pub fn stop(&mut self) {
        self.interrupt();
        self.pending.clear();
    }

    /// What it takes to repeat the rest of the opened link.
    pub fn left(&self) -> Effort {
        let mut left = Effort::of(self.link.mode, &self.settings, &self.pending);
        if let Some(underway) = &self.underway {
            left.add(self.link.mode, &self.settings, underway.left.map(|turns| turns as f64));
        }
        left
    }
}
