//! The dictionary of the page: the registry's entry of every op, with its formulas as MathML.

use std::collections::BTreeMap;

use tensor::ops::REGISTRY;

use crate::document::Word;

/// Every op of the registry, by name.
pub(crate) fn dictionary() -> BTreeMap<String, Word> {
    let word = |entry: &tensor::ops::Entry| {
        let word = Word {
            idea: entry.idea.into(),
            forward: entry.forward.into(),
            rule: entry.rule.into(),
            derivation: entry.derivation.iter().map(|line| (*line).to_owned()).collect(),
            saved: entry.saved.into(),
            shape: entry.shape.into(),
            cost: entry.cost.into(),
            chapter: entry.chapter.into(),
            source_file: entry.file.into(),
            mathml_forward: mathml(entry.forward),
            mathml_rule: mathml(entry.rule),
            text_forward: aloud(entry.forward),
            text_rule: aloud(entry.rule),
        };
        (entry.name.to_owned(), word)
    };
    REGISTRY.iter().map(word).collect()
}

/// A formula as text for screen readers.
fn aloud(formula: &str) -> String {
    let words = [
        (" * ", " times "),
        (" / ", " over "),
        ("^2", " squared"),
        ("^T", " transposed"),
        ("e^-x", "e to the minus x"),
        ("e^x", "e to the x"),
    ];
    words.iter().fold(formula.to_owned(), |text, (sign, word)| text.replace(sign, word))
}

/// A formula as MathML: letters, numbers and operators as such, words as text, `^` as a
/// superscript.
fn mathml(formula: &str) -> String {
    let mut math = String::from("<math xmlns=\"http://www.w3.org/1998/Math/MathML\"><mrow>");
    let mut rest = formula;
    let mut last = String::new();
    while let Some(first) = rest.chars().next() {
        if let Some(power) = rest.strip_prefix('^') {
            // The sign belongs to the exponent: e^-x.
            let (sign, power) = power.strip_prefix('-').map_or(("", power), |power| ("<mo>-</mo>", power));
            let (exponent, after) = token(power);
            let base = core::mem::take(&mut last);
            last = format!("<msup>{base}<mrow>{sign}{}</mrow></msup>", element(exponent));
            rest = after;
            continue;
        }
        math.push_str(&core::mem::take(&mut last));
        if first == ' ' {
            rest = &rest[1..];
            continue;
        }
        let (part, after) = token(rest);
        last = element(part);
        rest = after;
    }
    math + &last + "</mrow></math>"
}

/// The first word, number or operator of a formula, and the rest.
fn token(text: &str) -> (&str, &str) {
    let first = text.chars().next().unwrap_or(' ');
    let end = match first {
        'a'..='z' | 'A'..='Z' => text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '\''),
        '0'..='9' => text.find(|c: char| !c.is_ascii_digit() && c != '.'),
        '<' | '>' if text[1..].starts_with('=') => Some(2),
        other => Some(other.len_utf8()),
    };
    text.split_at(end.unwrap_or(text.len()))
}

fn element(part: &str) -> String {
    match part {
        "*" => "<mo>·</mo>".into(),
        "<=" => "<mo>≤</mo>".into(),
        ">=" => "<mo>≥</mo>".into(),
        "<" => "<mo>&lt;</mo>".into(),
        ">" => "<mo>&gt;</mo>".into(),
        "-" => "<mo>−</mo>".into(),
        "sum" => "<mo>∑</mo>".into(),
        "gamma" | "beta" | "epsilon" => {
            let letter = [("gamma", "γ"), ("beta", "β"), ("epsilon", "ε")].iter().find(|(name, _)| *name == part);
            format!("<mi>{}</mi>", letter.map_or(part, |(_, letter)| letter))
        }
        // gx is the gradient with respect to x.
        "gx" | "gy" | "ga" | "gb" | "gc" | "gw" | "gg" => format!("<msub><mi>g</mi><mi>{}</mi></msub>", &part[1..]),
        word if word.chars().all(|c| c.is_ascii_digit() || c == '.') => format!("<mn>{word}</mn>"),
        word if word.chars().count() == 1 && !word.chars().all(char::is_alphabetic) => format!("<mo>{word}</mo>"),
        word if word.chars().count() <= 2 => format!("<mi>{word}</mi>"),
        word => format!("<mspace width=\"0.25em\"/><mtext>{word}</mtext><mspace width=\"0.25em\"/>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dictionary_holds_the_registry_and_nothing_else() {
        let names: Vec<String> = dictionary().into_keys().collect();
        let mut registry: Vec<&str> = REGISTRY.iter().map(|entry| entry.name).collect();
        registry.sort_unstable();
        assert_eq!(names, registry);
        for (name, word) in dictionary() {
            assert!(!word.idea.is_empty() && !word.derivation.is_empty() && word.chapter.starts_with('c'), "{name}");
            assert!(word.source_file.starts_with("crates/"), "{name}: {}", word.source_file);
        }
    }

    #[test]
    fn formulas_become_elements() {
        let inner = |formula: &str| {
            let math = mathml(formula);
            math.split_once("<mrow>").unwrap().1.strip_suffix("</mrow></math>").unwrap().to_owned()
        };
        assert_eq!(inner("y = 2"), "<mi>y</mi><mo>=</mo><mn>2</mn>");
        assert_eq!(inner("b^T"), "<msup><mi>b</mi><mrow><mi>T</mi></mrow></msup>");
        assert_eq!(inner("e^-x"), "<msup><mi>e</mi><mrow><mo>-</mo><mi>x</mi></mrow></msup>");
        assert_eq!(inner("gx <= 0"), "<msub><mi>g</mi><mi>x</mi></msub><mo>≤</mo><mn>0</mn>");
        assert_eq!(aloud("gx = -y^2 * gy"), "gx = -y squared times gy");
    }

    /// Every start tag has its end tag, in order.
    #[test]
    fn every_formula_is_well_formed() {
        for entry in &REGISTRY {
            for formula in [entry.forward, entry.rule] {
                let math = mathml(formula);
                let mut open = Vec::new();
                for tag in math.split('<').skip(1).filter_map(|piece| piece.split('>').next()) {
                    if let Some(name) = tag.strip_prefix('/') {
                        assert_eq!(open.pop(), Some(name), "{math}");
                    } else if !tag.ends_with('/') {
                        open.push(tag.split(' ').next().unwrap_or_default());
                    }
                }
                assert!(open.is_empty(), "{math}");
            }
        }
    }
}
