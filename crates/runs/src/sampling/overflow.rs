//! Given latents, styles and directions whose numbers are too large to calculate with.

use datasets::advice;

use super::SampleRequest;
use super::chosen::Chosen;
use crate::failure::{Code, Failure};
use models::FromLatents;
use tensor::Tensor;

/// The number of the first row of `length` numbers, from 1, whose sum of squares is more than an
/// `f32` can hold, and its largest number. Networks divide latents and styles by this sum: they
/// would draw from zeros, and nobody would notice.
pub(super) fn first(rows: &[f32], length: usize) -> Option<(usize, f32)> {
    let overflows = |row: &[f32]| {
        let squares: f32 = row.iter().map(|x| x * x).sum();
        !squares.is_finite()
    };
    let at = rows.chunks(length).position(overflows)?;
    let row = rows[at * length..].iter().take(length).copied();
    Some((at + 1, row.fold(0.0, |largest, x| if x.abs() > f32::abs(largest) || x.is_nan() { x } else { largest })))
}

/// The `failure` of a request to draw from the latents `chosen` with `sampler`. If the output of
/// the network was not finite because of what the request gives, the failure says so; `plain` draws
/// without it.
pub(super) fn explained(
    failure: Failure,
    request: &SampleRequest,
    plain: &dyn FromLatents,
    sampler: &dyn FromLatents,
    chosen: &Chosen,
) -> Failure {
    let given = [
        ("--latents", request.latents.is_some()),
        ("--styles", request.styles.is_some()),
        ("--direction", !request.directions.is_empty()),
    ];
    let given: Vec<&str> = given.iter().filter(|(_, given)| *given).map(|(option, _)| *option).collect();
    let is_finite = |images: Tensor| images.count_non_finite() == 0;
    // Without the given numbers, only the weights can be the cause.
    if failure.code != Code::Diverged || given.is_empty() || !is_finite(plain.draw(&plain.latents(0, "probe", 1))) {
        return failure;
    }
    let (rows, length) = chosen.latents(sampler);
    let overflows = |row: &[f32]| !is_finite(sampler.draw(&Tensor::new(&[1, length], row.to_vec())));
    let row = match rows.chunks(length).position(overflows) {
        Some(at) => format!("row {} of {}", at + 1, chosen.label()),
        None => format!("a frame between the rows of {}", chosen.label()),
    };
    let why = format!("from {row}, the network calculates NaN or infinity, but not from an ordinary sample");
    too_large(&given.join(" and "), why)
}

/// The failure for numbers given with `option`.
pub(super) fn too_large(option: &str, why: String) -> Failure {
    Failure::new(Code::Usage, "the numbers are too large for the network")
        .at(format!("option {option}"))
        .because(why)
        .help(advice!(
            "smaller-rows",
            "give smaller numbers, such as those of ordinary samples: most lie between -4 and 4"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::chosen::Given;
    use crate::sampling::pictures;
    use models::LatentKind;

    /// Multiplies its latents by a weight.
    struct Scaled(f32);

    impl FromLatents for Scaled {
        fn kind(&self) -> LatentKind {
            LatentKind::Normal
        }
        fn latents(&self, _seed: u64, _stream: &str, count: usize) -> Tensor {
            Tensor::full([count, 2], 1.0)
        }
        fn draw(&self, latents: &Tensor) -> Tensor {
            Tensor::from_fn(*latents.shape(), |i| self.0 * latents.data()[i])
        }
    }

    #[test]
    fn the_first_row_that_overflows_is_found() {
        assert_eq!(first(&[1.0, -4.0, 1e19, 1e19], 2), None);
        assert_eq!(first(&[1.0, 2.0, 0.5, -3e38], 2), Some((2, -3e38)));
        assert_eq!(first(&[1.5e19, 1.5e19], 1), None);
        assert_eq!(first(&[1.5e19, 1.5e19], 2), Some((1, 1.5e19)), "together");
        assert_eq!(first(&[f32::NEG_INFINITY, 1.0], 2), Some((1, f32::NEG_INFINITY)));
        assert!(first(&[f32::NAN, 1.0], 2).is_some_and(|(_, largest)| largest.is_nan()));
    }

    #[test]
    fn the_weights_are_blamed_only_if_an_ordinary_sample_overflows_too() {
        let chosen = Chosen::Given(Given {
            rows: vec![1.0, 1.0, 1e10, 0.0],
            count: 2,
            what: "latents",
            text: "z.npy".to_owned(),
        });
        let request = SampleRequest { latents: Some("z.npy".to_owned()), ..SampleRequest::default() };
        let not_finite = || pictures::finite(Tensor::full([1, 1], f32::NAN)).unwrap_err();
        let explain = |request: &SampleRequest, weight: f32| {
            explained(not_finite(), request, &Scaled(weight), &Scaled(weight), &chosen)
        };
        let failure = explain(&request, 1e30);
        assert_eq!(failure.code, Code::Usage);
        assert!(failure.to_string().contains("from row 2 of latents z.npy"), "{failure}");
        assert!(failure.to_string().contains("option --latents"), "{failure}");
        assert_eq!(explain(&request, f32::INFINITY), not_finite());
        assert_eq!(explain(&SampleRequest::default(), 1e30), not_finite(), "nothing is given");
        let elsewhere = Failure::new(Code::Storage, "the disk is full");
        assert_eq!(explained(elsewhere.clone(), &request, &Scaled(1e30), &Scaled(1e30), &chosen), elsewhere);
    }
}
