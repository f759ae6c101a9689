use super::*;
use crate::config::read_settings;
use crate::failure::Code;
use crate::systems::SYSTEMS;
use metrics::Pictures;
use std::collections::HashSet;

fn config(settings: &[String]) -> Config {
    let entries = read_settings(settings).unwrap();
    Config::resolve(&SYSTEMS[0], &entries).unwrap()
}

#[test]
fn built_in_pictures_fit_every_system() {
    for (loader, shape, domains) in [
        (DOODLES, [28, 28, 1], 1),
        (DIGITS, [14, 14, 3], 1),
        (CIFAR, [32, 32, 3], 1),
        (FOLDER, [20, 16, 1], 1),
        (FACES, [16, 16, 3], 1),
        (PAIRS, [16, 16, 3], 2),
    ] {
        let data = loader
            .load(&config(&["data=built-in".into(), "augment.enlarge=1.25".into()]), shape, &Output::Silent)
            .unwrap();
        data.require(64, shape).unwrap();
        assert_eq!(data.counts().len(), domains);
        assert!(data.origin().contains("built-in") && data.lasting_name().is_some(), "{}", data.origin());
        let shown = data.shown_at(0, &vec![vec![3, 4]; domains]).unwrap();
        assert_eq!(shown[domains - 1].shape()[..], [2, shape[0], shape[1], shape[2]]);
    }
}

#[test]
fn classes_are_those_of_the_data_and_the_usual_one_of_real_data_alone() {
    let folder = tempfile::tempdir().unwrap();
    let record = |label: u8| [label].into_iter().chain(std::iter::repeat_n(label * 20, 3072));
    let file: Vec<u8> = [6, 7, 7, 0].into_iter().flat_map(record).collect();
    std::fs::write(folder.path().join("data_batch_1.bin"), file).unwrap();
    let data = format!("data={}", folder.path().display());
    let horses = Loader { class: Some("horse"), ..CIFAR };
    let count = |loader: &Loader, settings: &[&str]| {
        let settings: Vec<String> = settings.iter().map(|&text| text.to_owned()).collect();
        loader.load(&config(&settings), [32, 32, 3], &Output::Silent).map(|data| data.counts()[0])
    };
    assert_eq!(count(&CIFAR, &[&data]).unwrap(), 4);
    assert_eq!(count(&horses, &[&data]).unwrap(), 2);
    assert_eq!(count(&horses, &[&data, "class=frog"]).unwrap(), 1);
    assert_eq!(count(&horses, &[&data, "class=0"]).unwrap(), 1);
    assert_eq!(count(&horses, &[&data, "class=all"]).unwrap(), 4);
    assert_eq!(count(&horses, &["data=built-in"]).unwrap(), COUNT);
    let failure = count(&CIFAR, &[&data, "class=hrose"]).unwrap_err();
    assert!(failure.code == Code::Data && failure.to_string().contains("class horse"), "{failure}");
}

#[test]
fn folders_tell_what_they_found_and_what_they_left_out() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["trainA", "trainB"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        let picture: Vec<u8> = (0..30 * 20 * 3).map(|at| (at % 251) as u8).collect();
        let picture = crate::sampling::pictures::encode(&picture, 20, 30, png::ColorType::Rgb).unwrap();
        for number in 0..4 {
            std::fs::write(folder.path().join(format!("{name}/{number}.png")), &picture).unwrap();
        }
    }
    std::fs::write(folder.path().join("trainB/3.png"), "broken").unwrap();
    let data = format!("data={}", folder.path().display());
    let data = PAIRS.load(&config(&[data]), [16, 16, 3], &Output::Silent).unwrap();
    assert_eq!(data.counts(), [4, 3]);
    let notes = data.notes().unwrap().join("\n");
    assert!(notes.contains("Found 4 images belonging to 1 class.") && notes.contains("3.png"), "{notes}");
    assert!(data.lasting_name().is_none() && data.origin().contains("trainA"), "{}", data.origin());
}

#[test]
fn what_is_held_back_is_found_where_the_form_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = config(&[format!("data={}", folder.path().display())]);
    let record = |label: u8| [label].into_iter().chain(std::iter::repeat_n(label * 20, 3072));
    let write = |name: &str, labels: &[u8]| {
        std::fs::write(folder.path().join(name), labels.iter().flat_map(|label| record(*label)).collect::<Vec<_>>())
    };
    write("data_batch_1.bin", &[6, 7, 7, 0]).unwrap();
    assert!(CIFAR.load_held_back(&data, [32, 32, 3], &Output::Silent).unwrap().is_none(), "there is no test_batch.bin");
    write("test_batch.bin", &[7, 2, 7]).unwrap();
    let horses = Loader { class: Some("horse"), ..CIFAR };
    for (loader, count) in [(CIFAR, 3), (ANY, 3), (horses, 2)] {
        assert_eq!(loader.load_held_back(&data, [32, 32, 3], &Output::Silent).unwrap().unwrap().counts(), [count]);
    }
    std::fs::write(folder.path().join("test_batch.bin"), "broken").unwrap();
    assert!(CIFAR.load_held_back(&data, [32, 32, 3], &Output::Silent).is_err(), "what is there must be good");
    let file = config(&[format!("data={}", folder.path().join("data_batch_1.bin").display())]);
    assert!(CIFAR.load_held_back(&file, [32, 32, 3], &Output::Silent).unwrap().is_none(), "a file has no parts");
    assert!(FACES.load_held_back(&config(&["data=built-in".into()]), [32, 32, 3], &Output::Silent).unwrap().is_none());
}

