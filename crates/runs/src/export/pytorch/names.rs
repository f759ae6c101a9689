//! [`Names`]: names of layers as names of Python.

use std::collections::HashSet;

/// The keywords of Python, which no variable can have as its name.
const KEYWORDS: &str = "False None True and as assert async await break class continue def del elif else except \
    finally for from global if import in is lambda nonlocal not or pass raise return try while with yield";
/// The attributes of `nn.Module`, which a layer must not replace.
const OF_MODULE: &str = "T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda \
    double dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half \
    ipu load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters \
    register_backward_hook register_buffer register_forward_hook register_forward_pre_hook \
    register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook \
    register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook \
    register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty \
    train training type xpu zero_grad";
/// The names that the generated code itself uses.
const OF_CODE: &str = "x self torch nn F numpy Path load_file resample Generator load";

/// Unique names.
#[derive(Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// Names of the attributes of a module.
    pub(super) fn of_attributes() -> Self {
        Self(KEYWORDS.split_whitespace().chain(OF_MODULE.split_whitespace()).map(str::to_owned).collect())
    }

    /// Names of the variables of a function.
    pub(super) fn of_variables() -> Self {
        Self(KEYWORDS.split_whitespace().chain(OF_CODE.split_whitespace()).map(str::to_owned).collect())
    }

    /// Takes this name.
    pub(super) fn reserve(&mut self, name: &str) {
        self.0.insert(name.to_owned());
    }

    /// A new name for the layer called `name`: `res1.conv1` becomes `res1_conv1`, `8x8.conv`
    /// becomes `b8x8_conv`.
    pub(super) fn of(&mut self, name: &str) -> String {
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
        let mut base: String = name.chars().map(plain).collect();
        if !base.starts_with(|first: char| first.is_ascii_alphabetic()) {
            // Names that begin with an underscore are those of Python and PyTorch themselves.
            base.insert(0, 'b');
        }
        let mut unique = base.clone();
        let mut number = 2;
        while !self.0.insert(unique.clone()) {
            unique = format!("{base}_{number}");
            number += 1;
        }
        unique
    }
}

/// A line of text within the documentation of a module.
pub(super) fn documented(line: &str) -> String {
    let escaped = line.replace('\\', "\\\\").replace('"', "\\\"");
    escaped.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_python() {
        let mut names = Names::of_attributes();
        for (layer, name) in [
            ("res1.conv1", "res1_conv1"),
            ("res1_conv1", "res1_conv1_2"),
            ("8x8_up.conv", "b8x8_up_conv"),
            ("forward", "forward_2"),
            ("class", "class_2"),
            ("_private", "b_private"),
            ("a b\"; import os #", "a_b___import_os__"),
            ("\u{e9}t\u{e9}", "b_t_"),
            ("", "b"),
        ] {
            assert_eq!(names.of(layer), name, "{layer}");
        }
        assert_eq!(documented("a \"\"\" b\\\n"), "a \\\"\\\"\\\" b\\\\ ");
    }
}
