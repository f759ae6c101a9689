//! Element-wise functions of one and of two slices.
//!
//! Which function it is gets decided once, outside the loop: each is a small struct with one method on vectors, and
//! the loop is compiled for each of them. The simple ones compute exactly what [`reference`](crate::reference) does,
//! operation for operation; the others are those of [`math`].

use crate::columns::{self, Layout, Spot, Terms};
use crate::element::{Binary, Unary};
use crate::math;
use crate::pieces::{AHEAD, GRAIN, Pieces, for_each_piece};
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// A function of one vector.
trait UnaryOp: Copy + Sync {
    fn apply<S: Simd>(self, s: S, x: S::F) -> S::F;
}

/// A function of two vectors.
trait BinaryOp: Copy + Sync {
    fn apply<S: Simd>(self, s: S, a: S::F, b: S::F) -> S::F;
}

/// Declares a struct for each function: its name, its numbers, its formula.
macro_rules! ops {
    ($Trait:ident: $($Op:ident { $($field:ident),* } |$s:ident, $($x:ident),+| $formula:expr;)+) => {$(
        #[derive(Clone, Copy)]
        struct $Op { $($field: f32),* }
        impl $Trait for $Op {
            #[inline(always)]
            fn apply<S: Simd>(self, $s: S, $($x: S::F),+) -> S::F {
                $(let $field = $s.splat(self.$field);)*
                $formula
            }
        }
    )+};
}

ops! { UnaryOp:
    Affine { scale, shift } |s, x| s.mul_add(x, scale, shift);
    Square {} |s, x| s.mul(x, x);
    Sqrt {} |s, x| s.sqrt(x);
    Reciprocal {} |s, x| s.div(s.splat(1.0), x);
    Exp {} |s, x| math::exp(s, x);
    Log {} |s, x| math::log(s, x);
    LeakyRelu { slope } |s, x| s.select(s.less(s.zero(), x), x, s.mul(x, slope));
    Abs {} |s, x| s.abs(x);
    Sigmoid {} |s, x| math::sigmoid(s, x);
    Tanh {} |s, x| math::tanh(s, x);
    Softplus {} |s, x| math::softplus(s, x);
    Clamp { low, high } |s, x| s.min(s.max(x, low), high);
}

ops! { BinaryOp:
    Add {} |s, a, b| s.add(a, b);
    Sub {} |s, a, b| s.sub(a, b);
    Mul {} |s, a, b| s.mul(a, b);
    Div {} |s, a, b| s.div(a, b);
    LeakyReluGrad { slope } |s, x, g| s.select(s.less(s.zero(), x), g, s.mul(g, slope));
    AbsGrad {} |s, x, g| {
        let negative = s.select(s.less(x, s.zero()), s.neg(g), s.zero());
        s.select(s.less(s.zero(), x), g, negative)
    };
    ClampGrad { low, high } |s, x, g| {
        let inside = s.select(s.less_equal(x, high), g, s.zero());
        s.select(s.less_equal(low, x), inside, s.zero())
    };
    SigmoidGrad {} |s, y, g| s.mul(g, s.mul(y, s.sub(s.splat(1.0), y)));
    TanhGrad {} |s, y, g| s.mul(g, s.sub(s.splat(1.0), s.mul(y, y)));
    SoftplusGrad {} |s, x, g| s.mul(g, math::sigmoid(s, x));
}

/// One piece of a function of one slice.
struct Map<'a, Op> {
    op: Op,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl<Op: UnaryOp> Kernel for Map<'_, Op> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (x, x_rest) = self.x.as_chunks::<LANES>();
        let (y, y_rest) = self.y.as_chunks_mut::<LANES>();
        for (x, y) in x.iter().zip(y) {
            s.store(self.op.apply(s, s.load(x)), y);
        }
        if !x_rest.is_empty() {
            s.store_part(self.op.apply(s, s.load_part(x_rest)), y_rest);
        }
    }
}

/// One piece of a function of two slices.
struct Zip<'a, Op> {
    op: Op,
    a: &'a [f32],
    b: &'a [f32],
    y: &'a mut [f32],
}

impl<Op: BinaryOp> Kernel for Zip<'_, Op> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (a, a_rest) = self.a.as_chunks::<LANES>();
        let (b, b_rest) = self.b.as_chunks::<LANES>();
        let (y, y_rest) = self.y.as_chunks_mut::<LANES>();
        for ((a, b), y) in a.iter().zip(b).zip(y) {
            s.store(self.op.apply(s, s.load(a), s.load(b)), y);
        }
        if !a_rest.is_empty() {
            s.store_part(self.op.apply(s, s.load_part(a_rest), s.load_part(b_rest)), y_rest);
        }
    }
}

/// What is done with a function of two vectors once it is known which.
trait Visit {
    fn visit(self, op: impl BinaryOp);
}

