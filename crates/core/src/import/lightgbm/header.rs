//! The header: what a model says of itself before its trees.

use super::fields::{Fields, Lines, excerpt};
use crate::error::{Error, ErrorKind, Result};

/// The header's fields.
#[derive(Debug)]
pub struct Header<'a> {
    pub version: u32,
    pub n_classes: usize,
    /// The trees of an iteration.
    pub n_outputs: usize,
    pub objective: Option<&'a str>,
    /// Whether sums are divided by the number of iterations.
    pub average: bool,
    pub feature_names: Vec<&'a str>,
    /// `[least:greatest]`, `none`, or the codes of a categorical feature between colons.
    pub feature_infos: Vec<&'a str>,
    n_trees: Option<usize>,
}

impl<'a> Header<'a> {
    pub fn read(lines: &mut Lines<'a>) -> Result<Header<'a>> {
        let first = lines.next().unwrap_or_default();
        if first != "tree" {
            let hint =
                if first.starts_with('{') { "; a dump as JSON is no model, use save_model" } else { "" };
            let found = excerpt(first);
            return Err(Error::corrupt(format!("line 1: found {found:?}, expected \"tree\"{hint}")));
        }
        let fields = Fields::read("the header".to_owned(), lines)?;
        let version = version(&fields)?;
        let last_feature = fields.integer("max_feature_idx")?;
        let n_features = usize::try_from(last_feature).ok().filter(|&last| last < i32::MAX as usize);
        let n_features = n_features.map(|last| last + 1).ok_or_else(|| {
            fields.wrong("max_feature_idx", &last_feature.to_string(), "the number of the last feature")
        })?;
        fields.integer("label_index")?;
        let n_classes = positive(&fields, "num_class")?;
        let n_outputs = match fields.find("num_tree_per_iteration") {
            Some(_) => positive(&fields, "num_tree_per_iteration")?,
            None => n_classes,
        };
        let n_trees =
            fields.find("tree_sizes").map(|sizes| sizes.split(' ').filter(|size| !size.is_empty()).count());
        let header = Header {
            version,
            n_classes,
            n_outputs,
            objective: fields.find("objective").map(str::trim),
            average: fields.find("average_output").is_some(),
            feature_names: fields.words("feature_names", n_features)?,
            feature_infos: fields.words("feature_infos", n_features)?,
            n_trees,
        };
        Ok(header)
    }

    pub fn n_features(&self) -> usize {
        self.feature_names.len()
    }

    /// Checks the number of trees that were found.
    pub fn check_n_trees(&self, found: usize) -> Result<()> {
        if let Some(expected) = self.n_trees.filter(|&expected| expected != found) {
            return Err(Error::corrupt(format!("{found} trees; tree_sizes names {expected}")));
        }
        if found == 0 {
            return Err(Error::corrupt("it has no trees"));
        }
        if !found.is_multiple_of(self.n_outputs) {
            let n_outputs = self.n_outputs;
            return Err(Error::corrupt(format!("{found} trees; each iteration has {n_outputs}")));
        }
        Ok(())
    }
}

fn version(fields: &Fields<'_>) -> Result<u32> {
    match fields.value("version")? {
        "v3" => Ok(3),
        "v4" => Ok(4),
        other => Err(Error::new(
            ErrorKind::Unsupported,
            format!("its version is {:?}; versions v3 and v4 can be read", excerpt(other)),
        )),
    }
}

fn positive(fields: &Fields<'_>, key: &str) -> Result<usize> {
    let found = fields.integer(key)?;
    let number = i32::try_from(found).ok().and_then(|number| usize::try_from(number).ok());
    number
        .filter(|&number| number > 0)
        .ok_or_else(|| fields.wrong(key, &found.to_string(), "a positive number"))
}
