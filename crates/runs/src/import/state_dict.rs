//! [`StateDict`]: the tensors of a PyTorch module, saved as .safetensors, in PyTorch's layouts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use datasets::advice;
use nn::StateError;
use sha2::{Digest, Sha256};
use tensor::Tensor;

use crate::checkpoint::{self, Flaw};
use crate::failure::{Code, Failure};
use crate::layouts::permuted;

/// The end of the names of batch counters, which are integers and which inference does not need.
const COUNTER: &str = "num_batches_tracked";
/// The start of all names if the module was saved within PyTorch's `DataParallel`.
const PARALLEL: &str = "module.";

/// The tensors of a file, by their names in the file.
#[derive(Debug)]
pub(crate) struct StateDict {
    pub path: PathBuf,
    pub tensors: BTreeMap<String, Tensor>,
    /// The metadata of the file.
    pub metadata: BTreeMap<String, String>,
}

/// A tensor that is needed: the name here, the name in the file, and the shape here.
pub(crate) struct Wanted {
    pub ours: String,
    pub theirs: String,
    pub shape: Vec<usize>,
    pub layout: Layout,
}

/// How the axes of a tensor in a file and those here correspond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// As those of weights ([`swapped`]).
    Weight,
    /// As those of images: (..., h, w, c) here, (1, c, h, w) in the file. A tensor that is added
    /// to vectors has the shape (1, c) there.
    Images,
}

impl Layout {
    /// The shape that a tensor of this shape here has in the file, with `rank` axes.
    fn in_file(self, shape: &[usize], rank: usize) -> Vec<usize> {
        if self == Self::Weight {
            return swapped(shape);
        }
        let padded = [&vec![1; rank.saturating_sub(shape.len())][..], shape].concat();
        match padded[..] {
            [n, h, w, c] => vec![n, c, h, w],
            _ => padded,
        }
    }

    /// A tensor of the file as it is here, in this shape.
    pub(crate) fn to_ours(self, tensor: &Tensor, shape: &[usize]) -> Tensor {
        match (self, tensor.shape().len()) {
            (Self::Weight, _) => of_pytorch(tensor),
            (Self::Images, 4) => permuted(tensor, &[0, 2, 3, 1]).reshape(shape),
            (Self::Images, _) => tensor.reshape(shape),
        }
    }
}

impl StateDict {
    /// Reads the file `path`. Counters of batches are left out, and the prefix of `DataParallel` is
    /// removed.
    ///
    /// # Errors
    /// When it is not a .safetensors file of finite `f32` numbers. No file content causes a panic.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        Self::read_here(path).map_err(|flaw| unusable(path, &flaw))
    }

    fn read_here(path: &Path) -> Result<Self, Flaw> {
        let (mut file, length) = checkpoint::open(path)?;
        let (_, _, container) = checkpoint::container(&mut file, length)?;
        let (mut tensors, mut hasher) = (BTreeMap::new(), Sha256::new());
        for name in container.offset_keys() {
            let Some(info) = container.info(&name) else { continue };
            match checkpoint::tensor(&name, info, &mut file, &mut hasher)? {
                _ if name.ends_with(COUNTER) => {}
                Ok(tensor) => drop(tensors.insert(name, tensor)),
                Err(flaw) => return Err(flaw),
            }
        }
        if tensors.keys().all(|name| name.starts_with(PARALLEL)) {
            tensors = tensors.into_iter().map(|(name, tensor)| (name[PARALLEL.len()..].to_owned(), tensor)).collect();
        }
        let metadata = container.metadata().clone().unwrap_or_default().into_iter().collect();
        Ok(Self { path: path.to_owned(), tensors, metadata })
    }

    /// The size of axis `axis` of the tensor `name`, if there is one.
    pub(crate) fn size(&self, name: &str, axis: usize) -> Option<usize> {
        self.tensors.get(name)?.shape().get(axis).copied()
    }

    /// The differences between this file and the tensors that are wanted, in PyTorch's names and
    /// layouts.
    pub(crate) fn misfits(&self, wanted: &[Wanted]) -> StateError {
        let mut error = StateError::default();
        let mut unexpected: BTreeSet<&String> = self.tensors.keys().collect();
        for Wanted { theirs, shape, layout, .. } in wanted {
            let found = self.tensors.get(theirs).filter(|_| unexpected.remove(theirs));
            let Some(found) = found.map(Tensor::shape) else {
                error.missing.push(theirs.clone());
                continue;
            };
            let expected = layout.in_file(shape, found.len());
            if **found != expected {
                error.reshaped.push((theirs.clone(), expected, found.to_vec()));
            }
        }
        error.unexpected.extend(unexpected.into_iter().cloned());
        error
    }

    /// The tensors that are wanted, by their names here and in the layouts of this project.
    ///
    /// # Errors
    /// When the file does not have exactly these, with these shapes: lists all differences.
    pub(crate) fn take(mut self, wanted: &[Wanted]) -> Result<BTreeMap<String, Tensor>, StateError> {
        let error = self.misfits(wanted);
        if error != StateError::default() {
            return Err(error);
        }
        let ours =
            |one: &Wanted| Some((one.ours.clone(), one.layout.to_ours(&self.tensors.remove(&one.theirs)?, &one.shape)));
        Ok(wanted.iter().filter_map(ours).collect())
    }
}

