//! Which values of a file are black and which are white.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};
use std::fmt;

/// The values that become 0 (black) and 255 (white). Values between them are scaled linearly, values
/// outside are clipped. If `black` is the larger one, light and dark are swapped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueRange {
    black: f64,
    white: f64,
}

impl ValueRange {
    /// Bytes, unchanged.
    pub const BYTES: Self = Self { black: 0.0, white: 255.0 };

    /// The range from `black` to `white`; `None` if they are equal or their difference is not finite.
    pub fn new(black: f64, white: f64) -> Option<Self> {
        (black != white && (white - black).is_finite()).then_some(Self { black, white })
    }

    /// The value that becomes 0.
    pub fn black(self) -> f64 {
        self.black
    }

    /// The value that becomes 255.
    pub fn white(self) -> f64 {
        self.white
    }

    /// The byte for `value`, rounded to the nearest.
    pub(crate) fn byte(self, value: f64) -> u8 {
        let share = (value - self.black) / (self.white - self.black);
        (share * 255.0 + 0.5).clamp(0.0, 255.0) as u8
    }

    /// The value that becomes `byte`.
    pub(crate) fn value(self, byte: u8) -> f64 {
        self.black + (self.white - self.black) * f64::from(byte) / 255.0
    }

    /// Reads a setting: `auto` (`None`), or `LOW..HIGH`.
    ///
    /// # Errors
    /// If it is neither; the text lists the possible values.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, String> {
        if text == "auto" {
            return Ok(None);
        }
        let range = text.split_once("..").and_then(|(black, white)| {
            let number = |text: &str| text.trim().parse::<f64>().ok();
            Self::new(number(black)?, number(white)?)
        });
        range.map(Some).ok_or_else(|| {
            format!(
                "unknown range {text:?}; use \"auto\", or \"LOW..HIGH\" with two different numbers, such as \"0..4095\""
            )
        })
    }
}

/// `LOW..HIGH`, as in a configuration.
impl fmt::Display for ValueRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", written(self.black), written(self.white))
    }
}

/// The range as a setting: `auto` for `None`.
fn setting(range: Option<ValueRange>) -> String {
    range.map_or_else(|| "auto".into(), |range| range.to_string())
}

/// For serde: writes the range as a setting.
pub(crate) fn serialize<S: Serializer>(range: &Option<ValueRange>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&setting(*range))
}

/// For serde: reads the range from a setting.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ValueRange>, D::Error> {
    ValueRange::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// A number in as many digits as it needs to be read back exactly, with an exponent if that is shorter.
pub(crate) fn written<N: fmt::Display + fmt::LowerExp>(number: N) -> String {
    const MAX_PLAIN: usize = 12;
    let (plain, power) = (number.to_string(), format!("{number:e}"));
    if plain.len() > MAX_PLAIN && power.len() < plain.len() { power } else { plain }
}

/// Statistics of the values in some pictures or in an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueStats {
    /// The value of white: 255 for bytes, 65535 for 16 bits, 1 for floats.
    pub white: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// Whether some of the pictures are in colour.
    pub colour: bool,
}

/// What the bytes of images stand for in their files.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueScale {
    /// 0 and 255 stand for black and white of this range.
    Range(ValueRange),
    /// The values were measured.
    Stats(ValueStats),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_scaled_rounded_and_clipped() {
        let bytes =
            |black, white, values: [f64; 4]| values.map(|value| ValueRange::new(black, white).unwrap().byte(value));
        assert_eq!(bytes(0.0, 255.0, [0.0, 7.0, 254.0, 255.0]), [0, 7, 254, 255]);
        assert_eq!(bytes(-1.0, 1.0, [-1.0, 0.0, 1.0, 5.0]), [0, 128, 255, 255]);
        assert_eq!(bytes(0.0, 4095.0, [-3.0, 2047.5, 4095.0, 65535.0]), [0, 128, 255, 255]);
        assert_eq!(bytes(255.0, 0.0, [0.0, 255.0, 55.0, 300.0]), [255, 0, 200, 0]);
        assert_eq!(ValueRange::BYTES.byte(f64::NAN), 0);
        assert_eq!(ValueRange::new(-1.0, 1.0).unwrap().value(255), 1.0);
        assert!((0..=255).all(|byte| ValueRange::BYTES.byte(f64::from(byte)) == byte));
    }

    #[test]
    fn settings_round_trip() {
        for text in ["auto", "0..4095", "-1..1", "-2.5..3.25", "255..0", "-1e300..5e-324", "0..4294967295", "0..1e12"] {
            assert_eq!(setting(ValueRange::parse(text).unwrap()), text);
        }
        for text in ["", "0", "0..", "3..3", "0..nan", "a..b", "0..inf"] {
            assert!(ValueRange::parse(text).unwrap_err().contains("LOW..HIGH"), "{text}");
        }
    }
}