/// Writes IDX files with `count` images of 2x2 pixels and their labels. All pixels are `grey`,
/// except one that is a hundred more.
fn write_idx(folder: &Path, part: &str, count: u8, grey: u8) {
    let mut pixels = vec![grey; 4 * usize::from(count)];
    pixels[0] += 100;
    let images = [[0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 2, 0, 0, 0, 2].to_vec(), pixels];
    let labels = [[0, 0, 8, 1, 0, 0, 0, count].to_vec(), vec![1; usize::from(count)]];
    std::fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images.concat()).unwrap();
    std::fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels.concat()).unwrap();
}

/// The distinct values of each domain's images, in order.
fn greys(data: &Dataset) -> Vec<Vec<u8>> {
    let grey = |domain: usize, count: usize| {
        let mut values = data.pictures(domain, &(0..count).collect::<Vec<_>>()).unwrap().pixels().to_vec();
        values.sort_unstable();
        values.dedup();
        values
    };
    data.counts().into_iter().enumerate().map(|(domain, count)| grey(domain, count)).collect()
}

#[test]
fn the_ten_thousand_of_mnist_are_held_back() {
    let folder = tempfile::tempdir().unwrap();
    write_idx(folder.path(), "train", 5, 10);
    let data = config(&[format!("data={}", folder.path().display())]);
    assert!(DIGITS.load_held_back(&data, [2, 2, 1], &Output::Silent).unwrap().is_none(), "there are no t10k files");
    write_idx(folder.path(), "t10k", 3, 20);
    for loader in [DIGITS, ANY] {
        let parts = [
            loader.load(&data, [2, 2, 1], &Output::Silent).unwrap(),
            loader.load_held_back(&data, [2, 2, 1], &Output::Silent).unwrap().unwrap(),
        ];
        assert_eq!(
            parts.each_ref().map(|part| (part.counts()[0], greys(part))),
            [(5, vec![vec![10, 110]]), (3, vec![vec![20, 120]])]
        );
    }
}

#[test]
fn the_test_folders_of_pairs_are_held_back() {
    for names in [["trainA", "trainB", "testA", "testB"], ["apples", "oranges", "test_apples", "test_oranges"]] {
        let folder = tempfile::tempdir().unwrap();
        let fill = |name: &str, count: usize, grey: u8| {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            let mut picture = [grey; 16 * 16 * 3];
            picture[..3].fill(grey + 100);
            let picture = crate::sampling::pictures::encode(&picture, 16, 16, png::ColorType::Rgb).unwrap();
            for number in 0..count {
                std::fs::write(folder.path().join(format!("{name}/{number}.png")), &picture).unwrap();
            }
        };
        let data = config(&[format!("data={}", folder.path().display())]);
        fill(names[0], 4, 10);
        fill(names[1], 5, 20);
        assert!(
            PAIRS.load_held_back(&data, [16, 16, 3], &Output::Silent).unwrap().is_none(),
            "there are no test folders"
        );
        fill(names[2], 3, 30);
        fill(names[3], 2, 40);
        let learned = PAIRS.load(&data, [16, 16, 3], &Output::Silent).unwrap();
        assert_eq!((learned.counts(), greys(&learned)), (vec![4, 5], vec![vec![10, 110], vec![20, 120]]));
        let held_back = PAIRS.load_held_back(&data, [16, 16, 3], &Output::Silent).unwrap().unwrap();
        assert_eq!((held_back.counts(), greys(&held_back)), (vec![3, 2], vec![vec![30, 130], vec![40, 140]]));
        assert!(held_back.counterparts(0, &[0]).unwrap().is_none(), "nobody knows what they truly are");
    }
}

#[test]
fn built_in_landscapes_that_are_held_back_are_new_and_come_with_the_truth() {
    let data = config(&["data=built-in".into(), "augment.enlarge=1.25".into()]);
    let images = |data: &Dataset, domain: usize| -> HashSet<Vec<u8>> {
        let all: Vec<usize> = (0..data.counts()[domain]).collect();
        data.pictures(domain, &all).unwrap().pixels().chunks_exact(32 * 32 * 3).map(<[u8]>::to_vec).collect()
    };
    let learned = PAIRS.load(&data, [32, 32, 3], &Output::Silent).unwrap();
    let held_back = PAIRS.load_held_back(&data, [32, 32, 3], &Output::Silent).unwrap().unwrap();
    assert_eq!(held_back.counts(), learned.counts());
    assert!(held_back.counterparts(0, &[]).unwrap().is_some() && learned.counterparts(0, &[]).unwrap().is_none());
    for domain in 0..2 {
        assert!(images(&held_back, domain).is_disjoint(&images(&learned, domain)));
        // The counterpart is the same landscape in the other season: nearer to it than other
        // landscapes of that season.
        let of = |numbers: &[usize]| held_back.counterparts(domain, numbers).unwrap().unwrap();
        let distance = |a: &Pictures, b: &Pictures| -> u32 {
            a.pixels().iter().zip(b.pixels()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum()
        };
        let sources = held_back.pictures(domain, &[0, 1, 2, 3]).unwrap();
        assert!(distance(&sources, &of(&[0, 1, 2, 3])) < distance(&sources, &of(&[1, 2, 3, 0])));
        // It also has the colours of that season: it is nearer to the other domain's mean.
        let mean = |pictures: &Pictures| {
            pictures.pixels().iter().map(|&byte| f64::from(byte)).sum::<f64>() / pictures.pixels().len() as f64
        };
        let all: Vec<usize> = (0..held_back.counts()[0]).collect();
        let others = mean(&held_back.pictures(1 - domain, &all).unwrap());
        assert!((mean(&of(&all)) - others).abs() < 5.0);
        assert!((mean(&held_back.pictures(domain, &all).unwrap()) - others).abs() > 20.0);
    }
    assert!(DIGITS.load_held_back(&data, [28, 28, 1], &Output::Silent).unwrap().is_none());
}
