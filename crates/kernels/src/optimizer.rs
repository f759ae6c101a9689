//! Optimiser updates: each reads a gradient and updates its state and the parameters, in one pass
//! over memory.
//!
//! * RMSprop: Tieleman and Hinton, "Lecture 6.5", 2012, in the form of Keras.
//! * Adam: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, in PyTorch's form.
//! * Momentum: Polyak 1964; Nesterov's form after Sutskever et al., "On the importance of
//!   initialization and momentum in deep learning", 2013.
//!
//! [`RmsProp`], [`Adam`] and [`Sgd`] give the formulas. The operations and their order are those of
//! [`reference`](crate::reference), each correctly rounded, so the bits are the same.

use crate::arguments::{Adam, RmsProp, Sgd};
use crate::pieces::{AHEAD, GRAIN, Pieces, for_each_piece};
use crate::reference::power;
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// The update of 16 parameters: from the gradient, `N` numbers of state and the parameter to the
/// new state and parameter.
trait Update<const N: usize>: Copy + Sync {
    fn step<S: Simd>(self, s: S, g: S::F, state: [S::F; N], theta: S::F) -> ([S::F; N], S::F);
}

/// One piece of an update.
struct Piece<'a, U, const N: usize> {
    update: U,
    g: &'a [f32],
    state: [&'a mut [f32]; N],
    theta: &'a mut [f32],
}

impl<U: Update<N>, const N: usize> Kernel for Piece<'_, U, N> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (g, g_rest) = self.g.as_chunks::<LANES>();
        let (theta, theta_rest) = self.theta.as_chunks_mut::<LANES>();
        let state = self.state.map(|state| state.as_chunks_mut::<LANES>());
        for (i, (g, theta)) in g.iter().zip(theta).enumerate() {
            s.prefetch(g, AHEAD);
            s.prefetch(theta, AHEAD);
            let mut old = [s.zero(); N];
            for n in 0..N {
                s.prefetch(&state[n].0[i], AHEAD);
                old[n] = s.load(&state[n].0[i]);
            }
            let (new, stepped) = self.update.step(s, s.load(g), old, s.load(theta));
            for n in 0..N {
                s.store(new[n], &mut state[n].0[i]);
            }
            s.store(stepped, theta);
        }
        if !g_rest.is_empty() {
            let mut old = [s.zero(); N];
            for n in 0..N {
                old[n] = s.load_part(state[n].1);
            }
            let (new, stepped) = self.update.step(s, s.load_part(g_rest), old, s.load_part(theta_rest));
            for n in 0..N {
                s.store_part(new[n], state[n].1);
            }
            s.store_part(stepped, theta_rest);
        }
    }
}

#[derive(Clone, Copy)]
struct RmsPropStep {
    rate: f32,
    rho: f32,
    rest: f32,
    epsilon: f32,
    clip: f32,
}

impl Update<1> for RmsPropStep {
    #[inline(always)]
    fn step<S: Simd>(self, s: S, g: S::F, [square]: [S::F; 1], theta: S::F) -> ([S::F; 1], S::F) {
        let g = s.min(s.max(g, s.splat(-self.clip)), s.splat(self.clip));
        let square = s.add(s.mul(s.splat(self.rho), square), s.mul(s.splat(self.rest), s.mul(g, g)));
        let root = s.add(s.sqrt(square), s.splat(self.epsilon));
        ([square], s.sub(theta, s.div(s.mul(s.splat(self.rate), g), root)))
    }
}

/// See [`Element::rms_prop`](crate::Element::rms_prop).
pub(crate) fn rms_prop(update: RmsProp, g: &[f32], mean_square: &mut [f32], theta: &mut [f32]) {
    let lengths = (g.len(), mean_square.len());
    assert_eq!(lengths, (theta.len(), theta.len()), "rms_prop: lengths of g and the mean square, and of theta");
    let RmsProp { learning_rate, rho, epsilon, clip } = update;
    let [rate, rho, rest, epsilon, clip] = [learning_rate, rho, 1.0 - rho, epsilon, clip].map(|x| x as f32);
    let update = RmsPropStep { rate, rho, rest, epsilon, clip };
    let pieces = (Pieces::new(g, GRAIN), Pieces::new(mean_square, GRAIN), Pieces::new(theta, GRAIN));
    for_each_piece(pieces, |_, (g, square, theta)| dispatch(Piece { update, g, state: [square], theta }));
}

