//! Instruction sets with registers of 128 bits: a vector is four of them.
//!
//! [`Registers128`] declares the operations on one register, in which these sets differ. This file
//! implements what they share: how vectors consist of registers, and how squares are transposed.

use super::{LANES, RegisterTiles, SQUARE, Simd};

/// The operations of [`Simd`] on one register, for instruction sets that every CPU of the target
/// has. A token that implements this trait implements `Simd`.
///
/// Implementations mark every method `#[inline(always)]`.
pub trait Registers128: Copy + Send + Sync + 'static {
    /// The register tiles of this instruction set.
    const TILES: RegisterTiles;
    /// 4 floats.
    type F4: Copy;
    /// 4 words.
    type U4: Copy;
    /// 4 results of a comparison.
    type M4: Copy;

    /// Loads 4 floats.
    ///
    /// # Safety
    /// There are 4 floats at `from`. Any alignment will do.
    unsafe fn load_4(self, from: *const f32) -> Self::F4;
    /// Stores 4 floats.
    ///
    /// # Safety
    /// There is room for 4 floats at `to`. Any alignment will do.
    unsafe fn store_4(self, x: Self::F4, to: *mut f32);
    /// The words of a and b alternately: a0, b0, a1, b1, and a2, b2, a3, b3.
    fn interleave_u(self, a: Self::U4, b: Self::U4) -> (Self::U4, Self::U4);
    /// The multiply-add of whole vectors rather than registers: a set without such an instruction
    /// needs only one test to find out whether any lane of the vectors needs more work.
    fn mul_add(self, a: [Self::F4; 4], b: [Self::F4; 4], c: [Self::F4; 4]) -> [Self::F4; 4];

    // As in `Simd`.
    fn splat(self, x: f32) -> Self::F4;
    fn add(self, a: Self::F4, b: Self::F4) -> Self::F4;
    fn sub(self, a: Self::F4, b: Self::F4) -> Self::F4;
    fn mul(self, a: Self::F4, b: Self::F4) -> Self::F4;
    fn div(self, a: Self::F4, b: Self::F4) -> Self::F4;
    fn sqrt(self, a: Self::F4) -> Self::F4;
    fn less(self, a: Self::F4, b: Self::F4) -> Self::M4;
    fn less_equal(self, a: Self::F4, b: Self::F4) -> Self::M4;
    fn equal(self, a: Self::F4, b: Self::F4) -> Self::M4;
    fn select(self, m: Self::M4, yes: Self::F4, no: Self::F4) -> Self::F4;
    fn float_to_bits(self, a: Self::F4) -> Self::U4;
    fn bits_to_float(self, a: Self::U4) -> Self::F4;
    fn splat_u(self, x: u32) -> Self::U4;
    fn add_u(self, a: Self::U4, b: Self::U4) -> Self::U4;
    fn mul_even_u(self, a: Self::U4, b: Self::U4) -> Self::U4;
    fn swap_pairs_u(self, a: Self::U4) -> Self::U4;
    fn interleave_pairs_u(self, a: Self::U4, b: Self::U4) -> (Self::U4, Self::U4);
    fn and_u(self, a: Self::U4, b: Self::U4) -> Self::U4;
    fn or_u(self, a: Self::U4, b: Self::U4) -> Self::U4;
    fn xor_u(self, a: Self::U4, b: Self::U4) -> Self::U4;
    fn shift_left_u<const N: u32>(self, a: Self::U4) -> Self::U4;
    fn shift_right_u<const N: u32>(self, a: Self::U4) -> Self::U4;
    fn less_u(self, a: Self::U4, b: Self::U4) -> Self::M4;
}

/// Declares methods that apply an operation to each register. The body of `add(a: F, b: F) -> F` is
/// `[T::add(self, a[0], b[0]), ..., T::add(self, a[3], b[3])]`, where `T` implements
/// [`Registers128`].
macro_rules! on_each_register {
    ($($name:ident($($x:ident: $X:ident),+) -> $R:ident;)+) => {$(
        #[inline(always)]
        fn $name(self, $($x: Self::$X),+) -> Self::$R {
            [
                <T as Registers128>::$name(self, $($x[0]),+),
                <T as Registers128>::$name(self, $($x[1]),+),
                <T as Registers128>::$name(self, $($x[2]),+),
                <T as Registers128>::$name(self, $($x[3]),+),
            ]
        }
    )+};
}

