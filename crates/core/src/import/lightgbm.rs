//! LightGBM's text models (`Booster.save_model`, `model_to_string`), as LightGBM 3.3 to 4.7 read them.
//!
//! The rules of walking are those of `Tree::Decision` in LightGBM's `tree.h`. Numbers are rounded correctly, as
//! LightGBM rounds leaf values and thresholds when it loads a model; `{:.17g}`, which it writes them with, loses
//! nothing.

mod block;
mod categories;
mod fields;
mod header;
mod objective;

use crate::error::{Error, ErrorKind, Result};
use crate::model::link::Link;
use crate::model::trees::source::{Combine, Precision, TreeEnsemble};
use block::BlockReader;
pub use categories::Level;
use categories::Tail;
use fields::{Fields, Lines};
use header::Header;
use std::ops::Range;

/// What of a model is read.
#[derive(Clone, Debug, Default)]
pub struct LightgbmOptions {
    /// The boosting iterations to keep; all where `None`. A text does not say which iteration was the best.
    pub iterations: Option<Range<usize>>,
}

/// A model that was read.
#[derive(Clone, Debug)]
pub struct LightgbmModel {
    /// The trees, whose raw scores are LightGBM's, averaged where it averages (`boosting=rf`). LightGBM's own
    /// `raw_score=True` gives sums there.
    pub ensemble: TreeEnsemble,
    /// The objective with its parameters, as written; `none` where the model has none.
    pub objective: String,
    /// What makes predictions of raw scores; of one score the second class's probability, for `binary`.
    pub link: Link,
    /// LightGBM's `num_class`: 1 but for multiclass models.
    pub n_classes: usize,
    /// The name of each feature.
    pub feature_names: Vec<String>,
    /// The features that LightGBM split as categorical ones, ascending.
    pub categorical_features: Vec<usize>,
    /// The levels of each category column of the training data frame, in the columns' order: a level's place
    /// is its code. Which features they are the text does not say: ordered categories are no categorical
    /// features, and columns of numbers may be.
    pub categories: Vec<Vec<Level>>,
    /// The version of the text: 3 or 4.
    pub version: u32,
}

impl LightgbmModel {
    /// Reads a model's text.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when the text is no model, [`ErrorKind::Unsupported`] for linear trees and for
    /// versions and objectives that this library does not know, [`ErrorKind::InvalidArgument`] when the
    /// options do not fit the model.
    pub fn read(text: &[u8], options: &LightgbmOptions) -> Result<LightgbmModel> {
        read(text, options).map_err(|error| error.within("reading a LightGBM model"))
    }
}

fn read(text: &[u8], options: &LightgbmOptions) -> Result<LightgbmModel> {
    let text = std::str::from_utf8(text)
        .map_err(|error| Error::corrupt(format!("byte {} is no UTF-8", error.valid_up_to())))?;
    let mut lines = Lines::of(text);
    let header = Header::read(&mut lines)?;
    let link = objective::link(header.objective, header.n_outputs)?;
    let mut blocks = BlockReader::new(header.n_features());
    let mut trees = Vec::new();
    loop {
        let Some(line) = lines.next_filled() else {
            return Err(Error::corrupt(format!(
                "the text ends after {} trees; it is truncated",
                trees.len()
            )));
        };
        if line == "end of trees" {
            break;
        }
        let number = trees.len();
        if line.strip_prefix("Tree=").and_then(|found| found.parse().ok()) != Some(number) {
            let found = fields::excerpt(line);
            let at = lines.number();
            return Err(Error::corrupt(format!("line {at}: found {found:?}, expected \"Tree={number}\"")));
        }
        let fields = Fields::read(format!("tree {number}"), &mut lines)?;
        trees.push(blocks.tree(&fields, number % header.n_outputs)?);
    }
    header.check_n_trees(trees.len())?;
    let n_iterations = trees.len() / header.n_outputs;
    if let Some(kept) = &options.iterations {
        if kept.start >= kept.end || kept.end > n_iterations {
            let message = format!(
                "iterations {} to {} of a model that has {n_iterations}; give a range within it",
                kept.start, kept.end
            );
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        trees.truncate(kept.end * header.n_outputs);
        trees.drain(..kept.start * header.n_outputs);
    }
    let tail = Tail::read(&mut lines)?;
    let categorical_features = tail.categorical_features(&header);
    let (columns, sets) = blocks.finish();
    Ok(LightgbmModel {
        ensemble: TreeEnsemble {
            n_features: header.n_features(),
            columns,
            features: Precision::Double,
            sets,
            trees,
            n_outputs: header.n_outputs,
            start: vec![0.0; header.n_outputs],
            sums: Precision::Double,
            combine: if header.average { Combine::Mean } else { Combine::Sum },
            ..TreeEnsemble::default()
        },
        objective: header.objective.unwrap_or("none").to_owned(),
        link,
        n_classes: header.n_classes,
        feature_names: header.feature_names.iter().map(|&name| name.to_owned()).collect(),
        categorical_features,
        categories: tail.levels,
        version: header.version,
    })
}
