//! [`Message`]: writes protocol buffers, in which the events of TensorBoard and the models of ONNX
//! are stored.

/// A protocol buffer that is being written. The order of the calls is that of the fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// A whole number.
    pub(crate) fn number(&mut self, field: u64, number: u64) {
        self.varint(field << 3);
        self.varint(number);
    }

    /// A number of 4 or 8 bytes.
    pub(crate) fn fixed(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | if bytes.len() == 8 { 1 } else { 5 });
        self.0.extend_from_slice(bytes);
    }

    /// Text, bytes, or another message.
    pub(crate) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }
}
