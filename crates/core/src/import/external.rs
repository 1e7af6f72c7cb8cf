//! External data of an ONNX model: files in the model's own folder, and nothing else.

use crate::bloc::SourceFile;
use crate::error::{Error, ErrorKind, Result};
use crate::model::graph::proto::{self, TensorProto};
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The folder of a model, with the files opened so far.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    open: HashMap<PathBuf, Arc<SourceFile>>,
}

impl Folder {
    pub fn of(model: &Path) -> Result<Folder> {
        let parent = model.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Folder { path: parent.to_owned(), open: HashMap::new() })
    }

    /// The file that holds `bytes` bytes of `tensor`, and where in it they begin.
    pub fn find(&mut self, tensor: &TensorProto, bytes: u64) -> Result<(Arc<SourceFile>, u64)> {
        let refuse = |what: String| {
            Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("external data of tensor {:?}: {what}", tensor.name),
            ))
        };
        let Some(location) = proto::external(tensor, "location") else {
            return refuse("it names no location".to_owned());
        };
        let relative = Path::new(location);
        let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if location.is_empty() || !plain {
            return refuse(format!("location {location:?} is no path inside the model's folder"));
        }
        let (offset, _) = proto::external_range(tensor)?;
        if !self.open.contains_key(relative) {
            let mut path = self.path.clone();
            for part in relative.components() {
                path.push(part);
                let link = path.symlink_metadata().is_ok_and(|found| found.file_type().is_symlink());
                if link {
                    return refuse(format!("{} is a symbolic link; expected a file", path.display()));
                }
            }
            let opened =
                OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(&path);
            let file = opened.map_err(|error| Error::io(&path, "opening", &error))?;
            let found = file.metadata().map_err(|error| Error::io(&path, "reading", &error))?;
            if !found.is_file() {
                return refuse(format!("{} is no regular file", path.display()));
            }
            self.open.insert(relative.to_owned(), Arc::new(SourceFile { file, path }));
        }
        let Some(source) = self.open.get(relative) else { return refuse("it was not opened".to_owned()) };
        let length =
            source.file.metadata().map_err(|error| Error::io(&source.path, "reading", &error))?.len();
        if offset.checked_add(bytes).is_none_or(|end| end > length) {
            return refuse(format!("{bytes} bytes at {offset} of {location:?}, which has {length} bytes"));
        }
        Ok((Arc::clone(source), offset))
    }
}
