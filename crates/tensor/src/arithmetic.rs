//! [`Arithmetic`]: the computation of one number as an expression that can be evaluated.
//!
//! ```text
//! sum     = product { (+ | -) product }
//! product = factor { (* | /) factor }
//! factor  = - factor | part [ ^ part ]
//! part    = number | ( sum ) | name ( sum { , sum } )
//! ```
//!
//! Numbers are decimal, with an optional exponent: `0.31`, `1e-7`. Exponents of powers are
//! non-negative integers. The functions are `exp`, `log`, `sqrt`, `tanh`, `sigmoid`, `softplus` and
//! `abs` of one argument, and `max` and `min` of one or more.

use kernels::scalar;

use crate::tensor::Tensor;

/// An expression and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Arithmetic {
    /// The expression. Its numbers are rounded as long as its value stays within a relative error
    /// of 1e-6 of `result`.
    pub text: String,
    /// The exact value.
    pub result: f64,
}

impl Arithmetic {
    /// The expression `text` with short numbers, or with all digits if the short numbers do not
    /// give `result`, for instance because large numbers cancel.
    pub(crate) fn new(result: f64, text: impl Fn(Digits) -> String) -> Self {
        let short = text(Digits::Short);
        let close = evaluate(&short).is_some_and(|got| (got - result).abs() <= 1e-6 * result.abs());
        Self { text: if close { short } else { text(Digits::Full) }, result }
    }
}

/// The number of digits of a number as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// Enough to identify an `f32`.
    Short,
    /// Enough to identify an `f64`.
    Full,
}

impl Digits {
    /// The number as text.
    pub fn write(self, x: f64) -> String {
        let x = if x == 0.0 { 0.0 } else { x };
        let tiny = x != 0.0 && !(1e-4..1e9).contains(&x.abs());
        match self {
            Self::Short if tiny => format!("{:e}", x as f32),
            Self::Short => format!("{}", x as f32),
            Self::Full if tiny => format!("{x:e}"),
            Self::Full => format!("{x}"),
        }
    }
}

/// One element of an op's value, for [`Replay::value_arithmetic`](crate::Replay::value_arithmetic).
pub struct ElementContext<'a> {
    /// The op's inputs.
    pub inputs: &'a [Tensor<f64>],
    /// The op's value.
    pub value: &'a Tensor<f64>,
    /// The number of the element, in memory order.
    pub at: usize,
    /// The number of digits to write.
    pub digits: Digits,
}

impl ElementContext<'_> {
    /// The element of input `input` that this element of an element-wise op depends on; rows are
    /// broadcast.
    pub fn input(&self, input: usize) -> f64 {
        let data = self.inputs[input].data();
        data[self.at % data.len()]
    }

    /// That element as text.
    pub fn x(&self, input: usize) -> String {
        self.n(self.input(input))
    }

    /// The element of the value as text.
    pub fn y(&self) -> String {
        self.n(self.value.data()[self.at])
    }

    /// A number as text.
    pub fn n(&self, x: f64) -> String {
        self.digits.write(x)
    }
}

/// `a * b`, with parentheses around a `b` that is not a single number; only `a` where `b` is 1.
pub(crate) fn product(a: &str, b: &str) -> String {
    match (a, b) {
        (_, "1") => a.into(),
        (_, "-1") if !a.starts_with('-') => format!("-{a}"),
        _ if b.contains(' ') => format!("{a} * ({b})"),
        _ => format!("{a} * {b}"),
    }
}

/// `a + b - c` from `a`, `b` and `-c`; `0` without terms.
pub(crate) fn sum(terms: impl IntoIterator<Item = String>) -> String {
    let joined = terms.into_iter().reduce(|sum, term| match term.strip_prefix('-') {
        Some(term) => format!("{sum} - {term}"),
        None => format!("{sum} + {term}"),
    });
    joined.unwrap_or_else(|| "0".into())
}

/// The value of an expression in this module's grammar; None if it is not one.
pub fn evaluate(text: &str) -> Option<f64> {
    let mut reader = Reader { rest: text.trim() };
    let value = reader.sum()?;
    reader.rest.is_empty().then_some(value)
}

