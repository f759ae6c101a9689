//! The classes of images: an index for each image, and a name for each index.

use crate::advice::quoted;
use crate::error::DataError;
use crate::nearest::nearest;
use crate::plural::plural;
use crate::text::{listed, shown};
use std::path::Path;

/// The most labels that are kept in memory.
pub(crate) const MAX_LABELS: usize = 1 << 26;

/// One class for each image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Labels {
    of_each: Vec<u32>,
    names: Vec<String>,
}

/// The images of one class.
pub(crate) struct Chosen {
    /// Its index.
    pub(crate) class: usize,
    /// The indices of its images.
    pub(crate) images: Vec<usize>,
}

impl Labels {
    /// Labels that are indices into `names`.
    ///
    /// # Panics
    /// If a label has no name.
    #[track_caller]
    pub(crate) fn new(of_each: Vec<u32>, names: Vec<String>) -> Self {
        if let Some(label) = of_each.iter().find(|&&label| label as usize >= names.len()) {
            panic!("Labels::new: label {label} has no name, there are {}", names.len());
        }
        Self { of_each, names }
    }

    pub(crate) fn of_each(&self) -> &[u32] {
        &self.of_each
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The labels of the images at `indices`.
    pub(crate) fn select(&self, indices: &[usize]) -> Self {
        Self { of_each: indices.iter().map(|&index| self.of_each[index]).collect(), names: self.names.clone() }
    }

    /// The images of the class with this name or index; names have precedence.
    pub(crate) fn images_of(&self, class: &str, origin: &str) -> Result<Chosen, DataError> {
        let named = self.names.iter().position(|name| name == class);
        let number = || class.parse().ok().filter(|&number: &usize| number < self.names.len());
        let Some(found) = named.or_else(number) else {
            let guess = nearest(class, self.names.iter().map(String::as_str));
            return Err(DataError::invalid_set(
                format!("there is no class '{}'", shown(class)),
                format!("{origin}: the classes are: {}", listed(&self.names)),
                match guess {
                    Some(near) => advice!("class-near", "did you mean `--class {}`?", quoted(near)),
                    None => advice!("no-such-class", "give one of them, or its index, counted from 0"),
                },
            ));
        };
        let images: Vec<usize> = (0..self.of_each.len()).filter(|&at| self.of_each[at] as usize == found).collect();
        if images.is_empty() {
            return Err(DataError::invalid_set(
                format!("there are no images of class '{}'", shown(class)),
                format!(
                    "{origin}: none of {} {} has this class",
                    self.of_each.len(),
                    plural(self.of_each.len(), "image")
                ),
                advice!("empty-class", "use another class, or a larger data set"),
            ));
        }
        Ok(Chosen { class: found, images })
    }

    /// The error for a class of images that have no classes.
    pub(crate) fn none(class: &str, origin: &str) -> DataError {
        DataError::invalid_set(
            format!("there is no class '{}'", shown(class)),
            format!("{origin}: the images have no classes"),
            advice!("no-classes", "leave out `--class`"),
        )
    }
}

/// The error for more labels than are kept in memory.
pub(crate) fn too_many_labels(path: &Path, why: String) -> DataError {
    DataError::invalid(path, "too many labelled images", why, advice!("too-many-labels", "use a part of them"))
}

#[cfg(test)]
mod tests {
    use crate::Images;

    #[test]
    fn a_class_is_found_by_name_or_number() {
        let names = ["cat", "dog", "7"].map(str::to_owned).to_vec();
        let images = Images::new(vec![1, 2, 3, 4], [1, 1, 1], "a test".into()).with_labels(vec![0, 1, 0, 2], names);
        let pixels = |class: &str| -> Vec<u8> {
            let chosen = images.of_class(class).unwrap();
            (0..chosen.count()).flat_map(|index| chosen.image(index).unwrap().to_vec()).collect()
        };
        assert_eq!(pixels("cat"), [1, 3]);
        assert_eq!(pixels("1"), [2]);
        assert_eq!(pixels("7"), [4], "a name comes before a number");
        assert_eq!(images.of_class("dog").unwrap().labels(), Some(&[1][..]));
        let error = images.of_class("dogs").unwrap_err();
        assert!(error.help().text().contains("`--class dog`") && error.why().contains("cat, dog, 7"), "{error}");
        assert!(images.of_class("3").is_err());
        let plain = Images::new(vec![1], [1, 1, 1], "plain".into());
        assert!(plain.of_class("cat").unwrap_err().why().contains("no classes"));
    }
}