/// The failure for a file that cannot be read.
fn unusable(path: &Path, flaw: &Flaw) -> Failure {
    let help = match flaw {
        Flaw::Pickle => advice!(
            "weights-are-a-pickle",
            "convert it where it was made, with tools/to_safetensors.py from the sources of this program"
        ),
        Flaw::Unreadable(_) | Flaw::NotAFile(_) | Flaw::Axes { .. } => {
            advice!("weights-unreadable", "give a .safetensors file with the weights of a network")
        }
        Flaw::TooLarge { .. } => flaw.help(path),
        Flaw::Type { .. } => advice!("weights-not-f32", "convert the weights to float32 and save them again"),
        _ => advice!("weights-damaged", "give a .safetensors file; if it is one, save or download it again"),
    };
    Failure::new(Code::Checkpoint, "cannot read the weights").at(path.display()).because(flaw).help(help)
}

/// The shape in PyTorch of a tensor with this shape here, and the other way round for dense layers:
///
/// | tensor | here | in PyTorch |
/// |---|---|---|
/// | weight of a convolution | (kh, kw, in, out) | (out, in, kh, kw) |
/// | of a transposed convolution | (kh, kw, out, in) | (in, out, kh, kw) |
/// | of a dense layer | (in, out) | (out, in) |
pub(crate) fn swapped(shape: &[usize]) -> Vec<usize> {
    match *shape {
        [h, w, a, b] => vec![b, a, h, w],
        [a, b] => vec![b, a],
        _ => shape.to_vec(),
    }
}

/// A tensor of PyTorch in the layout of this project.
pub(crate) fn of_pytorch(tensor: &Tensor) -> Tensor {
    match tensor.shape().len() {
        4 => permuted(tensor, &[2, 3, 1, 0]),
        2 => permuted(tensor, &[1, 0]),
        _ => tensor.clone(),
    }
}

/// The weights that a layer multiplies by `factor` to get the weights `used`.
///
/// The rounded quotient is the number closest to the exact one. So if any number times `factor`
/// rounds to `used`, the rounded quotient does too. If `used` is a power of two, its product can
/// instead round to the number below, because numbers below a power of two are closer together.
///
/// # Errors
/// The first of `used` whose quotient is not finite.
pub(super) fn unscaled(used: &Tensor, factor: f64) -> Result<Tensor, f32> {
    let quotients = Tensor::from_fn(*used.shape(), |i| used.data()[i] / factor as f32);
    match quotients.data().iter().position(|quotient| !quotient.is_finite()) {
        Some(index) => Err(used.data()[index]),
        None => Ok(quotients),
    }
}

/// The name in PyTorch of the tensor of a layer that is called `name` here.
pub(crate) fn name_in_pytorch(name: &str) -> &str {
    match name {
        "gamma" => "weight",
        "beta" => "bias",
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernels::Key;
    use tensor::Var;

    #[test]
    fn what_was_multiplied_by_a_factor_is_used_again_to_the_last_bit() {
        let scaled = |tensor: &Tensor, factor: f64| Var::constant(tensor.clone()).scale(factor).into_value();
        for (at, factor) in [2f64.sqrt() / 24.0, 0.01 * 2f64.sqrt() / 8.0, 0.01, 1.0 / 3.0].into_iter().enumerate() {
            let mut weights = nn::init::normal(&[40_000], 0.0, 3.0, Key::named(at as u64, "weights"));
            weights.data_mut()[..4].copy_from_slice(&[0.0, 1.0, 2.0f32.next_down(), -1e-30]);
            let mut used = scaled(&weights, factor);
            assert_eq!(scaled(&unscaled(&used, factor).unwrap(), factor), used, "{factor}");
            used.data_mut()[7] = 3e38;
            assert_eq!(unscaled(&used, factor), Err(3e38), "{factor}");
        }
    }

    #[test]
    fn tensors_laid_out_like_images_come_back() {
        let counted = |shape: &[usize]| Tensor::from_fn(shape, |i| i as f32);
        // Channel 1 of pixel (2, 1).
        assert_eq!(Layout::Images.to_ours(&counted(&[1, 2, 3, 2]), &[3, 2, 2]).data()[(2 * 2 + 1) * 2 + 1], 11.0);
        let shapes: [(&[usize], &[usize]); 4] =
            [(&[5], &[1, 5, 1, 1]), (&[5], &[1, 5]), (&[4, 3, 5], &[1, 5, 4, 3]), (&[1, 1, 1, 5], &[1, 5, 1, 1])];
        for (ours, theirs) in shapes {
            assert_eq!(Layout::Images.in_file(ours, theirs.len()), theirs);
            assert_eq!(Layout::Images.to_ours(&counted(theirs), ours).shape().to_vec(), ours);
        }
        assert_ne!(Layout::Images.in_file(&[4, 3, 5], 2), [15, 1], "fewer axes do not fit");
    }

    #[test]
    fn layouts_are_turned_and_shapes_with_them() {
        let counted = |shape: &[usize]| Tensor::from_fn(shape, |i| i as f32);
        let turned = of_pytorch(&counted(&[2, 3, 4, 5]));
        assert_eq!(**turned.shape(), [4, 5, 3, 2]);
        // Element (y, x, in, out) of the one is element (out, in, y, x) of the other.
        let at = |[y, x, i, o]: [usize; 4]| turned.data()[((y * 5 + x) * 3 + i) * 2 + o];
        assert_eq!(at([1, 2, 0, 1]), counted(&[2, 3, 4, 5]).data()[(3 * 4 + 1) * 5 + 2]);
        assert_eq!(of_pytorch(&counted(&[2, 3])).data(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(of_pytorch(&counted(&[3])), counted(&[3]));
        for shape in [&[4, 5, 3, 2][..], &[3, 2], &[7], &[]] {
            assert_eq!(**of_pytorch(&counted(&swapped(shape))).shape(), *shape);
        }
    }
}
