//! `train gradcheck`: checks the derivatives of the engine's operations.

use datasets::{advice, plural};

use crate::cli::tools::GradcheckArgs;
use runs::console;
use runs::failure::{Code, Failure};
use runs::suggestion::suggestion;
use serde_json::json;
use tensor::gradcheck::{Check, check_entry};
use tensor::ops::{Entry as Operation, REGISTRY};

/// The operation called `name`.
///
/// # Errors
/// When there is none, with the nearest name.
pub(crate) fn operation(name: &str) -> Result<&'static Operation, Failure> {
    let names: Vec<_> = REGISTRY.iter().map(|entry| entry.name).collect();
    REGISTRY.iter().find(|entry| entry.name == name).ok_or_else(|| {
        Failure::new(Code::Usage, format!("there is no operation `{name}`")).help(advice!(
            "no-such-operation",
            "{}",
            suggestion(name, &names)
        ))
    })
}

/// Checks one operation, or all, and prints a line for each.
///
/// # Errors
/// When there is no such operation; when a derivative is wrong.
pub(crate) fn run(options: &GradcheckArgs) -> Result<(), Failure> {
    match &options.op {
        Some(name) => checked(std::slice::from_ref(operation(name)?), options.json),
        None => checked(&REGISTRY, options.json),
    }
}

fn checked(chosen: &[Operation], as_json: bool) -> Result<(), Failure> {
    let check = Check::default();
    let [first, second] = check.tolerance;
    if !as_json {
        console::print(&format!("{:<20}{:>8}{:>15}{:>15}\n", "operation", "checks", "first order", "second order"))?;
    }
    let (mut total, mut wrong, mut all) = (0, Vec::new(), Vec::new());
    for entry in chosen {
        let name = entry.name;
        let found = check_entry(entry, check);
        let (line, object) = match &found {
            Ok((count, worst)) => (
                format!("{name:<20}{count:>8}{:>15.1e}{:>15.1e}  ok\n", worst[0], worst[1]),
                json!({ "operation": name, "checks": count, "worst": worst, "ok": true }),
            ),
            Err(_) => (format!("{name:<20}{:>40}\n", "WRONG"), json!({ "operation": name, "ok": false })),
        };
        match found {
            Ok((count, _)) => total += count,
            Err(found) => wrong.push(found.to_string()),
        }
        all.push(object);
        if !as_json {
            console::print(&line)?;
        }
    }
    if as_json {
        let report = json!({ "tolerance": check.tolerance, "operations": all });
        console::print(&format!("{report:#}\n"))?;
    } else if wrong.is_empty() {
        let what = format!("{} {}", chosen.len(), plural(chosen.len(), "operation"));
        console::print(&format!(
            "{what}, {total} checks: all right. These are the worst relative errors;\nthe limits are {first:e} for \
             gradients and {second:e} for gradients of gradients.\n"
        ))?;
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Code::Wrong, format!("{} of {} operations have a wrong derivative", wrong.len(), chosen.len()))
        .because(wrong.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::ops::{Case, Domain, sample};

    #[test]
    fn a_wrong_derivative_is_a_failure_with_a_code_of_its_own() {
        // Half of the gradient of a square is cut off.
        let half = || vec![Case::new("six", vec![sample(Domain::Any, 1, &[6])], |v| &v[0] * &v[0].detach())];
        let wrong = Operation { name: "half_a_square", cases: half, ..*operation("square").expect("an operation") };
        let failure = checked(&[wrong], false).expect_err("it is wrong");
        assert_eq!(failure.code, Code::Wrong);
        let message = failure.to_string();
        for part in ["1 of 1 operations", "op `half_a_square` (six)", "expected", "ratio 0.5"] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }

    #[test]
    fn a_mistyped_operation_gets_the_nearest_name() {
        let Err(failure) = operation("matmull") else { panic!("there is no such operation") };
        assert_eq!(failure.code, Code::Usage);
        assert!(failure.to_string().contains("did you mean `matmul`?"), "{failure}");
    }
}
