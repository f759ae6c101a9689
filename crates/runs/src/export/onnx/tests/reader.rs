//! Reads the protocol buffers of an ONNX model.

/// A field of a protocol buffer.
#[derive(Clone, Debug)]
enum Field {
    Number(u64),
    Bytes(Vec<u8>),
}

/// The fields of a protocol buffer, by number.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Field)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut number, mut place) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            number |= u64::from(byte & 0x7F) << place;
            place += 7;
            if byte < 0x80 {
                return number;
            }
        }
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            kind => {
                let length = match kind {
                    1 => 8,
                    5 => 4,
                    2 => varint(&mut bytes) as usize,
                    other => panic!("kind {other}"),
                };
                let (content, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(content.to_vec())
            }
        };
        found.push((key >> 3, field));
    }
    found
}

pub(super) fn all(message: &[u8], number: u64) -> Vec<Vec<u8>> {
    let bytes = |(of, field): (u64, Field)| match field {
        Field::Bytes(bytes) if of == number => Some(bytes),
        _ => None,
    };
    fields(message).into_iter().filter_map(bytes).collect()
}

pub(super) fn one(message: &[u8], number: u64) -> Vec<u8> {
    all(message, number).pop().unwrap_or_default()
}

pub(super) fn text(message: &[u8], number: u64) -> String {
    String::from_utf8(one(message, number)).unwrap()
}

pub(super) fn numbers(message: &[u8], number: u64) -> Vec<i64> {
    let whole = |(of, field): (u64, Field)| match field {
        Field::Number(field) if of == number => Some(field as i64),
        _ => None,
    };
    fields(message).into_iter().filter_map(whole).collect()
}

/// The nodes of a model, one per line, as `output = Operator(inputs) attributes`.
pub(super) fn nodes(model: &[u8]) -> Vec<String> {
    let node = |node: Vec<u8>| {
        let inputs: Vec<String> = all(&node, 1).into_iter().map(|name| String::from_utf8(name).unwrap()).collect();
        let attributes: String = all(&node, 5)
            .iter()
            .map(|attribute| {
                let value = match numbers(attribute, 20)[..] {
                    [1] => format!("{}", f32::from_le_bytes(one(attribute, 2).try_into().unwrap())),
                    [2] => format!("{}", numbers(attribute, 3)[0]),
                    [3] => text(attribute, 4),
                    [7] => format!("{:?}", numbers(attribute, 8)),
                    ref other => panic!("an attribute of type {other:?}"),
                };
                format!(" {}={value}", text(attribute, 1))
            })
            .collect();
        format!("{} = {}({}){attributes}", text(&node, 2), text(&node, 4), inputs.join(", "))
    };
    all(&one(model, 7), 1).into_iter().map(node).collect()
}

/// The constants of a model: their names and shapes.
pub(super) fn constants(model: &[u8]) -> Vec<(String, Vec<i64>)> {
    all(&one(model, 7), 5).iter().map(|tensor| (text(tensor, 8), numbers(tensor, 1))).collect()
}

/// The name and the sizes of a declared value.
pub(super) fn declared(value: &[u8]) -> String {
    let sizes = all(&one(&one(&one(value, 2), 1), 2), 1);
    let size = |size: &Vec<u8>| numbers(size, 1).first().map_or_else(|| text(size, 2), i64::to_string);
    format!("{} [{}]", text(value, 1), sizes.iter().map(size).collect::<Vec<_>>().join(", "))
}