/// The rest of the text.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// Skips `symbol`, if it is next.
    fn skip(&mut self, symbol: char) -> bool {
        let after = self.rest.strip_prefix(symbol);
        self.rest = after.map_or(self.rest, str::trim_start);
        after.is_some()
    }

    fn sum(&mut self) -> Option<f64> {
        let mut sum = self.product()?;
        loop {
            if self.skip('+') {
                sum += self.product()?;
            } else if self.skip('-') {
                sum -= self.product()?;
            } else {
                return Some(sum);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut product = self.factor()?;
        loop {
            if self.skip('*') {
                product *= self.factor()?;
            } else if self.skip('/') {
                product /= self.factor()?;
            } else {
                return Some(product);
            }
        }
    }

    fn factor(&mut self) -> Option<f64> {
        if self.skip('-') {
            return self.factor().map(|x| -x);
        }
        let base = self.part()?;
        if !self.skip('^') {
            return Some(base);
        }
        let exponent = self.part()?;
        let whole = exponent >= 0.0 && exponent.fract() == 0.0 && exponent < (1_u64 << 53) as f64;
        whole.then(|| kernels::scalar::powi(base, exponent as u64))
    }

    fn part(&mut self) -> Option<f64> {
        if self.skip('(') {
            let inside = self.sum()?;
            return self.skip(')').then_some(inside);
        }
        let word = self.word(|c| c.is_ascii_lowercase());
        if word.is_empty() { self.number() } else { self.call(word) }
    }

    /// Takes the leading characters that `belongs` accepts.
    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }

    fn number(&mut self) -> Option<f64> {
        let mut before = ' ';
        // A sign is part of a number only after `e`.
        let length = self.rest.find(|c: char| {
            let belongs = c.is_ascii_digit() || c == '.' || c == 'e' || (c == '-' && before == 'e');
            before = c;
            !belongs
        });
        let (number, rest) = self.rest.split_at(length.unwrap_or(self.rest.len()));
        self.rest = rest.trim_start();
        number.parse().ok()
    }

    fn call(&mut self, name: &str) -> Option<f64> {
        if !self.skip('(') {
            return None;
        }
        let first = self.sum()?;
        let value = match name {
            "exp" => scalar::exp(first),
            "log" => scalar::ln(first),
            "sqrt" => first.sqrt(),
            "tanh" => scalar::tanh(first),
            "sigmoid" => 1.0 / (1.0 + scalar::exp(-first)),
            "softplus" => first.max(0.0) + scalar::ln_1p(scalar::exp(-first.abs())),
            "abs" => first.abs(),
            "max" | "min" => {
                let mut best = first;
                while self.skip(',') {
                    let next = self.sum()?;
                    best = if name == "max" { best.max(next) } else { best.min(next) };
                }
                best
            }
            _ => return None,
        };
        self.skip(')').then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_evaluated() {
        for (text, value) in [
            ("0.31 * 0.2 + 0.5 * -0.1", 0.012),
            ("1 - 2 - 3", -4.0),
            ("8 / 4 / 2", 1.0),
            ("-(1 + 2) * 1e-2", -0.03),
            ("--2", 2.0),
            ("2 * sqrt(4 + 12) - max(1, 2 * 3, -4)", 2.0),
            ("min(3, 1, 2)", 1.0),
            ("sigmoid(0) + tanh(0) + log(exp(1)) + abs(-1)", 2.5),
            ("softplus(1000)", 1000.0),
            ("1 - 0.5^3 * 2", 0.75),
            ("-3^2 + (-3)^2 * 2^0", 0.0),
        ] {
            assert!((evaluate(text).expect(text) - value).abs() < 1e-12, "{text}");
        }
        for text in [
            "",
            "1 +",
            "(1",
            "1)",
            "sin(1)",
            "exp",
            "exp(1, 2)",
            "1 2",
            "e5",
            "1..2",
            "2^-1",
            "2^0.5",
            "2^",
            "alert(1)",
        ] {
            assert_eq!(evaluate(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_and_sums_are_short() {
        let [short, full] = [Digits::Short, Digits::Full].map(|digits| move |x| digits.write(x));
        assert_eq!([short(f64::from(0.31_f32)), short(-2.0), short(1e-7), short(-0.0)], ["0.31", "-2", "1e-7", "0"]);
        assert_eq!(full(0.1 + 0.2), "0.30000000000000004");
        assert_eq!(product("0.5", "1"), "0.5");
        assert_eq!(product("0.5", "-1"), "-0.5");
        assert_eq!(product("0.5", "1 - 0.2"), "0.5 * (1 - 0.2)");
        assert_eq!(sum(["0.5".into(), "-0.25 * 2".into(), "3".into()]), "0.5 - 0.25 * 2 + 3");
        assert_eq!(sum([]), "0");
    }

    #[test]
    fn numbers_that_cancel_are_written_with_all_digits() {
        let difference =
            |a: f64, b: f64| Arithmetic::new(a - b, |digits| format!("{} - {}", digits.write(a), digits.write(b))).text;
        assert_eq!(difference(0.75, 0.5), "0.75 - 0.5");
        assert_eq!(difference(1.000_000_001, 1.0), "1.000000001 - 1");
    }
}
