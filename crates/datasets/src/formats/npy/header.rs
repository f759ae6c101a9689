//! The header of a `.npy` file: a Python dictionary with three keys, parsed without recursion.
//!
//! NumPy writes `{'descr': '|u1', 'fortran_order': False, 'shape': (2500, 784), }`, padded with
//! blanks and followed by a line break. Only such plain dictionaries are accepted, not all that
//! Python accepts.

use super::fault::{self, Fault};
use super::layout::{Dtype, NumberKind};

/// The header of an array of numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The type of the elements.
    pub(super) dtype: Dtype,
    /// Whether the first index varies fastest in the file (Fortran order), not the last (C order).
    pub(super) fortran: bool,
    /// The shape. Its product in bytes fits in 64 bits.
    pub(super) shape: Vec<u64>,
}

/// The three keys.
const KEYS: [&str; 3] = ["descr", "fortran_order", "shape"];

/// Parses the header.
pub(super) fn parse(text: &str) -> Result<Header, Fault> {
    let mut values: [Option<&str>; 3] = [None; 3];
    for (key, value) in entries(text)? {
        let Some(index) = KEYS.iter().position(|known| *known == key) else {
            return Err(fault::unknown_key(key));
        };
        if values[index].replace(value).is_some() {
            return Err(fault::duplicate_key(key));
        }
    }
    let value = |index: usize| values[index].ok_or_else(|| fault::missing_key(KEYS[index]));
    let (descr, order, shape) = (value(0)?, value(1)?, value(2)?);
    let dtype = parse_dtype(descr)?;
    let fortran = match order {
        "False" => false,
        "True" => true,
        _ => return Err(fault::value(KEYS[1], order, "True or False")),
    };
    Ok(Header { dtype, fortran, shape: parse_shape(shape, dtype.bytes as u64)? })
}

/// The keys, and the text of their values.
fn entries(text: &str) -> Result<Vec<(&str, &str)>, Fault> {
    let fault = |position: usize, problem: &str| fault::syntax(text[..position].chars().count() + 1, problem);
    let blank = |mut position: usize| {
        while text[position..].starts_with([' ', '\t', '\n', '\r']) {
            position += 1;
        }
        position
    };
    let mut found = Vec::new();
    let mut position = blank(0);
    if !text[position..].starts_with('{') {
        return Err(fault(position, "a dictionary starts with {"));
    }
    position = blank(position + 1);
    while !text[position..].starts_with('}') {
        if position == text.len() {
            return Err(fault(position, "the dictionary is not closed"));
        }
        let end = quoted(text, position).ok_or_else(|| fault(position, "expected a key in quotes"))?;
        let key = &text[position + 1..end - 1];
        position = blank(end);
        if !text[position..].starts_with(':') {
            return Err(fault(position, "expected a colon between key and value"));
        }
        let start = blank(position + 1);
        position = value_end(text, start).map_err(|(position, problem)| fault(position, problem))?;
        found.push((key, text[start..position].trim_end()));
        if text[position..].starts_with(',') {
            position = blank(position + 1);
        }
    }
    position = blank(position + 1);
    if position < text.len() {
        return Err(fault(position, "unexpected data after the dictionary"));
    }
    Ok(found)
}

/// The position after the string that begins at `start`. NumPy writes no backslashes, so they are
/// not accepted.
fn quoted(text: &str, start: usize) -> Option<usize> {
    let quote = text[start..].chars().next().filter(|first| matches!(first, '\'' | '"'))?;
    let length = text[start + 1..].find([quote, '\\', '\n'])?;
    let end = start + 1 + length;
    text[end..].starts_with(quote).then_some(end + 1)
}

/// The position of the comma or brace that ends the value at `start`; skips brackets and strings.
fn value_end(text: &str, start: usize) -> Result<usize, (usize, &'static str)> {
    let mut open = Vec::new();
    let mut position = start;
    while let Some(letter) = text[position..].chars().next() {
        match letter {
            ',' | '}' if open.is_empty() => return Ok(position),
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(letter) => {
                return Err((position, "this bracket has no matching opening bracket"));
            }
            '\'' | '"' => {
                position = quoted(text, position).ok_or((position, "the string that starts here has no end"))?;
                continue;
            }
            _ => {}
        }
        position += letter.len_utf8();
    }
    Err((position, "the dictionary is not closed"))
}

/// Parses a dtype in any of NumPy's spellings.
fn parse_dtype(text: &str) -> Result<Dtype, Fault> {
    let name = text.trim_matches(['\'', '"']);
    let is_string = quoted(text, 0) == Some(text.len());
    let (order, kind) = match name.chars().next() {
        Some(mark @ ('|' | '<' | '>' | '=')) => (Some(mark), &name[1..]),
        _ => (None, name),
    };
    let known = TYPES.iter().find(|(names, ..)| names.contains(&kind)).filter(|_| is_string);
    if let Some(&(_, kind, bytes)) = known {
        // NumPy writes `=` or no mark for the native byte order, which is little-endian on all
        // supported machines.
        return Ok(Dtype { kind, bytes, big_endian: order == Some('>') && bytes > 1 });
    }
    let meaning = if is_string {
        meaning(kind) + if order == Some('>') { " (big-endian)" } else { "" }
    } else if text.starts_with('[') {
        "records of several fields".into()
    } else {
        "of an unknown type".into()
    };
    Err(fault::dtype(text, &meaning))
}

