//! Which numbers of a file are black and which are white.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Two numbers: what becomes 0 (black) and what becomes 255 (white). What lies between is scaled, what lies beyond is cut off.
/// The first may be the larger one: then light and dark change places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    black: f64,
    white: f64,
}

impl Range {
    /// Bytes as they are.
    pub const BYTES: Self = Self { black: 0.0, white: 255.0 };

    /// The range from `black` to `white`; nothing if they are equal or not finite, or too far apart to be subtracted.
    pub fn new(black: f64, white: f64) -> Option<Self> {
        (black != white && (white - black).is_finite()).then_some(Self { black, white })
    }

    /// The number that becomes 0.
    pub fn black(self) -> f64 {
        self.black
    }

    /// The number that becomes 255.
    pub fn white(self) -> f64 {
        self.white
    }

    /// The byte that `value` becomes, rounded to the nearest.
    pub(crate) fn byte(self, value: f64) -> u8 {
        let share = (value - self.black) / (self.white - self.black);
        (share * 255.0 + 0.5).clamp(0.0, 255.0) as u8
    }

    /// The number that becomes `byte`.
    pub(crate) fn value(self, byte: u8) -> f64 {
        self.black + (self.white - self.black) * f64::from(byte) / 255.0
    }
}

/// A number that reads back as it is, with a power of ten where all its digits would be long.
pub(crate) fn written<N: fmt::Display + fmt::LowerExp>(number: N) -> String {
    const LONG: usize = 12;
    let (plain, power) = (number.to_string(), format!("{number:e}"));
    if plain.len() > LONG && power.len() < plain.len() { power } else { plain }
}

/// `images.range` of a configuration: `auto`, by the type of the numbers, or `LOW..HIGH`, in the file's own numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Levels(pub Option<Range>);

impl From<Levels> for String {
    fn from(levels: Levels) -> Self {
        match levels.0 {
            None => "auto".into(),
            Some(Range { black, white }) => format!("{}..{}", written(black), written(white)),
        }
    }
}

impl TryFrom<String> for Levels {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self(None));
        }
        let range = text.split_once("..").and_then(|(black, white)| {
            let number = |text: &str| text.trim().parse::<f64>().ok();
            Range::new(number(black)?, number(white)?)
        });
        range.map(|range| Self(Some(range))).ok_or_else(|| {
            format!("unknown range {text:?}; there are \"auto\" and \"LOW..HIGH\" with two different numbers, such as \"0..4095\"")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_scaled_rounded_and_cut_off() {
        let bytes = |black, white, values: [f64; 4]| values.map(|value| Range::new(black, white).unwrap().byte(value));
        assert_eq!(bytes(0.0, 255.0, [0.0, 7.0, 254.0, 255.0]), [0, 7, 254, 255]);
        assert_eq!(bytes(-1.0, 1.0, [-1.0, 0.0, 1.0, 5.0]), [0, 128, 255, 255]);
        assert_eq!(bytes(0.0, 4095.0, [-3.0, 2047.5, 4095.0, 65535.0]), [0, 128, 255, 255]);
        assert_eq!(bytes(255.0, 0.0, [0.0, 255.0, 55.0, 300.0]), [255, 0, 200, 0]);
        assert_eq!(Range::BYTES.byte(f64::NAN), 0);
        assert_eq!(Range::new(-1.0, 1.0).unwrap().value(255), 1.0);
        assert!((0..=255).all(|byte| Range::BYTES.byte(f64::from(byte)) == byte));
    }

    #[test]
    fn words_read_back_as_they_are_written() {
        for text in ["auto", "0..4095", "-1..1", "-2.5..3.25", "255..0", "-1e300..5e-324", "0..4294967295", "0..1e12"] {
            assert_eq!(String::from(Levels::try_from(text.to_owned()).unwrap()), text);
        }
        for text in ["", "0", "0..", "3..3", "0..nan", "a..b", "0..inf"] {
            assert!(Levels::try_from(text.to_owned()).unwrap_err().contains("LOW..HIGH"), "{text}");
        }
    }
}
