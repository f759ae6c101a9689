//! [`Question`]: what a learner's function was asked, what it answered, and what its answer would be if it made a known mistake.

use kernels::Element;
use tensor::gradcheck::derivative;
use tensor::ops::{Domain, sample};
use tensor::{Tensor, Var};

use crate::Mistake;
use crate::guard::ask;

/// What a learner's function gave: a result, or what its panic said.
pub type Answer<T> = Result<T, String>;

/// What the judge knows about wrong answers.
#[derive(Clone, Debug)]
pub(crate) enum Clue {
    /// Who makes this mistake gets just these numbers.
    Suspect { mistake: Mistake, why: String, numbers: Vec<f64> },
    /// The right answer is the sum of these parts; one that lacks some of them is this mistake.
    Parts { mistake: Mistake, parts: Vec<(String, Vec<f64>)> },
    /// One that is wrong only where the mask says so is this mistake.
    Region { mistake: Mistake, name: String, mask: Vec<bool> },
    /// What a constant ratio of this size means.
    Factor { name: String, value: f64 },
    /// An answer of this length is this mistake.
    Length { mistake: Mistake, why: String, length: usize },
    /// The answer does not depend on the gradient that arrives.
    IgnoresUpstream,
    /// No gradient may arrive here.
    NoGradient(String),
    /// An input at which a formula that is not made for it overflows or loses its digits.
    Extreme,
    /// The last two axes are an image, in which things can be off by one.
    Image,
}

/// Something that was asked, with the right answer and the one that came.
#[derive(Clone, Debug)]
pub struct Question {
    pub(crate) what: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) expected: Vec<f64>,
    pub(crate) got: Answer<Vec<f64>>,
    pub(crate) clues: Vec<Clue>,
}

impl Question {
    /// Asked for `what`, of this shape, somebody who should have said `expected` said `got`.
    ///
    /// # Panics
    /// When `expected` does not fill the shape, which is a mistake of the judge.
    pub fn new(what: impl Into<String>, shape: &[usize], expected: Vec<f64>, got: Answer<Vec<f64>>) -> Self {
        let what = what.into();
        assert_eq!(expected.len(), shape.iter().product::<usize>(), "{what}: the expected answer has another shape");
        Self { what, shape: shape.to_vec(), expected, got, clues: vec![] }
    }

    /// Asks for a derivative rule: the gradient of <forward(x), gy> by x, when `attempt` is given gy. The right answer comes from central
    /// differences, element by element.
    pub fn rule(
        what: impl Into<String>,
        x: &Tensor<f64>,
        gy: &Tensor<f64>,
        forward: impl Fn(&Var<f64>) -> Var<f64>,
        attempt: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Self {
        let got = ask(|| attempt(gy.data()));
        let another = numbers(77, gy.shape());
        let ignores = got.is_ok() && got == ask(|| attempt(another.data()));
        let mut question = Self::new(what, x.shape(), slopes(x, gy, forward), got);
        if ignores {
            question.clues.push(Clue::IgnoresUpstream);
        }
        question
    }

    fn with(mut self, clue: Clue) -> Self {
        self.clues.push(clue);
        self
    }

    /// Who makes this mistake gets just these numbers.
    pub fn suspect(self, mistake: Mistake, why: impl Into<String>, numbers: Vec<f64>) -> Self {
        self.with(Clue::Suspect { mistake, why: why.into(), numbers })
    }

    /// The right answer is the sum of these parts; to lack some of them is this mistake.
    pub fn parts<N: Into<String>>(self, mistake: Mistake, parts: impl IntoIterator<Item = (N, Vec<f64>)>) -> Self {
        self.with(Clue::Parts { mistake, parts: parts.into_iter().map(|(name, part)| (name.into(), part)).collect() })
    }

    /// To be wrong only where the mask says so is this mistake.
    pub fn region(self, mistake: Mistake, name: &str, mask: Vec<bool>) -> Self {
        self.with(Clue::Region { mistake, name: name.into(), mask })
    }

    /// What a constant ratio of this size means.
    pub fn factor(self, name: &str, value: f64) -> Self {
        self.with(Clue::Factor { name: name.into(), value })
    }

    /// An answer of this length is this mistake.
    pub fn length(self, mistake: Mistake, why: &str, length: usize) -> Self {
        self.with(Clue::Length { mistake, why: why.into(), length })
    }

    /// No gradient may arrive here, for this reason.
    pub fn no_gradient(self, why: &str) -> Self {
        self.with(Clue::NoGradient(why.into()))
    }

    /// The input is extreme: each number must be right by itself, next to large ones too.
    pub fn extreme(self) -> Self {
        self.with(Clue::Extreme)
    }

    /// The last two axes are an image.
    pub fn image(self) -> Self {
        self.with(Clue::Image)
    }

    pub(crate) fn is_extreme(&self) -> bool {
        self.clues.iter().any(|clue| matches!(clue, Clue::Extreme))
    }
}

/// Numbers between -2 and 2, none of them near 0; the same for the same seed.
pub fn numbers(seed: u32, shape: &[usize]) -> Tensor<f64> {
    sample(Domain::AwayFromZero, seed, shape)
}

/// The gradient of <forward(x), gy> by x, from central differences, element by element.
pub fn slopes(x: &Tensor<f64>, gy: &Tensor<f64>, forward: impl Fn(&Var<f64>) -> Var<f64>) -> Vec<f64> {
    let moved = |i: usize, t: f64| {
        let mut x = x.clone();
        x.data_mut()[i] += t;
        dot(forward(&Var::constant(x)).value().data(), gy.data())
    };
    (0..x.size()).map(|i| derivative(|t| moved(i, t))).collect()
}

/// The sum of the products.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A constant of the engine.
pub fn constant<T: Element>(value: &Tensor<T>) -> Var<T> {
    Var::constant(value.clone())
}
