//! [`Question`]: what a learner's function was asked, its answer, and the answers that known
//! mistakes would give.

use kernels::Element;
use tensor::gradcheck::derivative;
use tensor::ops::{Domain, sample};
use tensor::{Tensor, Var};

use crate::Mistake;
use crate::guard::ask;

/// The result of a learner's function, or its panic message.
pub type Answer<T> = Result<T, String>;

/// What the judge knows about wrong answers.
#[derive(Clone, Debug)]
pub(crate) enum Clue {
    /// The mistake gives exactly these numbers.
    Suspect { mistake: Mistake, why: String, numbers: Vec<f64> },
    /// The right answer is the sum of these parts; the mistake leaves out some of them.
    Parts { mistake: Mistake, parts: Vec<(String, Vec<f64>)> },
    /// The mistake affects only the elements in the mask.
    Region { mistake: Mistake, name: String, mask: Vec<bool> },
    /// The meaning of a constant ratio of this size.
    Factor { name: String, value: f64 },
    /// The mistake gives an answer of this length.
    Length { mistake: Mistake, why: String, length: usize },
    /// The answer does not depend on the incoming gradient.
    IgnoresUpstream,
    /// There should be no gradient here.
    NoGradient(String),
    /// An input for which a naive formula overflows or loses precision.
    Extreme,
    /// The last two axes are an image, so shifts by one are possible.
    Image,
}

/// A question, the right answer and the learner's answer.
#[derive(Clone, Debug)]
pub struct Question {
    pub(crate) what: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) expected: Vec<f64>,
    pub(crate) got: Answer<Vec<f64>>,
    pub(crate) clues: Vec<Clue>,
}

impl Question {
    /// A question for `what`, of this shape, with the right answer and the learner's answer.
    ///
    /// # Panics
    /// If `expected` does not have the shape: a mistake of the judge.
    pub fn new(what: impl Into<String>, shape: &[usize], expected: Vec<f64>, got: Answer<Vec<f64>>) -> Self {
        let what = what.into();
        assert_eq!(expected.len(), shape.iter().product::<usize>(), "{what}: the expected answer has another shape");
        Self { what, shape: shape.to_vec(), expected, got, clues: vec![] }
    }

    /// Asks for a derivative rule: the gradient of <forward(x), gy> with respect to x, for
    /// `attempt` with gy as its argument. The right answer is computed element by element with
    /// central differences.
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

    /// The mistake gives exactly these numbers.
    pub fn suspect(self, mistake: Mistake, why: impl Into<String>, numbers: Vec<f64>) -> Self {
        self.with(Clue::Suspect { mistake, why: why.into(), numbers })
    }

    /// The right answer is the sum of these parts; the mistake leaves out some of them.
    pub fn parts<N: Into<String>>(self, mistake: Mistake, parts: impl IntoIterator<Item = (N, Vec<f64>)>) -> Self {
        self.with(Clue::Parts { mistake, parts: parts.into_iter().map(|(name, part)| (name.into(), part)).collect() })
    }

    /// The mistake affects only the elements in the mask.
    pub fn region(self, mistake: Mistake, name: &str, mask: Vec<bool>) -> Self {
        self.with(Clue::Region { mistake, name: name.into(), mask })
    }

    /// The meaning of a constant ratio of this size.
    pub fn factor(self, name: &str, value: f64) -> Self {
        self.with(Clue::Factor { name: name.into(), value })
    }

    /// The mistake gives an answer of this length.
    pub fn length(self, mistake: Mistake, why: &str, length: usize) -> Self {
        self.with(Clue::Length { mistake, why: why.into(), length })
    }

    /// There should be no gradient here, for this reason.
    pub fn no_gradient(self, why: &str) -> Self {
        self.with(Clue::NoGradient(why.into()))
    }

    /// The input is extreme: each element must be accurate by itself, even next to large ones.
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

/// Numbers between -2 and 2, none of them near 0, determined by the seed.
pub fn numbers(seed: u32, shape: &[usize]) -> Tensor<f64> {
    sample(Domain::AwayFromZero, seed, shape)
}

/// The gradient of <forward(x), gy> with respect to x, element by element with central differences.
pub fn slopes(x: &Tensor<f64>, gy: &Tensor<f64>, forward: impl Fn(&Var<f64>) -> Var<f64>) -> Vec<f64> {
    let moved = |i: usize, t: f64| {
        let mut x = x.clone();
        x.data_mut()[i] += t;
        dot(forward(&Var::constant(x)).value().data(), gy.data())
    };
    (0..x.size()).map(|i| derivative(|t| moved(i, t))).collect()
}

/// The dot product.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A constant of the engine.
pub fn constant<T: Element>(value: &Tensor<T>) -> Var<T> {
    Var::constant(value.clone())
}
