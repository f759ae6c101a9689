//! The networks have the sizes that are published, layer by layer where a table gives them.

use models::{Settings as _, cifar, dcgan, faces, folder, mnist, vanilla, wgan_gp};
use nn::{Kind, Network};

/// The parameters of the discriminator and of the generator.
fn totals(networks: [Network; 2]) -> [usize; 2] {
    networks.map(|network| network.count(Kind::Parameter))
}

/// Output and parameters of every layer that has parameters, as the summary prints them.
fn layers(network: &Network) -> Vec<String> {
    let summary = network.summary();
    let words = summary.lines().skip(3).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let rows = words.filter(|words| words.len() >= 4 && !words[words.len() - 1].eq("0"));
    rows.map(|words| format!("{} {}", words[words.len() - 2], words[words.len() - 1])).collect()
}

#[test]
fn mnist() {
    let s = mnist::Settings::preset("seed").expect("a preset");
    let networks = [mnist::discriminator(&s, 1), mnist::generator(&s, 1)];
    assert_eq!(layers(&networks[0]), ["128 100,480", "64 8,256", "32 2,080", "1 33"]);
    assert_eq!(layers(&networks[1]), ["32 3,232", "64 2,112", "128 8,320", "784 101,136"]);
    assert_eq!(totals(networks), [110_849, 114_800]);
}

#[test]
fn vanilla() {
    let networks = |preset| {
        let s = vanilla::Settings::preset(preset).expect("a preset");
        [vanilla::discriminator(&s, 1), vanilla::generator(&s, 1)]
    };
    let [d, g] = networks("cpu");
    // Keras counts the running statistics as well, as the summary does.
    let expected = ["256 25,856", "256 1,024", "512 131,584", "512 2,048", "1024 525,312", "1024 4,096", "784 803,600"];
    assert_eq!(layers(&g), expected);
    assert_eq!((g.count(Kind::Parameter), g.count(Kind::Parameter) + g.count(Kind::Buffer)), (1_489_936, 1_493_520));
    assert_eq!(d.count(Kind::Parameter), 533_505);
    let [d, g] = networks("paper");
    assert_eq!(layers(&d), ["1200 942,000", "1200 289,200", "1 241"]);
    assert_eq!(totals([d, g]), [1_231_441, 2_503_984]);
}

#[test]
fn cifar() {
    let networks = |preset| {
        let s = cifar::Settings::preset(preset).expect("a preset");
        [cifar::discriminator(&s, 1), cifar::generator(&s, 1)]
    };
    let [d, g] = networks("seed");
    assert_eq!(layers(&d), ["30x30x128 3,584", "14x14x128 262,272", "6x6x128 262,272", "2x2x128 262,272", "1 513"]);
    let expected = [
        "32768 1,081,344",
        "16x16x256 819,456",
        "32x32x256 1,048,832",
        "32x32x256 1,638,656",
        "32x32x256 1,638,656",
        "32x32x3 37,635",
    ];
    assert_eq!(layers(&g), expected);
    assert_eq!(totals([d, g]), [790_913, 6_264_579]);
    assert_eq!(totals(networks("cpu")), [198_849, 601_539]);
}

#[test]
fn dcgan() {
    let networks = |preset| {
        let s = dcgan::Settings::preset(preset).expect("a preset");
        [dcgan::discriminator(&s, 1), dcgan::generator(&s, 1)]
    };
    let cases = [
        ("seed", [2_765_568, 3_576_704]),
        ("cpu", [175_296, 378_080]),
        ("svhn", [167_809, 372_416]),
        ("cifar32", [663_296, 1_068_928]),
        ("cpu32", [167_808, 370_624]),
        ("mnist28", [138_625, 759_680]),
        ("radford", [17_232_768, 18_885_760]),
    ];
    for (preset, expected) in cases {
        assert_eq!(totals(networks(preset)), expected, "{preset}");
    }
    let [d, g] = networks("seed");
    let expected = [
        "4x4x512 819,200",
        "4x4x512 1,024",
        "8x8x256 2,097,152",
        "8x8x256 512",
        "16x16x128 524,288",
        "16x16x128 256",
        "32x32x64 131,072",
        "32x32x64 128",
        "64x64x3 3,072",
    ];
    assert_eq!(layers(&g), expected);
    let expected = [
        "32x32x64 3,072",
        "16x16x128 131,072",
        "16x16x128 256",
        "8x8x256 524,288",
        "8x8x256 512",
        "4x4x512 2,097,152",
        "4x4x512 1,024",
        "1x1x1 8,192",
    ];
    assert_eq!(layers(&d), expected);
    let [d, g] = networks("radford");
    assert_eq!(layers(&g)[..3], ["16384 1,638,400", "16384 32,768", "8x8x512 13,107,200"]);
    assert_eq!(layers(&d)[5..], ["4x4x1024 13,107,200".to_owned(), "4x4x1024 2,048".into(), "1 16,384".into()]);
    let [d, g] = networks("svhn");
    assert_eq!(layers(&g)[..2], ["2048 206,848", "8x8x64 131,072"]);
    assert_eq!(layers(&d).last().expect("layers"), "1 2,049");
    let [d, g] = networks("mnist28");
    assert_eq!(layers(&g)[0], "7x7x128 627,200");
    assert_eq!(layers(&d), ["14x14x64 1,024", "7x7x128 131,072", "7x7x128 256", "1 6,273"]);
}

#[test]
fn faces() {
    let networks = |preset| faces::networks(&faces::Settings::preset(preset).expect("a preset"), 1);
    assert_eq!(totals(networks("seed")), [2_765_568, 3_806_080]);
    assert_eq!(totals(networks("cpu")), [175_296, 435_424]);
    assert_eq!(totals(networks("seed32")), [167_809, 372_416]);
}

#[test]
fn folders_of_every_size_have_networks() {
    for size in [28, 32, 48, 64, 96, 128] {
        for channels in [1, 3] {
            let s = folder::Settings { size, channels, width: 4, latent: 8, ..Default::default() };
            let [d, g] = folder::networks(&s, 1);
            assert_eq!((d.input_shape(), d.output_shape()), (&[size, size, channels][..], &[1][..]));
            assert_eq!((g.input_shape(), g.output_shape()), (&[8][..], &[size, size, channels][..]));
        }
    }
}

#[test]
fn wgan_gp() {
    let networks = |preset| {
        let s = wgan_gp::Settings::preset(preset).expect("a preset");
        [wgan_gp::critic(&s, 1), wgan_gp::generator(&s, 1)]
    };
    let cases = [
        ("seed", [1_030_145, 1_554_177]),
        ("cpu", [259_073, 521_089]),
        ("cifar", [1_034_113, 1_565_955]),
        ("resnet", [1_053_825, 1_204_483]),
        ("gauss8", [33_537, 33_666]),
        ("gauss25", [33_537, 33_666]),
        ("gauss8-wide", [527_361, 527_874]),
    ];
    for (preset, expected) in cases {
        assert_eq!(totals(networks(preset)), expected, "{preset}");
    }
    let [d, g] = networks("seed");
    assert_eq!(layers(&g), ["4096 528,384", "7x7x128 819,328", "14x14x64 204,864", "28x28x1 1,601"]);
    assert_eq!(layers(&d), ["14x14x64 1,664", "7x7x128 204,928", "4x4x256 819,456", "1 4,097"]);
    let [d, _] = networks("resnet");
    assert_eq!(layers(&d), ["16x16x128 151,680", "8x8x128 311,680", "8x8x128 295,168", "8x8x128 295,168", "1 129"]);
}
