//! A failure as a message to other ranks.

use datasets::Advice;
use serde_json::{Value, json};

use crate::failure::{Code, Failure};

/// The failure as JSON.
pub(super) fn encode(failure: &Failure) -> String {
    let Failure { code, what, place, why, help } = failure;
    let help = help.as_ref().map(Advice::text);
    json!({"code": *code as u8, "what": what, "place": place, "why": why, "help": help}).to_string()
}

/// The failure that [`encode`] was given.
pub(super) fn decode(text: &str) -> Failure {
    let fields: Value = serde_json::from_str(text).unwrap_or_default();
    let text = |name: &str| fields[name].as_str().map(str::to_owned);
    let code = Code::ALL.into_iter().find(|code| Some(u64::from(*code as u8)) == fields["code"].as_u64());
    Failure {
        code: code.unwrap_or(Code::Network),
        what: text("what").unwrap_or_else(|| "another rank has failed".into()),
        place: text("place"),
        why: text("why"),
        // `advice!` made the text on the other rank.
        help: text("help").map(|text| Advice::from_macro("of-another-rank", text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datasets::advice;

    #[test]
    fn a_failure_arrives_as_it_was_sent() {
        for code in Code::ALL {
            let failure = Failure::new(code, "cannot \"read\"").at("a/b").because("it\nis full");
            assert_eq!(decode(&encode(&failure)), failure);
            let helped = failure.help(advice!("of-this-test", "free some space"));
            assert_eq!(decode(&encode(&helped)).to_string(), helped.to_string());
        }
        assert_eq!(decode("").code, Code::Network);
    }
}
