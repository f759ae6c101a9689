//! [`Link`]: what is trained and how far, as the text after `#` in an address.
//!
//! ```text
//! points&loss=hinge&seed=3&run=300~d2~g1~d_rate:0.01~50
//! ```
//!
//! The first word is the playground. Then come the settings that are not the defaults, what the
//! visitor has drawn, and `run`: 300 steps, two turns of the discriminator, one of the generator, a
//! change of a learning rate, 50 steps. A link contains everything that the weights depend on.

use crate::doodle::{self, Doodle};
use crate::settings::Settings;
use crate::shape::CELLS;
use crate::{pictures, points};

/// The most multiply-adds that the page repeats for a link: about an hour of training, in a browser
/// that fuses them.
const MOST_WORK: f64 = 1e13;
/// The most parts of a run, turns and changes, that the page repeats for a link.
const MOST_PARTS: usize = 500;

/// A playground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Points in the plane.
    Points,
    /// Small pictures.
    Pictures,
}

impl Mode {
    /// Its name in links.
    pub fn name(self) -> &'static str {
        match self {
            Self::Points => "points",
            Self::Pictures => "pictures",
        }
    }
}

/// What a turn trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A whole step: the turns of the discriminator, then those of the generator.
    Step,
    /// The discriminator alone, once.
    Discriminator,
    /// The generator alone, once.
    Generator,
}

impl Turn {
    /// The prefix of the number in links.
    fn letter(self) -> &'static str {
        match self {
            Self::Step => "",
            Self::Discriminator => "d",
            Self::Generator => "g",
        }
    }

    /// How many turns of the discriminator and of the generator it consists of.
    pub(crate) fn of_networks(self, settings: &Settings) -> [usize; 2] {
        match self {
            Self::Step => ["k", "g_turns"].map(|key| settings.count(key)),
            Self::Discriminator => [1, 0],
            Self::Generator => [0, 1],
        }
    }
}

/// Something that happened to a GAN.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// This many turns.
    Turns(Turn, u64),
    /// A setting was changed to this value.
    Change(String, String),
}

/// What is trained and how far.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The playground.
    pub mode: Mode,
    /// The settings at the start.
    pub settings: Settings,
    /// The cells that the visitor has drawn, for points.
    pub(crate) cells: Vec<u16>,
    /// The doodles that the visitor has drawn, for pictures.
    pub(crate) doodles: Vec<Doodle>,
    /// What has happened since the start.
    pub run: Vec<Event>,
}

impl Link {
    /// A new GAN with the default settings.
    pub fn new(mode: Mode) -> Self {
        let table = match mode {
            Mode::Points => &points::SETTINGS[..],
            Mode::Pictures => &pictures::SETTINGS[..],
        };
        Self { mode, settings: Settings::new(table), cells: vec![], doodles: vec![], run: vec![] }
    }

    /// Reads a link: the part of an address after `#`, with or without that sign and what is before
    /// it.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fragment = text.rsplit('#').next().unwrap_or_default();
        let mut parts = fragment.split('&');
        let mode = match parts.next().unwrap_or_default() {
            "" | "points" => Mode::Points,
            "pictures" => Mode::Pictures,
            other => return Err(format!("there is no playground `{}`: it is `points` or `pictures`", short(other))),
        };
        let mut link = Self::new(mode);
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| format!("`{}` has no value", short(part)))?;
            match (key, mode) {
                ("run", _) => link.run = events(value, &link.settings)?,
                ("drawn", Mode::Points) => link.cells = cells(value)?,
                ("doodles", Mode::Pictures) => link.doodles = doodle::parse(value)?,
                _ => link.settings.set(key, value)?,
            }
        }
        Ok(link)
    }

    /// What it takes to train to its state.
    pub fn effort(&self) -> Effort {
        Effort::of(self.mode, &self.settings, &self.run)
    }

    /// Checks that the page would open the link: a stranger's link must not keep a visitor's
    /// computer busy for hours.
    ///
    /// # Errors
    /// When its run is too long. The error says by how much.
    pub fn check(&self) -> Result<(), String> {
        let (parts, work) = (self.run.len(), self.effort().work);
        if parts > MOST_PARTS {
            return Err(format!(
                "the run has {parts} parts (turns and changes), and the page repeats at most {MOST_PARTS}"
            ));
        }
        if work > MOST_WORK {
            let times = work / MOST_WORK;
            return Err(format!("the run takes {times:.1} times as long as the longest that the page repeats"));
        }
        Ok(())
    }
}