/// Turns the name of a function of two numbers into the function.
fn choose(op: Binary, visitor: impl Visit) {
    match op {
        Binary::Add => visitor.visit(Add {}),
        Binary::Sub => visitor.visit(Sub {}),
        Binary::Mul => visitor.visit(Mul {}),
        Binary::Div => visitor.visit(Div {}),
        Binary::LeakyReluGrad { slope } => visitor.visit(LeakyReluGrad { slope: slope as f32 }),
        Binary::AbsGrad => visitor.visit(AbsGrad {}),
        Binary::ClampGrad { low, high } => visitor.visit(ClampGrad { low: low as f32, high: high as f32 }),
        Binary::SigmoidGrad => visitor.visit(SigmoidGrad {}),
        Binary::TanhGrad => visitor.visit(TanhGrad {}),
        Binary::SoftplusGrad => visitor.visit(SoftplusGrad {}),
    }
}

/// See [`Element::unary`](crate::Element::unary).
pub(crate) fn unary(op: Unary, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "{op:?}: lengths of x and y");
    match op {
        Unary::Affine { scale, shift } => map(Affine { scale: scale as f32, shift: shift as f32 }, x, y),
        Unary::Square => map(Square {}, x, y),
        Unary::Sqrt => map(Sqrt {}, x, y),
        Unary::Reciprocal => map(Reciprocal {}, x, y),
        Unary::Exp => map(Exp {}, x, y),
        Unary::Log => map(Log {}, x, y),
        Unary::LeakyRelu { slope } => map(LeakyRelu { slope: slope as f32 }, x, y),
        Unary::Abs => map(Abs {}, x, y),
        Unary::Sigmoid => map(Sigmoid {}, x, y),
        Unary::Tanh => map(Tanh {}, x, y),
        Unary::Softplus => map(Softplus {}, x, y),
        Unary::Clamp { low, high } => map(Clamp { low: low as f32, high: high as f32 }, x, y),
    }
}

fn map(op: impl UnaryOp, x: &[f32], y: &mut [f32]) {
    for_each_piece((Pieces::new(x, GRAIN), Pieces::new(y, GRAIN)), |_, (x, y)| dispatch(Map { op, x, y }));
}

/// See [`Element::binary`](crate::Element::binary).
pub(crate) fn binary(op: Binary, a: &[f32], b: &[f32], y: &mut [f32]) {
    assert_eq!((a.len(), b.len()), (y.len(), y.len()), "{op:?}: lengths of a and b, and of y");
    struct Whole<'a>(&'a [f32], &'a [f32], &'a mut [f32]);
    impl Visit for Whole<'_> {
        fn visit(self, op: impl BinaryOp) {
            let pieces = (Pieces::new(self.0, GRAIN), Pieces::new(self.1, GRAIN), Pieces::new(self.2, GRAIN));
            for_each_piece(pieces, |_, (a, b, y)| dispatch(Zip { op, a, b, y }));
        }
    }
    choose(op, Whole(a, b, y));
}

/// Sixteen values of op(a, row).
#[derive(Clone, Copy)]
struct WithRow<'a, Op> {
    op: Op,
    a: &'a [f32],
    row: &'a [f32],
}

impl<Op: BinaryOp> Terms<1> for WithRow<'_, Op> {
    #[inline(always)]
    fn terms<S: Simd>(self, s: S, spot: Spot) -> [S::F; 1] {
        [self.op.apply(s, spot.of(s, self.a), spot.pattern(s, self.row))]
    }
}

/// See [`Element::binary_rows`](crate::Element::binary_rows).
pub(crate) fn binary_rows(op: Binary, a: &[f32], row: &[f32], y: &mut [f32]) {
    assert_eq!(a.len(), y.len(), "{op:?}: lengths of a and y");
    if a.is_empty() {
        return;
    }
    assert!(!row.is_empty(), "{op:?}: an empty row for {} elements", a.len());
    assert!(a.len().is_multiple_of(row.len()), "{op:?}: {} elements are not whole rows of {}", a.len(), row.len());
    if a.len() == row.len() {
        return binary(op, a, row, y);
    }
    struct Rows<'a>(Layout, &'a [f32], &'a [f32], &'a mut [f32]);
    impl Visit for Rows<'_> {
        fn visit(self, op: impl BinaryOp) {
            columns::map(self.0, WithRow { op, a: self.1, row: self.2 }, self.3);
        }
    }
    let layout = Layout::new(row.len());
    choose(op, Rows(layout, a, &layout.pattern(row), y));
}

/// One piece of a count.
struct CountNonFinite<'a>(&'a [f32]);

impl Kernel for CountNonFinite<'_> {
    type Output = usize;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> usize {
        let (x, rest) = self.0.as_chunks::<LANES>();
        // Lane by lane, in floats: exact, as no lane of a piece counts to 2^24.
        let mut counts = s.zero();
        for x in x {
            s.prefetch(x, AHEAD);
            let finite = s.less(s.abs(s.load(x)), s.splat(f32::INFINITY));
            counts = s.add(counts, s.select(finite, s.zero(), s.splat(1.0)));
        }
        s.sum_lanes(counts) as usize + rest.iter().filter(|x| !x.is_finite()).count()
    }
}

/// See [`Element::count_non_finite`](crate::Element::count_non_finite).
pub(crate) fn count_non_finite(x: &[f32]) -> usize {
    let mut counts = vec![0; x.len().div_ceil(GRAIN)];
    for_each_piece((Pieces::new(x, GRAIN), Pieces::new(&mut counts[..], 1)), |_, (x, count)| {
        count[0] = dispatch(CountNonFinite(x));
    });
    counts.iter().sum()
}

#[cfg(test)]
mod tests;
