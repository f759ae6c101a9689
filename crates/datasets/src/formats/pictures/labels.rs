//! `dataset.json`: the class of each picture, as NVIDIA's `dataset_tool.py` writes it beside the
//! pictures.
//!
//! `{"labels": [["00000/img00000000.png", 6], ...]}`, where a label is a number or a one-hot list;
//! or `{"labels": null}`. In both cases the sub-folders, of a thousand pictures each, are no
//! classes.

use super::scan::PictureFile;
use crate::text::shown;
use serde::Deserialize;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// The name of the file.
pub(super) const LABELS: &str = "dataset.json";
/// The longest file that is read, in bytes.
const MAX_LENGTH: u64 = 256 << 20;

/// The content of the file, or why it cannot be used.
pub(super) struct Labels(Result<Option<Vec<(String, Label)>>, String>);

#[derive(Deserialize)]
struct Content {
    labels: Option<Vec<(String, Label)>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Label {
    Class(u32),
    OneHot(Vec<f64>),
}

impl Label {
    /// The class; `None` if a list is not one-hot.
    fn class(&self) -> Option<u32> {
        match self {
            Self::Class(class) => Some(*class),
            Self::OneHot(list) => {
                let hot = list.iter().position(|&value| value == 1.0)?;
                let others = list.iter().enumerate().all(|(at, &value)| at == hot || value == 0.0);
                others.then_some(hot as u32)
            }
        }
    }
}

impl Labels {
    /// Reads the file.
    pub(super) fn read(file: impl Read) -> Self {
        let mut text = Vec::new();
        let read = file.take(MAX_LENGTH).read_to_end(&mut text).map_err(|error| error.to_string());
        let content = || serde_json::from_slice::<Content>(&text).map_err(|error| error.to_string());
        Self(read.and_then(|_| content()).map(|content| content.labels))
    }

    /// Gives each picture of `folder` its class. Returns a line if the labels cannot be used; the
    /// sub-folders then remain the classes.
    pub(super) fn apply(self, pictures: &mut [PictureFile], folder: &Path) -> Option<String> {
        let line = |why: String| Some(format!("ignored: {LABELS} ({why})"));
        let labels = match self.0 {
            Ok(Some(labels)) => labels,
            Ok(None) => {
                pictures.iter_mut().for_each(|picture| picture.class = None);
                return None;
            }
            Err(why) => return line(shown(&why)),
        };
        let mut classes = HashMap::new();
        for (name, label) in &labels {
            let Some(class) = label.class() else { return line(format!("the label of {} is no class", shown(name))) };
            classes.insert(name.as_str(), class);
        }
        let name = |picture: &PictureFile| picture.source.path_below(folder).to_string_lossy().replace('\\', "/");
        let found: Vec<Option<u32>> = pictures.iter().map(|picture| classes.get(&*name(picture)).copied()).collect();
        if let Some(missing) = found.iter().position(Option::is_none) {
            return line(format!("it has no label for {}", shown(&name(&pictures[missing]))));
        }
        for (picture, class) in pictures.iter_mut().zip(found) {
            picture.class = class.map(|class| class.to_string());
        }
        None
    }
}
