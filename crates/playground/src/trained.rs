//! A trained generator as a small file: the weights of the generator of [`crate::pictures`] as
//! 16-bit floats.
//!
//! The file is the number of latents as one byte, then every tensor of the network in its order,
//! each number as an IEEE 754 half in little-endian order.

use nn::Network;

use crate::pictures;

/// The file of a generator with `latent` latents.
pub fn encode(generator: &Network) -> Vec<u8> {
    let mut file = vec![generator.input_shape()[0] as u8];
    for (_, _, tensor) in generator.tensors() {
        file.extend(tensor.data().iter().flat_map(|number| half(*number).to_le_bytes()));
    }
    file
}

/// The generator of a file.
///
/// # Errors
/// When the file is not one that [`encode`] wrote.
pub fn decode(file: &[u8]) -> Result<Network, String> {
    let damaged = || "the file of the trained generator is damaged".to_owned();
    let (latent, mut rest) = file.split_first().ok_or_else(damaged)?;
    if !(1..=64).contains(latent) {
        return Err(damaged());
    }
    let mut generator = pictures::generator(usize::from(*latent), 0);
    for (_, _, tensor) in generator.tensors_mut() {
        let (own, after) = rest.split_at_checked(2 * tensor.size()).ok_or_else(damaged)?;
        let numbers = own.chunks_exact(2).map(|pair| single(u16::from_le_bytes([pair[0], pair[1]])));
        tensor.data_mut().iter_mut().zip(numbers).for_each(|(to, number)| *to = number);
        rest = after;
    }
    if rest.is_empty() { Ok(generator) } else { Err(damaged()) }
}

/// The nearest half-precision number; values that are too large become the largest one, tiny ones
/// 0.
fn half(number: f32) -> u16 {
    let bits = number.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    // Rounded to ten bits of fraction, ties away from zero.
    let rounded = (bits & 0x7fff_ffff) + 0x1000;
    let exponent = (rounded >> 23) as i32 - 127 + 15;
    match exponent {
        ..=0 => 0,
        31.. => sign | 0x7bff,
        _ => sign | (exponent as u16) << 10 | (rounded >> 13 & 0x3ff) as u16,
    }
}

/// The value of a normal half-precision number.
fn single(half: u16) -> f32 {
    let (sign, exponent, fraction) = (u32::from(half >> 15), u32::from(half >> 10 & 31), u32::from(half & 0x3ff));
    if exponent == 0 {
        return 0.0;
    }
    f32::from_bits(sign << 31 | (exponent + 127 - 15) << 23 | fraction << 13)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_of_the_page_draws_lines_on_paper() {
        let file = include_bytes!("../site/apples.f16");
        assert!(file.len() < 150_000, "{} bytes", file.len());
        let generator = decode(file).unwrap();
        let latents = models::LatentKind::Normal.draw(8, generator.input_shape()[0], kernels::Key::named(1, "latents"));
        for picture in generator.infer(&latents).data().chunks(pictures::PIXELS) {
            let ink = picture.iter().filter(|ink| **ink > 0.5).count();
            assert!((40..300).contains(&ink), "{ink} pixels of ink");
        }
    }

    #[test]
    fn a_file_reads_as_it_was_written_to_three_digits() {
        let generator = pictures::generator(3, 5);
        let file = encode(&generator);
        let read = decode(&file).unwrap();
        for ((name, _, a), (_, _, b)) in generator.tensors().into_iter().zip(read.tensors()) {
            for (a, b) in a.data().iter().zip(b.data()) {
                assert!((a - b).abs() <= a.abs() / 2000.0 + 7e-5, "{name}: {a} {b}");
            }
        }
        assert!(encode(&read) == file, "a second time nothing is lost");
        assert!(decode(&file[1..]).is_err() && decode(&[]).is_err() && decode(&file[..file.len() - 1]).is_err());
        assert_eq!([1.0, -0.5, 65504.0, 1e9].map(|x| single(half(x))), [1.0, -0.5, 65504.0, 65504.0]);
    }
}
