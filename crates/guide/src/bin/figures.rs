//! Writes the figures of the guide into `src/figures`, beside the chapters that show them.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/figures");
    std::fs::create_dir_all(&folder)?;
    for figure in guide::draw::figures() {
        let path = folder.join(figure.name).with_extension("svg");
        std::fs::write(&path, figure.svg)?;
        println!("{}", path.display());
    }
    Ok(())
}
