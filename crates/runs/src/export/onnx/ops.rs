//! Operations outside of layers, as ONNX operators.

use kernels::FirGeometry;
use nn::TraceStep;
use tensor::{Attributes, Tensor};

use super::super::generator::after;
use super::Builder;
use super::writer::Attribute;

/// Operators with the same name and meaning as an op of the tape without attributes.
const SAME: [(&str, &str); 12] = [
    ("add", "Add"),
    ("sub", "Sub"),
    ("mul", "Mul"),
    ("div", "Div"),
    ("abs", "Abs"),
    ("exp", "Exp"),
    ("log", "Log"),
    ("reciprocal", "Reciprocal"),
    ("sigmoid", "Sigmoid"),
    ("softplus", "Softplus"),
    ("sqrt", "Sqrt"),
    ("tanh", "Tanh"),
];

impl Builder<'_> {
    /// Writes an op whose result is the value `out`.
    pub(super) fn op(
        &mut self,
        step: &TraceStep,
        name: &str,
        attributes: &Attributes,
        out: &str,
    ) -> Result<(), String> {
        let shape = *self.generator.shape(step.output);
        let first = self.generator.shape_of(&step.inputs[0]);
        let rank = shape.len();
        self.generator.check_ranks(step, name)?;
        let x: Vec<String> = step.inputs.iter().map(|input| self.operand(input, rank)).collect();
        let x: Vec<&str> = x.iter().map(String::as_str).collect();
        if let Some((_, operator)) = SAME.iter().find(|(op, _)| *op == name) {
            self.writer.node(operator, &x, out, &[]);
            return Ok(());
        }
        match (name, attributes) {
            ("square", _) => drop(self.writer.node("Mul", &[x[0], x[0]], out, &[])),
            ("reshape", _) => self.reshaped(x[0], &first, &shape, out)?,
            ("upsample", _) => self.upsampled(x[0], [shape[1] / first[1], shape[2] / first[2]], out),
            (_, Attributes::Affine { scale, shift }) => self.affine(x[0], *scale, *shift, out),
            (_, Attributes::Clamp { low, high }) => self.clamped(x[0], *low, *high, out),
            (_, Attributes::LeakyRelu { slope }) => self.leaky_relu(x[0], *slope, out),
            (_, Attributes::BiasActivation { slope }) => match (slope, x.get(1)) {
                (None, Some(bias)) => drop(self.writer.node("Add", &[x[0], bias], out, &[])),
                (Some(slope), None) => self.leaky_relu(x[0], *slope, out),
                (Some(slope), Some(bias)) => {
                    let sum = self.writer.inner("Add", &[x[0], bias], &format!("{out}.sum"), &[]);
                    self.leaky_relu(&sum, *slope, out);
                }
                (None, None) => drop(self.writer.node("Identity", &[x[0]], out, &[])),
            },
            (_, Attributes::Fir(geometry)) => self.filtered(x[0], geometry, out)?,
            (_, Attributes::Matmul { transposed }) => {
                let transposed = transposed.map(i64::from);
                let attributes = [("transA", transposed[0]), ("transB", transposed[1])];
                let attributes = attributes.map(|(name, is)| (name, Attribute::Int(is)));
                self.writer.node("Gemm", &x, out, &attributes);
            }
            (_, Attributes::Slice { axis, range }) if *axis > 0 => {
                let axis = if rank == 4 { [0, 2, 3, 1][*axis] } else { *axis as i64 };
                let [start, end, axis] = [("start", range.start as i64), ("end", range.end as i64), ("axis", axis)]
                    .map(|(name, number)| self.writer.ints(&format!("{out}.{name}"), &[number]));
                self.writer.node("Slice", &[x[0], &start, &end, &axis], out, &[]);
            }
            _ => return Err("the export has no rule for this op".to_owned()),
        }
        Ok(())
    }

    pub(super) fn affine(&mut self, x: &str, scale: f64, shift: f64, out: &str) {
        let shifted = |this: &mut Self, x: &str| {
            let shift = this.writer.number(&format!("{out}.shift"), shift);
            this.writer.node("Add", &[x, &shift], out, &[]);
        };
        if scale == 1.0 {
            return shifted(self, x);
        }
        let factor = self.writer.number(&format!("{out}.scale"), scale);
        if shift == 0.0 {
            self.writer.node("Mul", &[x, &factor], out, &[]);
            return;
        }
        let scaled = self.writer.inner("Mul", &[x, &factor], &format!("{out}.scaled"), &[]);
        shifted(self, &scaled);
    }

    fn clamped(&mut self, x: &str, low: f64, high: f64, out: &str) {
        let mut bound = |name: &str, bound: f64| match bound.is_finite() {
            true => self.writer.number(&format!("{out}.{name}"), bound),
            false => String::new(),
        };
        let [low, high] = [bound("low", low), bound("high", high)];
        self.writer.node("Clip", &[x, &low, &high], out, &[]);
    }

    pub(super) fn leaky_relu(&mut self, x: &str, slope: f64, out: &str) {
        match slope {
            0.0 => self.writer.node("Relu", &[x], out, &[]),
            _ => self.writer.node("LeakyRelu", &[x], out, &[("alpha", Attribute::Float(slope))]),
        };
    }

    /// Nearest-neighbour up-sampling.
    pub(super) fn upsampled(&mut self, x: &str, factor: [usize; 2], out: &str) {
        let scales = Tensor::new(&[4], vec![1.0, 1.0, factor[0] as f32, factor[1] as f32]);
        let scales = self.writer.floats(&format!("{out}.scales"), &scales);
        let text = [("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")];
        let attributes = text.map(|(name, value)| (name, Attribute::Text(value)));
        self.writer.node("Resize", &[x, "", &scales], out, &attributes);
    }

    /// A filter: a convolution of each channel; with up-sampling a transposed one.
    pub(super) fn filtered(&mut self, x: &str, g: &FirGeometry, out: &str) -> Result<(), String> {
        let taps = g.taps.len();
        let (before, behind) = (g.before, after(g));
        // Pixel j is multiplied by tap j * up + before - o for output o. In a transposed
        // convolution it is tap o + crop - j * up, so the taps are reversed.
        let crop = taps as isize - 1 - before;
        let full = ((g.input[0] - 1) * g.up + taps) as isize;
        let (kind, borders, is_reversed) = match (g.up, g.down) {
            (1, _) => ("Conv", [before, behind], false),
            (_, 1) => ("ConvTranspose", [crop, full - crop - g.output[0] as isize], true),
            _ => return Err("it enlarges and shrinks in one filter".to_owned()),
        };
        if borders.iter().any(|border| *border < 0) {
            return Err(format!("its filter crops the image ({before} and {behind} zeros around it)"));
        }
        let at = |i: usize| if is_reversed { g.taps[taps - 1 - i] } else { g.taps[i] };
        let kernel = Tensor::from_fn([g.channels, 1, taps, taps], |i| (at(i / taps % taps) * at(i % taps)) as f32);
        let kernel = self.writer.floats(&format!("{out}.taps"), &kernel);
        let [before, behind] = borders.map(|border| border as i64);
        let stride = if is_reversed { g.up } else { g.down } as i64;
        let attributes = [
            ("group", Attribute::Int(g.channels as i64)),
            ("kernel_shape", Attribute::Ints(vec![taps as i64; 2])),
            ("pads", Attribute::Ints(vec![before, before, behind, behind])),
            ("strides", Attribute::Ints(vec![stride; 2])),
        ];
        self.writer.node(kind, &[x, &kernel], out, &attributes);
        Ok(())
    }
}
