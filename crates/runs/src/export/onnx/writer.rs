//! [`Writer`]: the protocol buffers of an ONNX model (`onnx.proto` of ONNX 1.12, IR version 8).

use std::collections::HashSet;

use tensor::Tensor;

use crate::protobuf::Message;

/// The version of the operators: the newest that all runtimes of the last years have.
const OPSET: u64 = 17;
/// The version of the format.
const IR: u64 = 8;
/// A protocol buffer has fewer bytes.
const MOST_BYTES: usize = (1 << 31) - (1 << 20);

/// The element types of tensors.
const FLOAT: u64 = 1;
const INT64: u64 = 7;

/// An attribute of a node.
pub(super) enum Attribute<'a> {
    Int(i64),
    Float(f64),
    Text(&'a str),
    Ints(Vec<i64>),
}

/// A size of an input or an output.
#[derive(Clone, Debug)]
pub(super) enum Dimension {
    Fixed(usize),
    /// Any size; equal names are equal sizes.
    Free(&'static str),
}

/// A model that is being written.
#[derive(Default)]
pub(super) struct Writer {
    nodes: Vec<Message>,
    initializers: Vec<Message>,
    inputs: Vec<Message>,
    outputs: Vec<Message>,
    values: Vec<Message>,
    names: HashSet<String>,
}

impl Writer {
    /// `name`, or with a number after it if it is taken.
    pub(super) fn unique(&mut self, name: &str) -> String {
        let mut unique = name.to_owned();
        let mut number = 2;
        while unique.is_empty() || !self.names.insert(unique.clone()) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        unique
    }

    /// A node that computes the value `output`; returns that name.
    pub(super) fn node(
        &mut self,
        kind: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, Attribute)],
    ) -> String {
        let mut node = Message::default();
        inputs.iter().for_each(|input| node.bytes(1, input.as_bytes()));
        node.bytes(2, output.as_bytes());
        node.bytes(3, output.as_bytes());
        node.bytes(4, kind.as_bytes());
        for (name, value) in attributes {
            let mut attribute = Message::default();
            attribute.bytes(1, name.as_bytes());
            let kind = match value {
                Attribute::Float(number) => {
                    attribute.fixed(2, &(*number as f32).to_le_bytes());
                    1
                }
                Attribute::Int(number) => {
                    attribute.number(3, *number as u64);
                    2
                }
                Attribute::Text(text) => {
                    attribute.bytes(4, text.as_bytes());
                    3
                }
                Attribute::Ints(numbers) => {
                    numbers.iter().for_each(|number| attribute.number(8, *number as u64));
                    7
                }
            };
            attribute.number(20, kind);
            node.bytes(5, &attribute.0);
        }
        self.nodes.push(node);
        output.to_owned()
    }

    /// A node whose output gets a name like `name`, for a value within a layer.
    pub(super) fn inner(
        &mut self,
        kind: &str,
        inputs: &[&str],
        name: &str,
        attributes: &[(&str, Attribute)],
    ) -> String {
        let output = self.unique(name);
        self.node(kind, inputs, &output, attributes)
    }

    /// A constant with a name like `name`; returns its name.
    pub(super) fn floats(&mut self, name: &str, tensor: &Tensor) -> String {
        let name = self.unique(name);
        self.initial_value(&name, tensor);
        name
    }

    /// A constant of one number.
    pub(super) fn number(&mut self, name: &str, number: f64) -> String {
        self.floats(name, &Tensor::scalar(number as f32))
    }

    /// A constant of whole numbers.
    pub(super) fn ints(&mut self, name: &str, numbers: &[i64]) -> String {
        let name = self.unique(name);
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.initializer(&name, INT64, &[numbers.len()], &bytes);
        name
    }

    /// The value of the constant `name`, or the default of the input `name`.
    pub(super) fn initial_value(&mut self, name: &str, tensor: &Tensor) {
        let bytes: Vec<u8> = tensor.data().iter().flat_map(|number| number.to_le_bytes()).collect();
        self.initializer(name, FLOAT, tensor.shape(), &bytes);
    }

    fn initializer(&mut self, name: &str, kind: u64, shape: &[usize], bytes: &[u8]) {
        let mut tensor = Message::default();
        shape.iter().for_each(|size| tensor.number(1, *size as u64));
        tensor.number(2, kind);
        tensor.bytes(8, name.as_bytes());
        tensor.bytes(9, bytes);
        self.initializers.push(tensor);
    }

    /// Declares an input of the model.
    pub(super) fn input(&mut self, name: &str, shape: &[Dimension], about: &str) {
        self.names.insert(name.to_owned());
        self.inputs.push(value(name, shape, about));
    }

    /// Declares the output of the model.
    pub(super) fn output(&mut self, name: &str, shape: &[Dimension], about: &str) {
        self.outputs.push(value(name, shape, about));
    }

    /// States the shape of a value within the model.
    pub(super) fn shape(&mut self, name: &str, shape: &[Dimension]) {
        self.values.push(value(name, shape, ""));
    }

    /// Reserves the name of an output.
    pub(super) fn reserve(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }

    /// The bytes of the file: a model called `name`, with these facts as metadata.
    ///
    /// # Errors
    /// When it has more bytes than a protocol buffer can have.
    pub(super) fn finish(self, name: &str, facts: &[(&str, String)]) -> Result<Vec<u8>, String> {
        let Self { nodes, initializers, inputs, outputs, values, .. } = self;
        let bytes: usize = initializers.iter().map(|tensor| tensor.0.len()).sum();
        if bytes > MOST_BYTES {
            return Err(format!("its weights have {bytes} bytes, and a file has less than 2 GiB"));
        }
        let mut graph = Message::default();
        nodes.iter().for_each(|node| graph.bytes(1, &node.0));
        graph.bytes(2, name.as_bytes());
        for (field, messages) in [(5, initializers), (11, inputs), (12, outputs), (13, values)] {
            messages.iter().for_each(|message| graph.bytes(field, &message.0));
        }
        let mut opset = Message::default();
        opset.bytes(1, b"");
        opset.number(2, OPSET);
        let mut model = Message::default();
        model.number(1, IR);
        model.bytes(2, b"Backdraw");
        model.bytes(3, env!("CARGO_PKG_VERSION").as_bytes());
        model.bytes(7, &graph.0);
        model.bytes(8, &opset.0);
        for (key, fact) in facts {
            let mut entry = Message::default();
            entry.bytes(1, key.as_bytes());
            entry.bytes(2, fact.as_bytes());
            model.bytes(14, &entry.0);
        }
        Ok(model.0)
    }
}

/// A `ValueInfoProto` of floats.
fn value(name: &str, shape: &[Dimension], about: &str) -> Message {
    let [mut sizes, mut tensor, mut kind, mut value] = [(); 4].map(|()| Message::default());
    for size in shape {
        let mut dimension = Message::default();
        match size {
            Dimension::Fixed(size) => dimension.number(1, *size as u64),
            Dimension::Free(name) => dimension.bytes(2, name.as_bytes()),
        }
        sizes.bytes(1, &dimension.0);
    }
    tensor.number(1, FLOAT);
    tensor.bytes(2, &sizes.0);
    kind.bytes(1, &tensor.0);
    value.bytes(1, name.as_bytes());
    value.bytes(2, &kind.0);
    if !about.is_empty() {
        value.bytes(3, about.as_bytes());
    }
    value
}
