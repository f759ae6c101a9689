//! Operations outside of layers, as expressions of PyTorch.

use kernels::FirGeometry;
use nn::TraceStep;
use tensor::{Attributes, Shape};

use super::super::generator::after;
use super::helpers::Helper;
use super::{Builder, pair};

/// Functions with the same name and meaning as an op of the tape without attributes.
const METHODS: [&str; 9] = ["abs", "exp", "log", "reciprocal", "sigmoid", "softplus", "sqrt", "square", "tanh"];
/// The same for operators.
const OPERATORS: [(&str, char); 4] = [("add", '+'), ("sub", '-'), ("mul", '*'), ("div", '/')];

impl Builder<'_> {
    /// An op as an expression.
    pub(super) fn op(
        &mut self,
        step: &TraceStep,
        name: &str,
        attributes: &Attributes,
        x: &[&str],
        shapes: [Shape; 2],
    ) -> Result<String, String> {
        let [from, to] = shapes;
        let rank = to.len();
        self.generator.check_ranks(step, name)?;
        if let Some((_, operator)) = OPERATORS.iter().find(|(op, _)| *op == name) {
            return Ok(format!("{} {operator} {}", x[0], x[1]));
        }
        if METHODS.contains(&name) {
            return Ok(match name {
                "softplus" => format!("F.softplus({})", x[0]),
                _ => format!("{}.{name}()", x[0]),
            });
        }
        Ok(match (name, attributes) {
            ("reshape", _) => self.reshaped(x[0], shapes)?,
            ("upsample", _) => {
                let factor = pair([to[1] / from[1], to[2] / from[2]]);
                format!("F.interpolate({}, scale_factor={factor}, mode=\"nearest\")", x[0])
            }
            (_, Attributes::Affine { scale, shift }) => affine(x[0], *scale, *shift),
            (_, Attributes::Clamp { low, high }) => {
                let bound = |name: &str, bound: f64| bound.is_finite().then(|| format!("{name}={bound:?}"));
                let bounds: Vec<String> = [bound("min", *low), bound("max", *high)].into_iter().flatten().collect();
                format!("{}.clamp({})", x[0], bounds.join(", "))
            }
            (_, Attributes::LeakyRelu { slope }) => leaky_relu(x[0], *slope),
            (_, Attributes::BiasActivation { slope }) => {
                let sum = x.join(" + ");
                slope.map_or(sum.clone(), |slope| leaky_relu(&sum, slope))
            }
            (_, Attributes::Fir(geometry)) => self.filtered(x[0], geometry),
            (_, Attributes::Matmul { transposed }) => {
                let side = |side: usize| if transposed[side] { format!("{}.T", x[side]) } else { x[side].to_owned() };
                format!("{} @ {}", side(0), side(1))
            }
            (_, Attributes::Slice { axis, range }) if *axis > 0 => {
                let axis = if rank == 4 { [0, 2, 3, 1][*axis] } else { *axis };
                format!("{}[{}, {}:{}]", x[0], vec![":"; axis].join(", "), range.start, range.end)
            }
            _ => return Err("the export has no rule for this op".to_owned()),
        })
    }

    /// A filter as a call of its helper.
    pub(super) fn filtered(&mut self, x: &str, g: &FirGeometry) -> String {
        self.helpers.insert(Helper::Resample);
        let taps = g.taps.iter().map(|tap| format!("{tap:?}")).collect::<Vec<_>>().join(", ");
        let more = |name: &str, by: usize| if by > 1 { format!(", {name}={by}") } else { String::new() };
        format!("resample({x}, [{taps}]{}{}, pad=({}, {}))", more("up", g.up), more("down", g.down), g.before, after(g))
    }
}

/// scale * x + shift.
pub(super) fn affine(x: &str, scale: f64, shift: f64) -> String {
    let scaled = if scale == 1.0 { x.to_owned() } else { format!("{x} * {scale:?}") };
    match shift {
        0.0 => scaled,
        shift if shift < 0.0 => format!("{scaled} - {:?}", -shift),
        shift => format!("{scaled} + {shift:?}"),
    }
}

fn leaky_relu(x: &str, slope: f64) -> String {
    if slope == 0.0 { format!("F.relu({x})") } else { format!("F.leaky_relu({x}, {slope:?})") }
}