impl<T: Registers128> Simd for T {
    const TILES: RegisterTiles = <T as Registers128>::TILES;
    type F = [T::F4; 4];
    type U = [T::U4; 4];
    type M = [T::M4; 4];

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F {
        [Registers128::splat(self, x); 4]
    }
    #[inline(always)]
    fn splat_u(self, x: u32) -> Self::U {
        [Registers128::splat_u(self, x); 4]
    }
    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> Self::F {
        let x = x.as_ptr();
        // SAFETY: these are the 16 floats of `x`.
        unsafe { [self.load_4(x), self.load_4(x.add(4)), self.load_4(x.add(8)), self.load_4(x.add(12))] }
    }
    #[inline(always)]
    fn store(self, x: Self::F, to: &mut [f32; LANES]) {
        let to = to.as_mut_ptr();
        // SAFETY: these are the 16 floats of `to`.
        unsafe {
            self.store_4(x[0], to);
            self.store_4(x[1], to.add(4));
            self.store_4(x[2], to.add(8));
            self.store_4(x[3], to.add(12));
        }
    }
    on_each_register! {
        add(a: F, b: F) -> F;
        sub(a: F, b: F) -> F;
        mul(a: F, b: F) -> F;
        div(a: F, b: F) -> F;
        sqrt(a: F) -> F;
        less(a: F, b: F) -> M;
        less_equal(a: F, b: F) -> M;
        equal(a: F, b: F) -> M;
        select(m: M, yes: F, no: F) -> F;
        float_to_bits(a: F) -> U;
        bits_to_float(a: U) -> F;
        add_u(a: U, b: U) -> U;
        mul_even_u(a: U, b: U) -> U;
        swap_pairs_u(a: U) -> U;
        and_u(a: U, b: U) -> U;
        or_u(a: U, b: U) -> U;
        xor_u(a: U, b: U) -> U;
        less_u(a: U, b: U) -> M;
    }
    #[inline(always)]
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        Registers128::mul_add(self, a, b, c)
    }
    #[inline(always)]
    fn interleave_pairs_u(self, a: Self::U, b: Self::U) -> (Self::U, Self::U) {
        let mut both = (a, b);
        for i in 0..4 {
            (both.0[i], both.1[i]) = Registers128::interleave_pairs_u(self, a[i], b[i]);
        }
        both
    }
    #[inline(always)]
    fn shift_left_u<const N: u32>(self, mut a: Self::U) -> Self::U {
        for a in &mut a {
            *a = Registers128::shift_left_u::<N>(self, *a);
        }
        a
    }
    #[inline(always)]
    fn shift_right_u<const N: u32>(self, mut a: Self::U) -> Self::U {
        for a in &mut a {
            *a = Registers128::shift_right_u::<N>(self, *a);
        }
        a
    }

    /// Transposes blocks of 4x4, each in two rounds of exchanges.
    #[inline(always)]
    fn transpose(self, rows: [&[f32; SQUARE]; SQUARE], to: &mut [f32], stride: usize) {
        assert!(to.len() >= (SQUARE - 1) * stride + SQUARE);
        let to = to.as_mut_ptr();
        for half in [0, 4] {
            let columns = |first: usize| {
                // SAFETY: `half` is 0 or 4, so these are four of the eight floats of the row.
                let row = |r: usize| unsafe { self.load_4(rows[first + r].as_ptr().add(half)) };
                let row = |r: usize| Registers128::float_to_bits(self, row(r));
                let (ab_low, ab_high) = self.interleave_u(row(0), row(1));
                let (cd_low, cd_high) = self.interleave_u(row(2), row(3));
                let (column_0, column_1) = Registers128::interleave_pairs_u(self, ab_low, cd_low);
                let (column_2, column_3) = Registers128::interleave_pairs_u(self, ab_high, cd_high);
                [column_0, column_1, column_2, column_3]
            };
            for (c, (upper, lower)) in columns(0).into_iter().zip(columns(4)).enumerate() {
                let [upper, lower] = [upper, lower].map(|half| Registers128::bits_to_float(self, half));
                // SAFETY: column half + c <= 7, so the 8 floats are inside `to` by the assertion.
                unsafe {
                    let to = to.add((half + c) * stride);
                    self.store_4(upper, to);
                    self.store_4(lower, to.add(4));
                }
            }
        }
    }
}
