//! The control groups of this process: the folders whose limits hold for it.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// The files that tell what this process may use, under a folder that stands for `/`.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    root: PathBuf,
}

/// A mounted hierarchy of control groups.
struct Mount {
    /// The group that the mount point shows.
    root: PathBuf,
    point: PathBuf,
    /// The controllers of version 1; `None` for version 2.
    controllers: Option<Vec<String>>,
}

impl Files {
    pub fn new(root: impl Into<PathBuf>) -> Files {
        Files { root: root.into() }
    }

    /// A machine of these files, by path, in a folder that lasts as long as is held.
    #[cfg(test)]
    pub fn of(files: &std::collections::BTreeMap<String, String>) -> (tempfile::TempDir, Files) {
        let folder = tempfile::TempDir::new().expect("a folder");
        for (path, text) in files {
            let path = folder.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let files = Files::new(folder.path());
        (folder, files)
    }

    /// The first line or lines of a file, or `None` where it can't be read.
    pub fn read(&self, path: &Path) -> Option<String> {
        let inside = path.strip_prefix("/").unwrap_or(path);
        let text = fs::read_to_string(self.root.join(inside)).ok()?;
        Some(text.trim_end().to_owned())
    }

    /// The folders of the groups that hold this process, by `controller`: its own first, then those around it up
    /// to the top of what is mounted. Groups of version 1 and version 2 follow each other on machines with both;
    /// a controller has files in one of them.
    pub fn control_groups(&self, controller: &str) -> Vec<PathBuf> {
        let Some(memberships) = self.read(Path::new("/proc/self/cgroup")) else { return Vec::new() };
        let mounts = self.mounts();
        let mut folders = Vec::new();
        for membership in memberships.lines() {
            let mut parts = membership.splitn(3, ':').skip(1);
            let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
            let unified = controllers.is_empty();
            if !unified && !controllers.split(',').any(|name| name == controller) {
                continue;
            }
            let fits = |mount: &&Mount| match &mount.controllers {
                None => unified,
                Some(names) => !unified && names.iter().any(|name| name == controller),
            };
            let group = Path::new(group);
            // The mount that shows most of the way to the group; one that does not show it shows its top.
            let shown =
                |mount: &&Mount| group.strip_prefix(&mount.root).map_or(0, |_| depth(&mount.root) + 1);
            let Some(mount) = mounts.iter().filter(fits).max_by_key(shown) else { continue };
            let below = group.strip_prefix(&mount.root).unwrap_or(Path::new(""));
            let below = if below.components().any(|part| part == Component::ParentDir) {
                Path::new("")
            } else {
                below
            };
            let own = mount.point.join(below);
            folders.extend(own.ancestors().take(depth(below) + 1).map(Path::to_owned));
        }
        folders
    }

    fn mounts(&self) -> Vec<Mount> {
        let text = self.read(Path::new("/proc/self/mountinfo")).unwrap_or_default();
        text.lines().filter_map(Mount::parse).collect()
    }
}

impl Mount {
    /// A line of `mountinfo` (proc(5)): fields, a separator, the file system's type, its source and options.
    fn parse(line: &str) -> Option<Mount> {
        let (fields, system) = line.split_once(" - ")?;
        let (mut fields, mut system) = (fields.split(' ').skip(3), system.split(' '));
        let (root, point) = (unescaped(fields.next()?), unescaped(fields.next()?));
        let controllers = match system.next()? {
            "cgroup2" => None,
            "cgroup" => Some(system.nth(1)?.split(',').map(str::to_owned).collect()),
            _ => return None,
        };
        Some(Mount { root: root.into(), point: point.into(), controllers })
    }
}

fn depth(path: &Path) -> usize {
    path.components().filter(|part| matches!(part, Component::Normal(_))).count()
}

/// Spaces, tabs, newlines and backslashes are octal in `mountinfo`.
fn unescaped(field: &str) -> String {
    let mut text = field.to_owned();
    for (escape, character) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        text = text.replace(escape, character);
    }
    text
}
