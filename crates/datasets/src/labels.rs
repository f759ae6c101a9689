//! The classes of images: a number for each image, and a name for each number.

use crate::advice::{Advice, quoted};
use crate::error::{DataError, listed, shown};
use crate::nearest::nearest;
use crate::plural::plural;

/// One class for each image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Labels {
    of_each: Vec<u32>,
    names: Vec<String>,
}

/// The images of one class.
pub(crate) struct Chosen {
    /// The class.
    pub(crate) class: usize,
    /// Its images, in order.
    pub(crate) images: Vec<usize>,
}

impl Labels {
    /// Labels that are places in `names`.
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

    /// The labels of the images `indices`.
    pub(crate) fn chosen(&self, indices: &[usize]) -> Self {
        Self { of_each: indices.iter().map(|&index| self.of_each[index]).collect(), names: self.names.clone() }
    }

    /// The images of the class called or numbered `class`; a name comes before a number.
    pub(crate) fn images_of(&self, class: &str, origin: &str) -> Result<Chosen, DataError> {
        let named = self.names.iter().position(|name| name == class);
        let number = || class.parse().ok().filter(|&number: &usize| number < self.names.len());
        let Some(found) = named.or_else(number) else {
            let guess = nearest(class, self.names.iter().map(String::as_str));
            return Err(refused(
                format!("there is no class '{}'", shown(class)),
                format!("{origin}: the classes are: {}", listed(&self.names)),
                match guess {
                    Some(near) => advice!("class-near", "did you mean `--class {}`?", quoted(near)),
                    None => advice!("no-such-class", "name one of them, or its number from 0"),
                },
            ));
        };
        let images: Vec<usize> = (0..self.of_each.len()).filter(|&at| self.of_each[at] as usize == found).collect();
        if images.is_empty() {
            return Err(refused(
                format!("there are no images of class '{}'", shown(class)),
                format!(
                    "{origin}: none of {} {} has this class",
                    self.of_each.len(),
                    plural(self.of_each.len(), "image")
                ),
                advice!("empty-class", "name another class, or use a larger set"),
            ));
        }
        Ok(Chosen { class: found, images })
    }

    /// The error for a class of images that have none.
    pub(crate) fn none(class: &str, origin: &str) -> DataError {
        refused(
            format!("there is no class '{}'", shown(class)),
            format!("{origin}: these images have no classes"),
            advice!("no-classes", "leave out `--class`"),
        )
    }
}

fn refused(what: String, why: String, help: Advice) -> DataError {
    DataError::Unusable { path: None, what, why, help }
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
