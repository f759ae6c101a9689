//! Runs an ONNX model with plain loops, as the specification of the operators has them. Images are
//! (n, c, h, w).

use std::collections::HashMap;

use super::reader::{all, numbers, one, text};

/// Floats in a shape.
#[derive(Clone, Debug)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) data: Vec<f32>,
}

impl Array {
    fn from_fn(shape: Vec<usize>, value: impl FnMut(usize) -> f32) -> Self {
        let data = (0..shape.iter().product()).map(value).collect();
        Self { shape, data }
    }

    /// The offset of an index, in which axes of length 1 count as 0.
    fn at(&self, index: &[usize]) -> usize {
        let own = index.iter().skip(index.len() - self.shape.len()).zip(&self.shape);
        own.fold(0, |at, (i, size)| at * size + if *size == 1 { 0 } else { *i })
    }

    fn get(&self, index: &[usize]) -> f32 {
        self.data[self.at(index)]
    }
}

/// The index of an element of an array of this shape.
fn index(shape: &[usize], mut at: usize) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        (index[axis], at) = (at % shape[axis], at / shape[axis]);
    }
    index
}

fn broadcast(a: &Array, b: &Array, f: impl Fn(f32, f32) -> f32) -> Array {
    if a.shape == b.shape {
        return Array::from_fn(a.shape.clone(), |at| f(a.data[at], b.data[at]));
    }
    let rank = a.shape.len().max(b.shape.len());
    let padded = |x: &Array| [&vec![1; rank - x.shape.len()][..], &x.shape].concat();
    let shape: Vec<usize> = padded(a).iter().zip(padded(b)).map(|(a, b)| *a.max(&b)).collect();
    Array::from_fn(shape.clone(), |at| {
        let index = index(&shape, at);
        f(a.get(&index), b.get(&index))
    })
}

/// The mean over some axes, which then have the length 1.
fn mean(x: &Array, axes: &[usize]) -> Array {
    let shape: Vec<usize> =
        x.shape.iter().enumerate().map(|(axis, size)| if axes.contains(&axis) { 1 } else { *size }).collect();
    let mut sums = Array::from_fn(shape, |_| 0.0);
    for (at, value) in x.data.iter().enumerate() {
        let place = sums.at(&index(&x.shape, at));
        sums.data[place] += value;
    }
    let count = (x.data.len() / sums.data.len()) as f32;
    sums.data.iter_mut().for_each(|sum| *sum /= count);
    sums
}

/// A node of the model.
struct Node {
    kind: String,
    inputs: Vec<String>,
    output: String,
    attributes: HashMap<String, Vec<u8>>,
}

impl Node {
    fn ints(&self, name: &str) -> Vec<usize> {
        let numbers = self.attributes.get(name).map(|attribute| numbers(attribute, 8)).unwrap_or_default();
        numbers.into_iter().map(|number| usize::try_from(number).unwrap()).collect()
    }

    fn int(&self, name: &str, usual: usize) -> usize {
        self.attributes.get(name).map_or(usual, |attribute| numbers(attribute, 3)[0] as usize)
    }

    fn float(&self, name: &str) -> f32 {
        f32::from_le_bytes(one(&self.attributes[name], 2).try_into().unwrap())
    }
}

/// The values while a model runs.
struct Values {
    floats: HashMap<String, Array>,
    ints: HashMap<String, Vec<i64>>,
}

/// The output of the model for this input; other inputs have their defaults.
pub(super) fn run(model: &[u8], input: Array) -> Array {
    let graph = one(model, 7);
    let mut values = Values { floats: HashMap::new(), ints: HashMap::new() };
    for tensor in all(&graph, 5) {
        let (name, raw) = (text(&tensor, 8), one(&tensor, 9));
        if numbers(&tensor, 2) == [7] {
            let ints = raw.chunks(8).map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap())).collect();
            values.ints.insert(name, ints);
        } else {
            let data = raw.chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
            let shape = numbers(&tensor, 1).into_iter().map(|size| size as usize).collect();
            values.floats.insert(name, Array { shape, data });
        }
    }
    values.floats.insert(text(&all(&graph, 11)[0], 1), input);
    for node in all(&graph, 1) {
        let attributes = all(&node, 5).into_iter().map(|attribute| (text(&attribute, 1), attribute)).collect();
        let inputs = all(&node, 1).into_iter().map(|name| String::from_utf8(name).unwrap()).collect();
        values.compute(&Node { kind: text(&node, 4), inputs, output: text(&node, 2), attributes });
    }
    values.floats.remove(&text(&one(&graph, 12), 1)).unwrap()
}

