//! [`Mistake`]: what can be wrong with a gradient, and how to find it.

use core::fmt;

/// A mistake that the checker recognises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mistake {
    /// Only zeros: the function is unwritten, or multiplies by zero.
    Unwritten,
    /// The wrong sign.
    Sign,
    /// A constant factor that is missing or superfluous.
    Factor,
    /// A transposed matrix, a rotated kernel, swapped operands.
    Transposed,
    /// A gradient that is not summed over the broadcast axis.
    NotSummed,
    /// Contributions that overwrite each other instead of accumulating.
    Overwritten,
    /// The right slope on the wrong side of a kink, or a mask with the wrong elements.
    Mask,
    /// Wrong at the border, or shifted by one.
    Border,
    /// The local slope without the incoming gradient.
    UpstreamIgnored,
    /// Right at first, then with the previous gradient included.
    NotCleared,
    /// A gradient where there should be none.
    MissingCut,
    /// No gradient where there should be one.
    WrongCut,
    /// Infinite, NaN, or inaccurate for extreme inputs.
    Unstable,
    /// Summed, averaged or counted over the wrong axis.
    Axis,
    /// A term that is missing or in the wrong place.
    Formula,
    /// The wrong number of elements.
    Shape,
    /// A panic.
    Crash,
    /// None of the known patterns.
    Unknown,
}

impl Mistake {
    /// The name, and advice for finding the mistake.
    fn words(self) -> [&'static str; 2] {
        match self {
            Self::Unwritten => {
                ["only zeros", "Nothing is written yet, or everything is multiplied by something that starts as 0."]
            }
            Self::Sign => [
                "wrong sign",
                "The magnitude is right, but the sign is not. Look for a minus that is missing or superfluous.",
            ],
            Self::Factor => [
                "wrong factor",
                "Look for a constant factor that is missing or superfluous: a 2 from a square, a 1/n from a mean, a division.",
            ],
            Self::Transposed => [
                "transposed or swapped operands",
                "The right numbers are combined at the wrong positions. Write the forward formula with its indices, and check which elements are multiplied.",
            ],
            Self::NotSummed => [
                "not summed over the broadcast axis",
                "Broadcasting repeats a value in the forward pass, so the backward pass sums the gradients of its copies.",
            ],
            Self::Overwritten => [
                "overwritten instead of accumulated",
                "A value that is used several times gets several contributions. They must be added: `+=`, not `=`.",
            ],
            Self::Mask => [
                "wrong mask",
                "Right for some elements, wrong for others. Check the condition that selects them, and what the others get.",
            ],
            Self::Border => [
                "border or offset by one",
                "Check where loops and windows begin and end, and the first and the last row and column: an index may be off by one.",
            ],
            Self::UpstreamIgnored => [
                "the incoming gradient is ignored",
                "The answer does not depend on gy. By the chain rule it is gy times the local slope.",
            ],
            Self::NotCleared => [
                "not cleared",
                "The first call is right, but the next one includes the gradient of the previous call. Start from 0 each time.",
            ],
            Self::MissingCut => [
                "missing cut or freeze",
                "A gradient arrives where there should be none. Which network learns in this step? Everything else must be a constant.",
            ],
            Self::WrongCut => [
                "cut in the wrong place",
                "No gradient reaches what should learn. Look for a value that became a constant on the way.",
            ],
            Self::Unstable => [
                "numerically unstable",
                "Something overflows, divides by 0, leaves the domain of a root or a logarithm, or vanishes when added to 1.",
            ],
            Self::Axis => [
                "the wrong axis",
                "The arithmetic is right, but it runs over the wrong elements. Say in words: for each of what, over all of what?",
            ],
            Self::Formula => [
                "a term is missing or in the wrong place",
                "Part of the formula is right. Derive it again, one step at a time, and compare line by line.",
            ],
            Self::Shape => {
                ["wrong shape", "A gradient has the same number of elements as its variable. Count what you return."]
            }
            Self::Crash => ["it did not finish", "Your function did not return. Look at the line in the message."],
            Self::Unknown => ["not a known mistake", "Compute one element of the list below on paper and compare."],
        }
    }

    /// Advice for finding the mistake.
    pub fn advice(self) -> &'static str {
        self.words()[1]
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words()[0])
    }
}
