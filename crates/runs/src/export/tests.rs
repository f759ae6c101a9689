use super::*;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::run::Run;
use models::quickdraw::{Quickdraw, Settings};

fn trained(folder: &Path) -> (PathBuf, Arc<Trainable>) {
    let settings = Settings { batch: 2, depth: 2, ema: 0.5, ..Settings::default() };
    let build = move |seed| Quickdraw::new(settings.clone(), seed).expect("valid settings");
    let run = Run::new(build).data("built-in").out(folder.join("run")).output(Output::Silent).steps(1);
    let own = run.system();
    (run.train().unwrap().run, own)
}

fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn every_format_has_its_files_and_always_the_same_bytes() {
    let place = tempfile::tempdir().unwrap();
    let (run, own) = trained(place.path());
    let with_samples = ["README.md", "latents.npy", "samples.npy", "samples.png"];
    for (format, files) in [
        (ExportFormat::Pytorch, &["generator.py", "generator.safetensors"][..]),
        (ExportFormat::Onnx, &["generator.onnx"]),
        (ExportFormat::Hub, &["config.json", "generator.py", "model.safetensors"]),
        (ExportFormat::Npz, &["layouts.json", "weights.npz"]),
    ] {
        let request = |out: &str| ExportRequest {
            own: Some(own.clone()),
            out: Some(place.path().join(out)),
            count: (format != ExportFormat::Npz).then_some(2),
            output: Output::Silent,
            ..ExportRequest::of(&run, format)
        };
        let [first, second] = ["first", "second"].map(|out| {
            let written = export(&request(&format!("{out}-{}", format.name()))).unwrap();
            content(&written.path)
        });
        assert_eq!(first, second, "{format:?}");
        let mut expected: Vec<&str> = files.to_vec();
        expected.extend(if format == ExportFormat::Npz { &with_samples[..1] } else { &with_samples });
        expected.sort_unstable();
        assert_eq!(first.keys().collect::<Vec<_>>(), expected, "{format:?}");
        if format == ExportFormat::Hub {
            let readme = String::from_utf8(first["README.md"].clone()).unwrap();
            assert!(readme.starts_with("---\nlibrary_name: pytorch\n"), "{readme}");
            let config: serde_json::Value = serde_json::from_slice(&first["config.json"]).unwrap();
            assert_eq!((&config["system"], &config["step"]), (&"quickdraw".into(), &1.into()));
            assert_eq!(config["models"][0]["latent_size"], 32);
        }
        let again = export(&request(&format!("first-{}", format.name()))).unwrap_err();
        assert_eq!(again.code, Code::Usage);
    }
}

/// The checkpoint itself says what its tensors mean.
#[test]
fn a_checkpoint_describes_its_tensors() {
    let place = tempfile::tempdir().unwrap();
    let (run, own) = trained(place.path());
    let trained = resume::open_trained(&run, Some(&own)).unwrap();
    let layouts: serde_json::Value = serde_json::from_str(&trained.found.checkpoint.layouts).unwrap();
    assert_eq!(layouts, crate::layouts::of(&*trained.system));
    assert_eq!(layouts["layers"]["generator.convt1"], "ConvTranspose2d 5x5 same");
}

#[test]
fn only_networks_are_among_the_weights() {
    let place = tempfile::tempdir().unwrap();
    let (run, own) = trained(place.path());
    let trained = resume::open_trained(&run, Some(&own)).unwrap();
    let tensors = texts::of_networks(&trained);
    let has = |start: &str| tensors.iter().any(|(name, _)| name.starts_with(start));
    assert!(has("generator.") && has("discriminator.") && has("average."), "{:?}", trained.system.name());
    assert!(!has("optimizer.") && !has("pool."));
}

/// A sampler that computes a number from the latents outside of the tape, or nothing on it.
struct Hidden {
    on_the_tape: bool,
}

impl FromLatents for Hidden {
    fn kind(&self) -> models::LatentKind {
        models::LatentKind::Normal
    }
    fn latents(&self, seed: u64, stream: &str, count: usize) -> Tensor {
        models::LatentKind::Normal.draw(count, 2, kernels::Key::named(seed, stream))
    }
    fn draw(&self, latents: &Tensor) -> Tensor {
        latents.clone()
    }
    fn forward(&self, _: &mut nn::ForwardContext, latents: &tensor::Var) -> Result<tensor::Var, String> {
        Ok(if self.on_the_tape { latents.scale(latents.value().data()[0].into()) } else { latents.detach() })
    }
}

#[test]
fn what_a_trace_would_not_see_is_refused() {
    let refused = |on_the_tape| Generator::of_latents(&Hidden { on_the_tape }).err().unwrap();
    assert_eq!(refused(true), "its sampler computes numbers that depend on the latents outside of the tape");
    assert_eq!(refused(false), "its output does not depend on its input");
}
