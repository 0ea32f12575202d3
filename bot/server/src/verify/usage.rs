//! How much a proof writes. Linux limits the size of a file, not of a folder, so that it is watched.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use walkdir::WalkDir;

use super::Unproved;
use super::checkout::Checkout;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(3);

/// Waits for what runs in a checkout, and ends it when it has written more than so many bytes beside the files that were
/// there.
pub async fn within<T>(checkout: &Checkout, most: u64, run: impl Future<Output = T>) -> Result<T, Unproved> {
    let folder = checkout.folder().to_owned();
    let at_start = size(folder.clone()).await;
    let watch = async {
        loop {
            tokio::time::sleep(EVERY).await;
            if size(folder.clone()).await.saturating_sub(at_start) > most {
                return;
            }
        }
    };
    tokio::select! {
        done = run => {
            if size(folder.clone()).await.saturating_sub(at_start) > most { Err(Unproved::Disk(most >> 20)) } else { Ok(done) }
        }
        () = watch => Err(Unproved::Disk(most >> 20)),
    }
}

/// Bytes on the disk below a folder. What cannot be looked at counts for nothing.
async fn size(folder: PathBuf) -> u64 {
    let sum = move || {
        let files = WalkDir::new(folder).into_iter().flatten().filter_map(|entry| entry.metadata().ok());
        files.map(|file| std::os::unix::fs::MetadataExt::blocks(&file) * 512).sum()
    };
    tokio::task::spawn_blocking(sum).await.unwrap_or(0)
}
