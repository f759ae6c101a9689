//! The networks have the published sizes, layer by layer where a table gives them.

use models::{
    Settings as _, System, cifar, dcgan, faces, folder, mnist, progan, stylegan, stylegan2, vanilla, wgan_gp,
};
use nn::{Network, TensorKind};

/// The parameters of the discriminator and of the generator.
fn totals(networks: [Network; 2]) -> [usize; 2] {
    networks.map(|network| network.count(TensorKind::Parameter))
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
    let s = mnist::Settings::preset("original").expect("a preset");
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
    // Keras also counts the running statistics, as the summary does.
    let expected = ["256 25,856", "256 1,024", "512 131,584", "512 2,048", "1024 525,312", "1024 4,096", "784 803,600"];
    assert_eq!(layers(&g), expected);
    assert_eq!(
        (g.count(TensorKind::Parameter), g.count(TensorKind::Parameter) + g.count(TensorKind::Buffer)),
        (1_489_936, 1_493_520)
    );
    assert_eq!(d.count(TensorKind::Parameter), 533_505);
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
    let [d, g] = networks("original");
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
        ("original", [2_765_568, 3_576_704]),
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
    let [d, g] = networks("original");
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
    assert_eq!(totals(networks("original")), [2_765_568, 3_806_080]);
    assert_eq!(totals(networks("cpu")), [175_296, 435_424]);
    assert_eq!(totals(networks("original32")), [167_809, 372_416]);
}

