//! [`Mistake`]: what can be wrong with a gradient, and what to do about it.

use core::fmt;

/// The kinds of mistakes that the checker can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mistake {
    /// Only zeros: nothing is written yet, or nothing comes of it.
    Unwritten,
    /// The wrong sign.
    Sign,
    /// A constant factor too much or too little.
    Factor,
    /// A transposed matrix, a turned kernel, exchanged operands.
    Transposed,
    /// A gradient that was not summed back over the axis that broadcasting had repeated.
    NotSummed,
    /// Contributions that replace each other instead of adding up.
    Overwritten,
    /// The right slope on the wrong side of a kink, or the wrong elements chosen by a mask.
    Mask,
    /// Off at the border, or shifted by one.
    Border,
    /// The local slope without the gradient that arrives.
    UpstreamIgnored,
    /// Right at first, and then with the gradient of the last time in it.
    NotCleared,
    /// A gradient where none may arrive.
    MissingCut,
    /// No gradient where one must pass.
    WrongCut,
    /// Infinite, NaN, or without correct digits at extreme inputs.
    Unstable,
    /// Summed, averaged or counted over the wrong axis.
    Axis,
    /// A term that is missing or in the wrong place.
    Formula,
    /// The wrong number of elements.
    Shape,
    /// A panic.
    Crash,
    /// None of the patterns that are known.
    Unknown,
}

impl Mistake {
    /// Its name, and what to look for.
    fn words(self) -> [&'static str; 2] {
        match self {
            Self::Unwritten => {
                ["only zeros", "Nothing is written yet; or is everything multiplied with something that starts as 0?"]
            }
            Self::Sign => [
                "wrong sign",
                "The size is right, but it points the other way. Look for a minus that is missing or one too many.",
            ],
            Self::Factor => [
                "wrong factor",
                "Look for a constant that is missing or one too many: a 2 from a square, a 1/n from a mean, a division.",
            ],
            Self::Transposed => [
                "transposed or exchanged operands",
                "The right numbers meet in the wrong places. Write the forward formula with its indices, and see who meets whom.",
            ],
            Self::NotSummed => [
                "not summed over the broadcast axis",
                "What was repeated on the way forward is summed on the way back: each copy brings a gradient.",
            ],
            Self::Overwritten => [
                "overwritten instead of accumulated",
                "Something that is used several times gets several contributions. They add up: `+=`, not `=`.",
            ],
            Self::Mask => [
                "wrong mask",
                "Right on one side, wrong on the other. Look at the condition that decides which elements pass, and at what the others get.",
            ],
            Self::Border => [
                "border or offset by one",
                "Look at where loops and windows begin and end, and at the first and the last row and column: an index may be off by one.",
            ],
            Self::UpstreamIgnored => [
                "the gradient that arrives is ignored",
                "The answer stays the same whatever the loss makes of y. The chain rule says: gy times the local slope.",
            ],
            Self::NotCleared => [
                "not cleared",
                "The first call is right, the next one has the gradient of the call before in it. Start each time from 0.",
            ],
            Self::MissingCut => [
                "missing cut or freeze",
                "A gradient arrives where none may. Which network learns in this step? Everything else has to be a constant.",
            ],
            Self::WrongCut => [
                "cut in the wrong place",
                "No gradient arrives at what has to learn. Look for a value that became a constant on the way.",
            ],
            Self::Unstable => [
                "numerically unstable",
                "Something overflows, divides by 0, leaves the domain of a root or a logarithm, or drowns next to a 1.",
            ],
            Self::Axis => [
                "the wrong axis",
                "The arithmetic is fine, but it runs over the wrong elements. Say it in words: for each of what, over all of what?",
            ],
            Self::Formula => [
                "a term is missing or in the wrong place",
                "Part of the formula is there. Derive it once more, one step at a time, and compare line by line.",
            ],
            Self::Shape => {
                ["wrong shape", "A gradient has as many elements as what it is the gradient of. Count what you return."]
            }
            Self::Crash => {
                ["it stopped", "Your function did not come to its end. Look at the line that the message names."]
            }
            Self::Unknown => [
                "no mistake that I know",
                "Start with one element of the list below and work it out on paper: that tells more than a guess.",
            ],
        }
    }

    /// What to look for.
    pub fn advice(self) -> &'static str {
        self.words()[1]
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words()[0])
    }
}
