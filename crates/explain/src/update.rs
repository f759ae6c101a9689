//! The optimiser's update of one parameter, in words and numbers.

use nn::Rule;

use crate::recorder::UpdateRecord;
use crate::story::short;
use crate::summary::l2;

/// The rule with its constants.
pub(crate) fn rule_text(update: &UpdateRecord) -> String {
    let rate = update.learning_rate;
    let clip = if update.clip.is_finite() {
        format!(" Each element of g is first forced into [-{0}, {0}].", update.clip)
    } else {
        String::new()
    };
    let rule = match update.rule {
        Rule::RmsProp { rho, epsilon } => format!(
            "RMSprop: s = {rho} s + {} g^2, theta = theta - {rate} g / (sqrt(s) + {epsilon:e}). Each number is divided by its own running size, so that all \
             move about equally far.",
            rounded(1.0 - rho)
        ),
        Rule::Adam { beta1, beta2, epsilon } | Rule::AdamTf { beta1, beta2, epsilon } => format!(
            "Adam: m = {beta1} m + {} g, s = {beta2} s + {} g^2, theta = theta - {rate} m' / (sqrt(s') + {epsilon:e}), where m' and s' are m and s \
             without the weight of their start (update {}).",
            rounded(1.0 - beta1),
            rounded(1.0 - beta2),
            update.number
        ),
        Rule::Sgd { momentum: 0.0, .. } => format!("Gradient descent: theta = theta - {rate} g."),
        Rule::Sgd { momentum, nesterov } => {
            let kind = if nesterov { "Nesterov's momentum" } else { "Momentum" };
            format!("{kind}: v = {momentum} v - {rate} g, theta = theta + v.")
        }
    };
    rule + &clip
}

/// 1 - 0.9 as 0.1.
fn rounded(x: f64) -> f64 {
    (x * 1e9).round() / 1e9
}

/// What the rule remembers of the parameter.
pub(crate) fn state_text(update: &UpdateRecord) -> String {
    let told = |(name, tensor): &(&'static str, tensor::Tensor)| {
        format!("{} has length {} now", name.replace('_', " "), short(l2(tensor)))
    };
    let memory: Vec<String> = update.memory.iter().map(told).collect();
    format!(
        "Update {}. {}",
        update.number,
        if memory.is_empty() { "Nothing is remembered.".into() } else { format!("Its {}.", memory.join("; its ")) }
    )
}
