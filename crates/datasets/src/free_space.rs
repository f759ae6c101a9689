//! [`free_space`].

use std::io;
use std::path::Path;

/// The bytes that this user can still write to the disk of the folder `path`.
///
/// # Errors
/// When the folder does not exist, or the system does not know.
pub fn free_space(path: &Path) -> io::Result<u64> {
    #[cfg(unix)]
    {
        let disk = rustix::fs::statvfs(path)?;
        Ok(disk.f_frsize.saturating_mul(disk.f_bavail))
    }
    #[cfg(not(unix))]
    fs4::available_space(path)
}