/// What it takes to repeat a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Effort {
    /// Turns of the discriminator and of the generator.
    pub turns: [f64; 2],
    /// Multiply-adds, approximately.
    pub work: f64,
}

impl Effort {
    /// The effort of `run`, which starts with these settings.
    pub(crate) fn of<'a>(mode: Mode, settings: &Settings, run: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut settings = settings.clone();
        let mut effort = Self::default();
        for event in run {
            match event {
                Event::Turns(turn, count) => {
                    effort.add(mode, &settings, turn.of_networks(&settings).map(|turns| turns as f64 * *count as f64));
                }
                Event::Change(key, value) => settings.set(key, value).expect("the link was checked"),
            }
        }
        effort
    }

    /// Adds turns of the discriminator and of the generator with these settings.
    pub(crate) fn add(&mut self, mode: Mode, settings: &Settings, turns: [f64; 2]) {
        let work = work_of_turns(mode, settings);
        for network in [0, 1] {
            self.turns[network] += turns[network];
            self.work += turns[network] * work[network];
        }
    }
}

/// The approximate multiply-adds of a turn of the discriminator and of one of the generator.
pub(crate) fn work_of_turns(mode: Mode, settings: &Settings) -> [f64; 2] {
    match mode {
        Mode::Points => points::work(settings),
        Mode::Pictures => pictures::work(settings),
    }
}

/// The beginning of a text that may be long.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(30).collect()
}

fn events(text: &str, settings: &Settings) -> Result<Vec<Event>, String> {
    let mut settings = settings.clone();
    let mut events = Vec::new();
    for word in text.split('~').filter(|word| !word.is_empty()) {
        if let Some((key, value)) = word.split_once(':') {
            settings.change(key, value)?;
            events.push(Event::Change(key.into(), value.into()));
        } else {
            let (turn, count) = match (word.strip_prefix('d'), word.strip_prefix('g')) {
                (Some(count), _) => (Turn::Discriminator, count),
                (_, Some(count)) => (Turn::Generator, count),
                _ => (Turn::Step, word),
            };
            let count = count.parse().map_err(|_| format!("`run` has no number of turns in `{}`", short(word)))?;
            events.push(Event::Turns(turn, count));
        }
    }
    Ok(events)
}

/// 64 letters, each of six bits.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The six bits of a letter.
pub(crate) fn six_bits(letter: u8) -> Option<u16> {
    LETTERS.iter().position(|known| *known == letter).map(|index| index as u16)
}

/// The letter of six bits.
pub(crate) fn letter(bits: u16) -> char {
    char::from(LETTERS[usize::from(bits & 63)])
}

fn cells(text: &str) -> Result<Vec<u16>, String> {
    let pair = |pair: &[u8]| {
        let [high, low] = [pair[0], *pair.get(1)?].map(six_bits);
        Some(high? << 6 | low?).filter(|cell| usize::from(*cell) < CELLS * CELLS)
    };
    if text.len() > 2 * CELLS * CELLS {
        return Err(format!("`drawn` is too long: there are {} cells", CELLS * CELLS));
    }
    let cells: Option<Vec<u16>> = text.as_bytes().chunks(2).map(pair).collect();
    cells.ok_or_else(|| "`drawn` is damaged: it needs two letters for each cell".into())
}

