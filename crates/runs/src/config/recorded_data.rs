//! The recorded location of a run's images, which finds them again from another working directory,
//! and after the run and its images were moved together.
//!
//! `data` is the path as it was typed; if it is relative, it is valid only in one working
//! directory. So the run also records the relative path from its own folder to the images, and
//! their absolute path.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::Config;
use crate::failure::{Code, Failure};
use datasets::{BUILT_IN, advice};

impl Config {
    /// Sets the location of the images, and forgets what was recorded before.
    pub(crate) fn name_data(&mut self, data: Option<String>) {
        self.set_text("data", data);
        self.set_recorded([None, None]);
    }

    /// Records where the images are, for the run in the folder `run`, unless they are built in.
    pub(crate) fn record_data(&mut self, run: &Path) {
        let default = self.entry.load.default_path();
        let place = match self.data() {
            Some(data) if data == BUILT_IN => return,
            Some(data) => PathBuf::from(data),
            None => default.to_owned(),
        };
        let (Ok(from), Ok(to)) = (fs::canonicalize(run), datasets::canonicalize(&place)) else { return };
        let text = |path: PathBuf| path.to_str().map(str::to_owned);
        self.set_recorded([relative_path(&from, &to), std::path::absolute(place).ok().and_then(text)]);
    }

    /// Records the relative path from the run folder (with `/` on every platform) and the absolute
    /// path.
    fn set_recorded(&mut self, [from_run, absolute]: [Option<String>; 2]) {
        self.set_text("data_from_run", from_run);
        self.set_text("data_absolute", absolute);
        self.missing_data.clear();
    }

    /// Sets `data` to the current location of the images, for the run in the folder `run` or the
    /// configuration file in it. Tries, in this order: the recorded relative path from the run
    /// folder, the recorded absolute path, the typed path, and the typed path relative to each
    /// ancestor of the run folder (earlier versions recorded only the typed path).
    pub(crate) fn find_data(&mut self, run: &Path) {
        let typed = self.data().filter(|data| *data != BUILT_IN).map(PathBuf::from);
        let recorded =
            [self.text("data_from_run").map(|way| run.join(way)), self.text("data_absolute").map(PathBuf::from)];
        let default = self.entry.load.default_path();
        let (here, around) = match &typed {
            Some(typed) => (typed.as_path(), typed.as_path()),
            // The default location is accepted only if the images were there.
            None if recorded.iter().any(Option::is_some) => (default, default),
            None => return,
        };
        let absolute = std::path::absolute(run).unwrap_or_else(|_| run.to_owned());
        let outer = absolute.ancestors().skip(1).map(|folder| folder.join(around));
        let places: Vec<PathBuf> = recorded
            .iter()
            .flatten()
            .cloned()
            .chain([here.to_owned()])
            .chain(outer.filter(|_| around.is_relative()))
            .collect();
        match places.iter().find(|place| datasets::exists(place)) {
            Some(place) if is_same(place, here) => {}
            Some(place) => {
                let place = datasets::canonicalize(place).unwrap_or_else(|_| place.clone());
                self.set_text("data", place.to_str().map(str::to_owned));
            }
            None => self.missing_data = places,
        }
    }

