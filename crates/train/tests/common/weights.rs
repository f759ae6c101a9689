//! Files of weights, and pictures for the networks that have them.

/// A .safetensors file with these tensors; `value` gives the elements of each.
pub(crate) fn safetensors(tensors: &[(String, Vec<usize>)], value: impl Fn(&str, usize) -> f32) -> Vec<u8> {
    safetensors_with(serde_json::Map::new(), tensors, value)
}

/// The same with this metadata.
pub(crate) fn safetensors_with(
    metadata: serde_json::Map<String, serde_json::Value>,
    tensors: &[(String, Vec<usize>)],
    value: impl Fn(&str, usize) -> f32,
) -> Vec<u8> {
    let (mut header, mut bytes) = (serde_json::Map::new(), Vec::new());
    header.insert("__metadata__".into(), metadata.into());
    for (name, shape) in tensors {
        let start = bytes.len();
        let count = shape.iter().product();
        bytes.extend((0..count).flat_map(|i| value(name, i).to_le_bytes()));
        let about = serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [start, bytes.len()]});
        header.insert(name.clone(), about);
    }
    let header = serde_json::Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &bytes].concat()
}

/// Small numbers that differ; 1 for variances.
pub(crate) fn small(name: &str, i: usize) -> f32 {
    if name.ends_with("running_var") { 1.0 } else { ((i * 7 % 23) as f32 - 11.0) / 30.0 }
}

/// The tensors of the generator of PyTorch's DCGAN, with `width` channels in the last layer.
pub(crate) fn dcgan(latent: usize, width: usize) -> Vec<(String, Vec<usize>)> {
    let channels = [latent, 8 * width, 4 * width, 2 * width, width, 3];
    let mut tensors = Vec::new();
    for (at, pair) in channels.windows(2).enumerate() {
        tensors.push((format!("main.{}.weight", 3 * at), vec![pair[0], pair[1], 4, 4]));
        if at < 4 {
            let norm = ["weight", "bias", "running_mean", "running_var"];
            tensors.extend(norm.map(|name| (format!("main.{}.{name}", 3 * at + 1), vec![pair[1]])));
        }
    }
    tensors
}

/// The tensors of the CycleGAN authors' generator, with `width` channels in the first layer.
pub(crate) fn resnet(width: usize, blocks: usize) -> Vec<(String, Vec<usize>)> {
    let mut tensors = Vec::new();
    let mut layer = |name: String, shape: [usize; 4], outputs: usize| {
        tensors.push((format!("{name}.weight"), shape.to_vec()));
        tensors.push((format!("{name}.bias"), vec![outputs]));
    };
    layer("model.1".into(), [width, 3, 7, 7], width);
    layer("model.4".into(), [2 * width, width, 3, 3], 2 * width);
    layer("model.7".into(), [4 * width, 2 * width, 3, 3], 4 * width);
    for block in 0..blocks {
        for conv in [1, 5] {
            layer(format!("model.{}.conv_block.{conv}", 10 + block), [4 * width, 4 * width, 3, 3], 4 * width);
        }
    }
    layer(format!("model.{}", 10 + blocks), [4 * width, 2 * width, 3, 3], 2 * width);
    layer(format!("model.{}", 13 + blocks), [2 * width, width, 3, 3], width);
    layer(format!("model.{}", 17 + blocks), [3, width, 7, 7], 3);
    tensors
}

/// A picture in the PPM format.
pub(crate) fn ppm(width: usize, height: usize, number: usize) -> Vec<u8> {
    let pixels = (0..width * height * 3).map(|at| (at * (number + 2) % 251) as u8);
    format!("P6 {width} {height} 255\n").bytes().chain(pixels).collect()
}