/// The link, without `#`.
impl core::fmt::Display for Link {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.mode.name())?;
        for setting in self.settings.changed() {
            write!(f, "&{setting}")?;
        }
        if !self.cells.is_empty() {
            f.write_str("&drawn=")?;
            self.cells.iter().try_for_each(|cell| write!(f, "{}{}", letter(cell >> 6), letter(*cell)))?;
        }
        if !self.doodles.is_empty() {
            write!(f, "&doodles={}", doodle::write(&self.doodles))?;
        }
        for (number, event) in self.run.iter().enumerate() {
            f.write_str(if number == 0 { "&run=" } else { "~" })?;
            match event {
                Event::Turns(turn, count) => write!(f, "{}{count}", turn.letter())?,
                Event::Change(key, value) => write!(f, "{key}:{value}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_as_it_was_written() {
        let texts = [
            "points",
            "points&data=drawn&loss=hinge&seed=3&drawn=AAABjv&run=300~d2~g1~d_rate:0.01~50",
            "pictures&seed=7&run=12",
        ];
        for text in texts {
            assert_eq!(Link::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Link::parse("https://example.com/a#points&seed=2").unwrap().to_string(), "points&seed=2");
        assert_eq!(Link::parse("").unwrap(), Link::new(Mode::Points));
        assert_eq!(Link::parse("#points&seed=1").unwrap(), Link::new(Mode::Points), "a default is not written");
    }

    #[test]
    fn a_damaged_link_says_what_is_wrong() {
        let wrongs = [
            ("elephants", "no playground `elephants`"),
            ("points&seed", "`seed` has no value"),
            ("points&seed=-1", "`seed` must be a whole number"),
            ("points&width=1e9", "`width` must be"),
            ("points&loss=best", "`loss` must be one of"),
            ("points&colour=red", "no setting `colour`"),
            ("points&run=many", "no number of turns in `many`"),
            ("points&run=3~width:32", "`width` cannot change"),
            ("points&drawn=A", "damaged"),
            ("points&drawn=__", "damaged"),
            ("points&drawn=é", "damaged"),
            ("points&d_rate=NaN", "`d_rate` must be"),
        ];
        for (link, why) in wrongs {
            let error = Link::parse(link).expect_err(link);
            assert!(error.contains(why), "{link}: {error}");
        }
    }

    /// The command line repeats runs of any length. The page repeats at most an hour of training,
    /// whatever the settings are.
    #[test]
    fn the_page_refuses_a_run_that_takes_hours() {
        let check = |text: &str| Link::parse(text).unwrap().check();
        check("points&run=1000000").unwrap();
        check("pictures&run=10000").unwrap();
        check(&format!("points&run={}", "1~d1~".repeat(250))).unwrap();
        let wrongs = [
            ("points&run=999999999".to_owned(), "times as long"),
            ("points&run=18446744073709551615~18446744073709551615".to_owned(), "times as long"),
            ("points&width=256&batch=1024&run=1000000".to_owned(), "times as long"),
            ("points&run=k:20~g_turns:50~1000000".to_owned(), "times as long"),
            ("pictures&batch=256&run=1000000".to_owned(), "times as long"),
            (format!("points&run={}1", "1~d1~".repeat(250)), "501 parts"),
        ];
        for (link, why) in wrongs {
            let error = check(&link).expect_err(&link);
            assert!(error.contains(why), "{link}: {error}");
        }
    }

    #[test]
    fn the_effort_counts_the_turns_of_every_setting() {
        let effort = |text: &str| Link::parse(text).unwrap().effort();
        assert_eq!(effort("points&k=2&run=3~d4~g_turns:5~10~g1").turns, [30.0, 54.0]);
        assert_eq!(effort("points").work, 0.0);
        assert_eq!(effort("points&run=20").work, 20.0 * effort("points&run=d1~g1").work);
        assert!(effort("points&penalty=r1&run=1").work > effort("points&run=1").work);
        assert!(effort("pictures&batch=64&run=1").work > 1.9 * effort("pictures&run=1").work);
    }

    #[test]
    fn a_long_link_is_refused_in_few_words() {
        let long = "A".repeat(100_000);
        let links = ["drawn=", "loss=", "seed=", "run=", "run=d_rate:"].map(|key| format!("points&{key}{long}"));
        for link in links.into_iter().chain([format!("points&{long}=1")]) {
            let error = Link::parse(&link).expect_err("it is too long");
            assert!(error.len() < 300, "{} bytes", error.len());
        }
        let doodles = format!("pictures&data=doodles&doodles={}AA", ".".repeat(100_000));
        assert!(Link::parse(&doodles).expect_err("strokes without points").contains("too long"));
    }
}