impl Values {
    fn compute(&mut self, node: &Node) {
        match &*node.kind {
            "Shape" => {
                let shape = &self.floats[&node.inputs[0]].shape[node.int("start", 0)..node.int("end", 0)];
                let shape = shape.iter().map(|size| *size as i64).collect();
                self.ints.insert(node.output.clone(), shape);
            }
            "Concat" => {
                let joined = node.inputs.iter().flat_map(|input| self.ints[input].clone()).collect();
                self.ints.insert(node.output.clone(), joined);
            }
            _ => {
                let value = self.float(node);
                self.floats.insert(node.output.clone(), value);
            }
        }
    }

    fn float(&self, node: &Node) -> Array {
        let x = &self.floats[&node.inputs[0]];
        let other = |i: usize| &self.floats[&node.inputs[i]];
        let ints = |i: usize| &self.ints[&node.inputs[i]];
        let each =
            |f: &dyn Fn(f32) -> f32| Array { shape: x.shape.clone(), data: x.data.iter().map(|x| f(*x)).collect() };
        match &*node.kind {
            "Add" => broadcast(x, other(1), |a, b| a + b),
            "Sub" => broadcast(x, other(1), |a, b| a - b),
            "Mul" => broadcast(x, other(1), |a, b| a * b),
            "Div" => broadcast(x, other(1), |a, b| a / b),
            "Sqrt" => each(&f32::sqrt),
            "Tanh" => each(&f32::tanh),
            "Sigmoid" => each(&|x| 1.0 / (1.0 + (-x).exp())),
            "Relu" => each(&|x| x.max(0.0)),
            "LeakyRelu" => each(&|x| if x > 0.0 { x } else { node.float("alpha") * x }),
            "Clip" => {
                let bound = |i: usize, usual: f32| match node.inputs[i].as_str() {
                    "" => usual,
                    name => self.floats[name].data[0],
                };
                let (low, high) = (bound(1, f32::NEG_INFINITY), bound(2, f32::INFINITY));
                each(&|x| x.clamp(low, high))
            }
            "Gemm" | "MatMul" => {
                let product = matmul(x, other(1));
                if node.inputs.len() > 2 { broadcast(&product, other(2), |a, b| a + b) } else { product }
            }
            "BatchNormalization" => {
                let epsilon = node.float("epsilon");
                let channel = |at: usize| index(&x.shape, at)[1];
                let [scale, shift, mean, variance] = [1, 2, 3, 4].map(other);
                Array::from_fn(x.shape.clone(), |at| {
                    let c = channel(at);
                    (x.data[at] - mean.data[c]) / (variance.data[c] + epsilon).sqrt() * scale.data[c] + shift.data[c]
                })
            }
            "InstanceNormalization" => {
                let axes: Vec<usize> = (2..x.shape.len()).collect();
                let centred = broadcast(x, &mean(x, &axes), |x, mean| x - mean);
                let variance = mean(&broadcast(&centred, &centred, |a, b| a * b), &axes);
                let epsilon = node.float("epsilon");
                let normal = broadcast(&centred, &variance, |x, variance| x / (variance + epsilon).sqrt());
                let [scale, shift] = [1, 2].map(other);
                Array::from_fn(normal.shape.clone(), |at| {
                    let c = index(&normal.shape, at)[1];
                    normal.data[at] * scale.data[c] + shift.data[c]
                })
            }
            "ReduceMean" => {
                let axes = node.ints("axes");
                let mut mean = mean(x, &axes);
                if node.int("keepdims", 1) == 0 {
                    let kept = mean.shape.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
                    mean.shape = kept.map(|(_, size)| *size).collect();
                }
                mean
            }
            "Reshape" => {
                let wanted = ints(1);
                let known: usize = wanted
                    .iter()
                    .enumerate()
                    .filter(|(_, size)| **size >= 0)
                    .map(|(axis, size)| if *size == 0 { x.shape[axis] } else { *size as usize })
                    .product();
                let size = |(axis, size): (usize, &i64)| match *size {
                    0 => x.shape[axis],
                    -1 => x.data.len() / known,
                    size => size as usize,
                };
                Array { shape: wanted.iter().enumerate().map(size).collect(), data: x.data.clone() }
            }
            "Transpose" => {
                let order = node.ints("perm");
                let shape: Vec<usize> = order.iter().map(|axis| x.shape[*axis]).collect();
                Array::from_fn(shape.clone(), |at| {
                    let to = index(&shape, at);
                    let mut from = vec![0; to.len()];
                    order.iter().zip(to).for_each(|(axis, i)| from[*axis] = i);
                    x.get(&from)
                })
            }
            "Expand" => {
                let shape: Vec<usize> = ints(1).iter().map(|size| *size as usize).collect();
                Array::from_fn(shape.clone(), |at| x.get(&index(&shape, at)))
            }
            "Slice" => {
                let (starts, ends, axes) = (ints(1), ints(2), ints(3));
                let mut shape = x.shape.clone();
                let mut first = vec![0; shape.len()];
                for ((start, end), axis) in starts.iter().zip(ends).zip(axes) {
                    (first[*axis as usize], shape[*axis as usize]) = (*start as usize, (end - start) as usize);
                }
                Array::from_fn(shape.clone(), |at| {
                    let from: Vec<usize> = index(&shape, at).iter().zip(&first).map(|(i, first)| i + first).collect();
                    x.get(&from)
                })
            }
            "Resize" => {
                let scales: Vec<usize> = other(2).data.iter().map(|scale| *scale as usize).collect();
                let shape: Vec<usize> = x.shape.iter().zip(&scales).map(|(size, scale)| size * scale).collect();
                Array::from_fn(shape.clone(), |at| {
                    let from: Vec<usize> = index(&shape, at).iter().zip(&scales).map(|(i, scale)| i / scale).collect();
                    x.get(&from)
                })
            }
            "Pad" => {
                let border = ints(1)[2];
                let mirrored = |i: usize, size: usize| {
                    let i = (i as i64 - border).unsigned_abs() as usize;
                    if i < size { i } else { 2 * (size - 1) - i }
                };
                let [n, c, h, w] = x.shape[..] else { panic!("an image") };
                let more = 2 * border as usize;
                let shape = vec![n, c, h + more, w + more];
                Array::from_fn(shape.clone(), |at| {
                    let to = index(&shape, at);
                    x.get(&[to[0], to[1], mirrored(to[2], h), mirrored(to[3], w)])
                })
            }
            "Conv" | "ConvTranspose" => {
                let y = convolved(node, x, other(1));
                match node.inputs.get(2) {
                    Some(bias) => {
                        let bias = &self.floats[bias];
                        broadcast(&y, &Array { shape: vec![bias.data.len(), 1, 1], data: bias.data.clone() }, |y, b| {
                            y + b
                        })
                    }
                    None => y,
                }
            }
            other => panic!("no rule for {other}"),
        }
    }
}