#[test]
fn folders_of_every_size_have_networks() {
    for size in [28, 32, 48, 64, 96, 128, 256] {
        for channels in [1, 3, 4] {
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
        ("original", [1_030_145, 1_554_177]),
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
    let [d, g] = networks("original");
    assert_eq!(layers(&g), ["4096 528,384", "8x8x128 819,328", "14x14x64 204,864", "28x28x1 1,601"]);
    assert_eq!(layers(&d), ["14x14x64 1,664", "7x7x128 204,928", "4x4x256 819,456", "1 4,097"]);
    let [d, _] = networks("resnet");
    assert_eq!(layers(&d), ["16x16x128 151,680", "8x8x128 311,680", "8x8x128 295,168", "8x8x128 295,168", "1 129"]);
}

/// The discriminator and the generator of a growing GAN, and the summary of each of their layers
/// with parameters.
fn wholes(system: &dyn System) -> ([usize; 2], [Vec<String>; 2]) {
    let networks = system.networks();
    let wholes = nn::wholes(&networks);
    assert_eq!(wholes.len(), 2, "two networks");
    let total = |at: usize| wholes[at].iter().map(|network| network.count(TensorKind::Parameter)).sum();
    ([0, 1].map(total), [0, 1].map(|at: usize| wholes[at].iter().copied().flat_map(layers).collect()))
}

#[test]
fn progan() {
    let trainer = |change: fn(&mut progan::Settings)| {
        let mut s = progan::Settings::preset("cpu").expect("a preset");
        change(&mut s);
        wholes(&progan::trainer(&s, 1).expect("in range"))
    };
    let (totals, [critic, generator]) = trainer(|_| ());
    assert_eq!(totals, [279_521, 278_636]);
    let expected = [
        "32x32x32 9,248",
        "32x32x64 18,496",
        "16x16x64 36,928",
        "16x16x64 36,928",
        "8x8x64 36,928",
        "8x8x64 36,928",
        "4x4x64 37,504",
        "64 65,600",
        "1 65",
        "32x32x32 128",
        "16x16x64 256",
        "8x8x64 256",
        "4x4x64 256",
    ];
    assert_eq!(critic, expected);
    let expected = [
        "1024 65,536",
        "4x4x64 64",
        "4x4x64 36,928",
        "8x8x64 36,928",
        "8x8x64 36,928",
        "16x16x64 36,928",
        "16x16x64 36,928",
        "32x32x32 18,464",
        "32x32x32 9,248",
        "4x4x3 195",
        "8x8x3 195",
        "16x16x3 195",
        "32x32x3 99",
    ];
    assert_eq!(generator, expected);
    assert_eq!(trainer(|s| s.sizes.channels = 1).0, [279_073, 278_180]);
    assert_eq!(trainer(|s| (s.sizes.fmap_base, s.sizes.fmap_max) = (8192, 512)).0, [20_726_785, 20_719_628]);
    let original = progan::Settings::preset("original").expect("a preset");
    assert_eq!(wholes(&progan::trainer(&original, 1).expect("in range")).0, [23_087_249, 23_079_115]);
}

#[test]
fn stylegan() {
    let trainer = |preset: &str, change: fn(&mut stylegan::Settings)| {
        let mut s = stylegan::Settings::preset(preset).expect("a preset");
        change(&mut s);
        stylegan::trainer(&s, 1).expect("in range")
    };
    let cpu = trainer("cpu", |_| ());
    assert_eq!(wholes(&cpu).0, [279_521, 306_092]);
    let part = |network: &&Network| {
        let name = network.name().strip_prefix("generator.")?;
        Some(format!("{name} {}", network.count(TensorKind::Parameter)))
    };
    let expected = [
        "mapping 33280",
        "4x4_constant 9472", // 1,024 of the constant and 8,448 of its epilogue
        "4x4_conv 45312",
        "8x8_up 45312",
        "8x8_conv 45312",
        "16x16_up 45312",
        "16x16_conv 45312",
        "32x32_up 22656",
        "32x32_conv 13440",
        "rgb4x4 195",
        "rgb8x8 195",
        "rgb16x16 195",
        "rgb32x32 99",
    ];
    assert_eq!(cpu.networks().iter().filter_map(part).collect::<Vec<_>>(), expected);
    let (_, [_, generator]) = wholes(&cpu);
    let first = ["4x4x64 1,024", "4x4x64 64", "4x4x64 64", "4x4x64 8,320", "4x4x64 36,864", "4x4x64 64"];
    assert_eq!(generator[8..14], first, "after the mapping: constant, noise, bias, style; convolution, noise");
    let wider = |s: &mut stylegan::Settings| (s.sizes.fmap_base, s.sizes.fmap_max) = (1024, 128);
    assert_eq!(wholes(&trainer("cpu", wider)).0[1], 1_216_332);
    assert_eq!(wholes(&trainer("grey", |_| ())).0[0], 279_073);
    assert_eq!(wholes(&trainer("original", |_| ())).0, [23_087_249, 26_219_627]);
}

#[test]
fn stylegan2() {
    let trainer = |preset: &str| {
        let s = stylegan2::Settings::preset(preset).expect("a preset");
        stylegan2::StyleGan2::new(&s, 1).expect("in range")
    };
    let cpu = trainer("cpu");
    assert_eq!(wholes(&cpu).0, [337_281, 314_387]);
    let part = |network: &&Network| {
        let name = network.name().strip_prefix("generator.")?;
        Some(format!("{name} {}", network.count(TensorKind::Parameter)))
    };
    let expected = [
        "mapping 8320",
        "4x4_constant 1024",
        "4x4_conv 41089", // 36,864 of the convolution, 4,160 of its style, 1 of the noise, 64 biases
        "8x8_conv 41089",
        "16x16_conv 41089",
        "32x32_conv 41089",
        "8x8_up 41089",
        "16x16_up 41089",
        "32x32_up 41089",
        "rgb4x4 4355",
        "rgb8x8 4355",
        "rgb16x16 4355",
        "rgb32x32 4355",
    ];
    assert_eq!(cpu.networks().iter().filter_map(part).collect::<Vec<_>>(), expected);
    let (_, [discriminator, _]) = wholes(&cpu);
    let expected = [
        "32x32x64 256",
        "16x16x64 77,952", // two convolutions, and the one around them
        "8x8x64 77,952",
        "4x4x64 77,952",
        "4x4x64 37,504",
        "64 65,600",
        "1 65",
    ];
    assert_eq!(discriminator, expected);
    assert_eq!(wholes(&trainer("grey")).0, [337_281 - 2 * 64, 314_387 - 4 * (2 * 64 + 2)]);
    let original = trainer("original");
    assert_eq!(wholes(&original).0, [29_012_513, 30_370_060], "configuration F");
    assert_eq!(part(&original.networks()[1]).as_deref(), Some("mapping 2101248"));
}