    /// Refuses to resume a run whose images are at none of the expected locations.
    ///
    /// # Errors
    /// Lists the recorded locations and suggests `--data`.
    pub(crate) fn require_data(&self) -> Result<(), Failure> {
        if self.missing_data.is_empty() {
            return Ok(());
        }
        let mut places: Vec<String> = Vec::new();
        for place in &self.missing_data {
            let place = place.display().to_string();
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let recorded = self.data().map_or_else(|| "no `data`".to_owned(), |data| format!("data = {data:?}"));
        Err(Failure::new(Code::Data, "the images of the run were not found")
            .at(&places[0])
            .because(format!("the run's configuration has {recorded}; there is nothing at\n{}", places.join("\n")))
            .help(advice!(
                "lost-images",
                "if they have moved, give their new path with `--data PATH`; the program checks that they are the same images"
            )))
    }
}

/// Whether two paths name the same existing file.
fn is_same(a: &Path, b: &Path) -> bool {
    matches!((datasets::canonicalize(a), datasets::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

/// The relative path from one absolute folder to another path; `None` if they are on different
/// drives.
pub(super) fn relative_path(from: &Path, to: &Path) -> Option<String> {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    if common == 0 {
        return None;
    }
    let up = from[common..].iter().map(|_| Some(".."));
    let down = to[common..].iter().map(|part| part.as_os_str().to_str());
    let parts: Option<Vec<&str>> = up.chain(down).collect();
    Some(parts?.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems;

    fn config(data: Option<&str>) -> Config {
        let mut config = Config::resolve(&systems::find("folder").unwrap(), &[]).unwrap();
        config.set_text("data", data.map(str::to_owned));
        config
    }

    fn folder(path: PathBuf) -> PathBuf {
        fs::create_dir_all(&path).unwrap();
        fs::canonicalize(path).unwrap()
    }

    #[test]
    fn relative_paths_lead_from_the_run_to_the_images() {
        let way = |from: &str, to: &str| super::relative_path(Path::new(from), Path::new(to)).unwrap();
        assert_eq!(way("/a/runs/1", "/a/pics"), "../../pics");
        assert_eq!(way("/a", "/a/b/c"), "b/c");
        assert_eq!(way("/a/b", "/x"), "../../x");
    }

    #[test]
    fn images_are_found_from_elsewhere_and_when_all_was_moved_or_only_the_run() {
        let root = tempfile::tempdir().unwrap();
        let (run, data) = (folder(root.path().join("one/runs/1")), folder(root.path().join("one/pics")));
        let mut recorded = config(Some(data.to_str().unwrap()));
        recorded.record_data(&run);
        // A configuration read back where the typed path is not valid.
        let found = |run: &Path| {
            let mut config = recorded.clone();
            config.set_text("data", Some("pics".to_owned()));
            config.find_data(run);
            config
        };
        assert_eq!(found(&run).data(), data.to_str());
        let moved = folder(root.path().join("two")).join("one");
        fs::rename(root.path().join("one"), &moved).unwrap();
        assert_eq!(found(&moved.join("runs/1")).data(), moved.join("pics").to_str(), "both were moved");
        folder(root.path().join("one/pics"));
        let lone = folder(root.path().join("three/run"));
        assert_eq!(found(&lone).data(), data.to_str(), "the absolute path");
        fs::remove_dir(&data).unwrap();
        let failure = found(&lone).require_data().unwrap_err();
        assert_eq!(failure.code, Code::Data);
        let text = failure.to_string();
        assert!(text.contains("data = \"pics\"") && text.contains(data.to_str().unwrap()), "{text}");
        let mut named = found(&lone);
        named.name_data(Some("elsewhere".to_owned()));
        named.require_data().unwrap();
    }

    /// A run of an earlier version has recorded only the typed path, relative to an ancestor of the
    /// run folder.
    #[test]
    fn the_images_of_older_runs_are_looked_for_in_the_folders_around_them() {
        let root = tempfile::tempdir().unwrap();
        let (run, data) =
            (folder(root.path().join("project/runs/0001-folder")), folder(root.path().join("project/my/pics")));
        let mut config = config(Some("my/pics"));
        config.find_data(&run);
        assert_eq!(config.data(), data.to_str());
        let mut lost = super::tests::config(Some("Z:\\other\\pics"));
        lost.find_data(&run);
        assert!(lost.require_data().unwrap_err().to_string().contains("with `--data PATH`"));
        let mut built_in = super::tests::config(Some(BUILT_IN));
        built_in.find_data(&run);
        built_in.record_data(&run);
        assert_eq!((built_in.data(), built_in.text("data_absolute")), (Some(BUILT_IN), None));
    }
}