fn matmul(a: &Array, b: &Array) -> Array {
    let (rows, inner, columns) = (a.shape[0], a.shape[1], b.shape[1]);
    Array::from_fn(vec![rows, columns], |at| {
        let (row, column) = (at / columns, at % columns);
        (0..inner).map(|i| a.data[row * inner + i] * b.data[i * columns + column]).sum()
    })
}

/// A convolution or a transposed one. The weight of the former is (out, in / group, kh, kw), that
/// of the latter (in, out / group, kh, kw).
fn convolved(node: &Node, x: &Array, w: &Array) -> Array {
    let [n, channels, h, width] = x.shape[..] else { panic!("an image") };
    let [first, second, kh, kw] = w.shape[..] else { panic!("a kernel") };
    let (pads, strides, groups) = (node.ints("pads"), node.ints("strides"), node.int("group", 1));
    let more = if node.attributes.contains_key("output_padding") { node.ints("output_padding") } else { vec![0, 0] };
    let transposed = node.kind == "ConvTranspose";
    let out = if transposed { second * groups } else { first };
    let side = |axis: usize, size: usize, kernel: usize| {
        let pads = pads[axis] + pads[axis + 2];
        if transposed {
            (size - 1) * strides[axis] + kernel + more[axis] - pads
        } else {
            (size + pads - kernel) / strides[axis] + 1
        }
    };
    let (oh, ow) = (side(0, h, kh), side(1, width, kw));
    let mut y = Array::from_fn(vec![n, out, oh, ow], |_| 0.0);
    let (in_group, out_group) = (channels / groups, out / groups);
    // Pixel `small` of the side with fewer pixels meets pixel `large` of the other through `tap`.
    let meets = |axis: usize, small: usize, tap: usize, size: usize| {
        (small * strides[axis] + tap).checked_sub(pads[axis]).filter(|large| *large < size)
    };
    let [small, large] = if transposed { [[h, width], [oh, ow]] } else { [[oh, ow], [h, width]] };
    for (image, o) in (0..n).flat_map(|image| (0..out).map(move |o| (image, o))) {
        for i in 0..in_group {
            let input = o / out_group * in_group + i;
            let kernel = if transposed { input * second + o % out_group } else { o * second + i };
            for (sy, ky) in (0..small[0]).flat_map(|sy| (0..kh).map(move |ky| (sy, ky))) {
                let Some(ly) = meets(0, sy, ky, large[0]) else { continue };
                for (sx, kx) in (0..small[1]).flat_map(|sx| (0..kw).map(move |kx| (sx, kx))) {
                    let Some(lx) = meets(1, sx, kx, large[1]) else { continue };
                    let weight = w.data[(kernel * kh + ky) * kw + kx];
                    let [from, to] = if transposed { [[sy, sx], [ly, lx]] } else { [[ly, lx], [sy, sx]] };
                    let value = x.data[((image * channels + input) * h + from[0]) * width + from[1]];
                    y.data[((image * out + o) * oh + to[0]) * ow + to[1]] += weight * value;
                }
            }
        }
    }
    y
}