/// The supported dtypes: NumPy's names, the kind, and the size in bytes.
const TYPES: [(&[&str], NumberKind, usize); 12] = [
    (&["u1", "B", "uint8"], NumberKind::Unsigned, 1),
    (&["b1", "?", "bool"], NumberKind::Bool, 1),
    (&["i1", "b", "int8"], NumberKind::Signed, 1),
    (&["u2", "H", "uint16"], NumberKind::Unsigned, 2),
    (&["i2", "h", "int16"], NumberKind::Signed, 2),
    (&["u4", "I", "uint32"], NumberKind::Unsigned, 4),
    (&["i4", "i", "int32"], NumberKind::Signed, 4),
    (&["u8", "L", "Q", "uint64"], NumberKind::Unsigned, 8),
    (&["i8", "l", "q", "int64"], NumberKind::Signed, 8),
    (&["f2", "e", "float16"], NumberKind::Float, 2),
    (&["f4", "f", "float32"], NumberKind::Float, 4),
    (&["f8", "d", "float64"], NumberKind::Float, 8),
];

/// A dtype in words.
fn meaning(kind: &str) -> String {
    let (letter, size) = kind.split_at(kind.chars().next().map_or(0, char::len_utf8));
    let bits = size.parse::<u32>().ok().filter(|size| (1..=32).contains(size)).map(|size| 8 * size);
    match (letter, bits) {
        ("O", _) => "Python objects".into(),
        ("S" | "a", _) => "byte strings".into(),
        ("U", _) => "text".into(),
        ("V", _) => "raw records".into(),
        ("M", _) => "dates".into(),
        ("m", _) => "time spans".into(),
        ("i", Some(bits)) => format!("{bits}-bit signed integers"),
        ("u", Some(bits)) => format!("{bits}-bit unsigned integers"),
        ("f", Some(bits)) => format!("{bits}-bit floats"),
        ("c", Some(bits)) => format!("{bits}-bit complex numbers"),
        _ => "of an unknown type".into(),
    }
}

/// Parses a tuple of lengths, and checks that the product in bytes fits in 64 bits.
fn parse_shape(text: &str, bytes: u64) -> Result<Vec<u64>, Fault> {
    let bad = || fault::value(KEYS[2], text, "a tuple of lengths, like (2500, 784)");
    let impossible = || fault::overflow(text);
    let inside = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).ok_or_else(bad)?.trim();
    let mut shape = Vec::new();
    if !inside.is_empty() {
        // `(5)` is a number in Python, not a tuple.
        if !inside.contains(',') {
            return Err(bad());
        }
        for length in inside.strip_suffix(',').unwrap_or(inside).split(',').map(str::trim) {
            // Python 2 wrote an L after large numbers, and such files still exist.
            let digits = length.strip_suffix('L').unwrap_or(length);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(fault::dimension(length));
            }
            shape.push(digits.parse().map_err(|_| impossible())?);
        }
    }
    // A zero would hide the overflow of the other lengths.
    let product = shape.iter().try_fold(bytes, |product, &length: &u64| product.checked_mul(length.max(1)));
    product.map(|_| shape).ok_or_else(impossible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_numpy_writes_is_read() {
        for (text, shape) in [
            ("{'descr': '|u1', 'fortran_order': False, 'shape': (2500, 784), }            \n", vec![2500, 784]),
            ("{'descr':\"u1\",'shape':(3,28,28),'fortran_order':False}", vec![3, 28, 28]),
            ("{'descr': '<u1', 'fortran_order': False, 'shape': (5L, 784L), }\n", vec![5, 784]),
            ("{'shape': (), 'descr': 'B', 'fortran_order': False}", vec![]),
            ("{'shape': (7,), 'descr': '>u1', 'fortran_order': False}", vec![7]),
        ] {
            let dtype = Dtype::BYTE;
            assert_eq!(parse(text), Ok(Header { dtype, fortran: false, shape }), "{text}");
        }
    }

    #[test]
    fn every_spelling_of_a_type_is_known() {
        for (text, number, bytes, big_endian) in [
            ("|b1", NumberKind::Bool, 1, false),
            ("bool", NumberKind::Bool, 1, false),
            ("|i1", NumberKind::Signed, 1, false),
            ("<u2", NumberKind::Unsigned, 2, false),
            (">u2", NumberKind::Unsigned, 2, true),
            ("<i8", NumberKind::Signed, 8, false),
            ("<f2", NumberKind::Float, 2, false),
            ("=f4", NumberKind::Float, 4, false),
            (">f8", NumberKind::Float, 8, true),
            ("float64", NumberKind::Float, 8, false),
        ] {
            let header = format!("{{'descr': '{text}', 'fortran_order': True, 'shape': (2, 3)}}");
            let dtype = Dtype { kind: number, bytes, big_endian };
            assert_eq!(parse(&header), Ok(Header { dtype, fortran: true, shape: vec![2, 3] }), "{text}");
        }
    }

    #[test]
    fn columns_count_letters_from_one() {
        let fault = parse("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 784]}").unwrap_err();
        assert!(fault.why.contains("column 58 "), "{fault:?}");
        let fault = parse("{'\u{e9}': 1} x").unwrap_err();
        assert!(fault.why.contains("column 10 "), "{fault:?}");
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let text = format!("{{'descr': {}", "[".repeat(9_000));
        assert!(parse(&text).unwrap_err().why.contains("column"));
    }
}
