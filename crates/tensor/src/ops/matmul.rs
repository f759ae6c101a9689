//! `matmul`: the product of two matrices, each optionally transposed.
//!
//! c = a b, that is c(i,j) = sum over k of a(i,k) b(k,j). As <a b, g> is linear in a, b and g, the
//! gradients are products too: ga = g b^T and gb = a^T g. Each factor is saved if the gradient of
//! the other one is needed. With the two transposition flags the family {a b, a b^T, a^T b, a^T
//! b^T} is closed at every order, and nothing is ever transposed in memory.

use kernels::{Element, Gemm, Precision};

use crate::meta;
use crate::ops::{Case, Domain, Entry, sample};
use crate::shape::Shape;
use crate::{Attributes, Call, Op, Replay, Rows, Saves, Tensor, Var};

/// The registry entry.
pub const ENTRY: Entry = Entry {
    name: "matmul",
    idea: "Every row of one matrix times every column of another.",
    forward: "c = a * b",
    rule: "ga = gc * b^T, gb = a^T * gc",
    derivation: &[
        "c(i,j) = sum over k of a(i,k) * b(k,j)",
        "a(i,k) is in row i of c only, each time times b(k,j):",
        "ga(i,k) = sum over j of gc(i,j) * b(k,j): that is gc * b^T",
        "b(k,j) is in column j of c only, each time times a(i,k):",
        "gb(k,j) = sum over i of a(i,k) * gc(i,j): that is a^T * gc",
    ],
    saved: "b for the gradient with respect to a, a for that with respect to b; only what is needed",
    shape: "(m, k) by (k, n) to (m, n); a factor may be stored transposed",
    cost: "m * n * k multiply-adds forward; the same again backward for each of ga and gb",
    chapter: "c07_matmul",
    file: file!(),
    cases,
};

fn cases() -> Vec<Case> {
    let sizes = [[1, 1, 1], [1, 2, 3], [3, 1, 2], [2, 3, 1], [7, 5, 3], [4, 4, 4], [11, 2, 5], [2, 13, 17]];
    let mut cases = Vec::new();
    for [m, n, k] in sizes {
        for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
            let a = sample(Domain::Any, 1, &if ta { [k, m] } else { [m, k] });
            let b = sample(Domain::Any, 2, &if tb { [n, k] } else { [k, n] });
            let label = format!("{m}x{k} by {k}x{n}, transposed: {ta} {tb}");
            cases.push(Case::new(label, vec![a, b], move |v| v[0].matmul_transposed(&v[1], ta, tb)));
        }
    }
    let square = sample(Domain::Any, 3, &[5, 5]);
    cases.push(Case::new("a matrix by itself", vec![square], |v| v[0].matmul(&v[0])));
    cases
}

struct Matmul {
    transpose_a: bool,
    transpose_b: bool,
    precision: Precision,
}

impl<T: Element> Var<T> {
    /// The matrix product of `self`, (m, k), and `other`, (k, n): (m, n).
    ///
    /// # Panics
    /// When they are not matrices, or k differs.
    #[track_caller]
    pub fn matmul(&self, other: &Self) -> Self {
        self.matmul_transposed(other, false, false)
    }

    /// As [`matmul`](Var::matmul), with `self` stored (k, m) if `transpose_a`, `other` stored (n,
    /// k) if `transpose_b`.
    ///
    /// # Panics
    /// When they are not matrices, or k differs.
    #[track_caller]
    pub fn matmul_transposed(&self, other: &Self, transpose_a: bool, transpose_b: bool) -> Self {
        self.product(other, Matmul { transpose_a, transpose_b, precision: Precision::F32 })
    }

    /// As [`matmul`](Var::matmul), in this precision. So are all products of its gradients.
    ///
    /// # Panics
    /// When they are not matrices, or k differs.
    #[track_caller]
    pub fn matmul_in(&self, precision: Precision, other: &Self) -> Self {
        self.product(other, Matmul { transpose_a: false, transpose_b: false, precision })
    }

    #[track_caller]
    fn product(&self, other: &Self, op: Matmul) -> Self {
        let Matmul { transpose_a, transpose_b, precision } = op;
        let (&[a0, a1], &[b0, b1]) = (&**self.shape(), &**other.shape()) else {
            panic!("matmul: {} and {} are not both matrices", self.shape(), other.shape())
        };
        let (m, k) = if transpose_a { (a1, a0) } else { (a0, a1) };
        let (inner, n) = if transpose_b { (b1, b0) } else { (b0, b1) };
        assert!(k == inner, "matmul: {m}x{k} by {inner}x{n}: the first has {k} columns, the second {inner} rows");
        let gemm = Gemm { m, n, k, transpose_a, transpose_b, precision };
        meta::multiply::<T>(gemm);
        let c = Tensor::written([m, n], |c| T::gemm(gemm, self.value().data(), other.value().data(), c));
        Self::record(op, &[self, other], c)
    }
}

impl<T: Element> Op<T> for Matmul {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn attributes(&self) -> String {
        let read = |name, transposed| if transposed { format!("{name}^T") } else { String::from(name) };
        let precision = if self.precision == Precision::F32 { "" } else { " bf16" };
        format!("{} {}{precision}", read("a", self.transpose_a), read("b", self.transpose_b))
    }

    fn attribute_data(&self) -> Attributes {
        Attributes::Matmul { transposed: [self.transpose_a, self.transpose_b] }
    }

    fn saves(&self, tracked: &[bool]) -> Saves {
        Saves::input(1).when(tracked[0]).and(Saves::input(0).when(tracked[1]))
    }

    fn replay(&self) -> Option<&dyn Replay> {
        self.as_replay()
    }

    /// `ga = gc * b^T, gb = a^T * gc`
    fn vjp(&self, call: &Call<T>, gc: &Var<T>) -> Vec<Option<Var<T>>> {
        let (ta, tb, precision) = (self.transpose_a, self.transpose_b, self.precision);
        let product = |a: &Var<T>, b: &Var<T>, transpose_a, transpose_b| {
            a.product(b, Matmul { transpose_a, transpose_b, precision })
        };
        let ga = || match ta {
            false => product(gc, &call.input(1), false, !tb),
            true => product(&call.input(1), gc, tb, true),
        };
        let gb = || match tb {
            false => product(&call.input(0), gc, !ta, false),
            true => product(gc, &call.input(0), true, ta),
        };
        vec![call.wants(0).then(ga), call.wants(1).then(gb)]
    }
}

impl Replay for Matmul {
    fn on(&self, inputs: &[Var<f64>], _shape: Shape) -> Var<f64> {
        inputs[0].matmul_transposed(&inputs[1], self.transpose_a, self.transpose_b)
    }

    fn rows(&self) -> Rows {
        if self.transpose_a { Rows::Whole } else { Rows::First }
    }
}