#[derive(Clone, Copy)]
struct AdamStep {
    step: f32,
    beta: [f32; 2],
    rest: [f32; 2],
    root2: f32,
    epsilon: f32,
}

impl Update<2> for AdamStep {
    #[inline(always)]
    fn step<S: Simd>(self, s: S, g: S::F, [m, v]: [S::F; 2], theta: S::F) -> ([S::F; 2], S::F) {
        let m = s.add(s.mul(s.splat(self.beta[0]), m), s.mul(s.splat(self.rest[0]), g));
        let v = s.add(s.mul(s.splat(self.beta[1]), v), s.mul(s.splat(self.rest[1]), s.mul(g, g)));
        let root = s.add(s.div(s.sqrt(v), s.splat(self.root2)), s.splat(self.epsilon));
        ([m, v], s.sub(theta, s.div(s.mul(s.splat(self.step), m), root)))
    }
}

/// See [`Element::adam`](crate::Element::adam).
pub(crate) fn adam(update: Adam, g: &[f32], [m, v]: [&mut [f32]; 2], theta: &mut [f32]) {
    let lengths = (g.len(), m.len(), v.len());
    assert_eq!(lengths, (theta.len(), theta.len(), theta.len()), "adam: lengths of g, m and v, and of theta");
    let Adam { learning_rate, beta1, beta2, epsilon, t } = update;
    let [correction1, correction2] = [beta1, beta2].map(|beta| 1.0 - power(beta, t));
    let update = AdamStep {
        step: (learning_rate / correction1) as f32,
        beta: [beta1 as f32, beta2 as f32],
        rest: [(1.0 - beta1) as f32, (1.0 - beta2) as f32],
        root2: correction2.sqrt() as f32,
        epsilon: epsilon as f32,
    };
    let pieces = (Pieces::new(g, GRAIN), Pieces::new(m, GRAIN), Pieces::new(v, GRAIN), Pieces::new(theta, GRAIN));
    for_each_piece(pieces, |_, (g, m, v, theta)| dispatch(Piece { update, g, state: [m, v], theta }));
}

#[derive(Clone, Copy)]
struct SgdStep {
    rate: f32,
    momentum: f32,
    nesterov: bool,
}

impl Update<1> for SgdStep {
    #[inline(always)]
    fn step<S: Simd>(self, s: S, g: S::F, [velocity]: [S::F; 1], theta: S::F) -> ([S::F; 1], S::F) {
        let (rate, momentum) = (s.splat(self.rate), s.splat(self.momentum));
        let velocity = s.add(s.mul(momentum, velocity), g);
        let direction = if self.nesterov { s.add(g, s.mul(momentum, velocity)) } else { velocity };
        ([velocity], s.sub(theta, s.mul(rate, direction)))
    }
}

/// See [`Element::sgd`](crate::Element::sgd).
pub(crate) fn sgd(update: Sgd, g: &[f32], velocity: &mut [f32], theta: &mut [f32]) {
    let lengths = (g.len(), velocity.len());
    assert_eq!(lengths, (theta.len(), theta.len()), "sgd: lengths of g and the velocity, and of theta");
    let Sgd { learning_rate, momentum, nesterov } = update;
    let update = SgdStep { rate: learning_rate as f32, momentum: momentum as f32, nesterov };
    let pieces = (Pieces::new(g, GRAIN), Pieces::new(velocity, GRAIN), Pieces::new(theta, GRAIN));
    for_each_piece(pieces, |_, (g, velocity, theta)| dispatch(Piece { update, g, state: [velocity], theta }));
}

#[cfg(test)]
mod tests;
