//! What the source model made of rows, for a reference.

use super::ModelTask;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{OutputDistributions, Targets};
use crate::reference::{OutputSource, ReferenceBuilder};

/// A source model's answers, one row's after another's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SourceAnswers<'a> {
    /// The number of rows.
    pub n_rows: usize,
    /// All outputs.
    pub outputs: &'a [f64],
    /// The raw scores, where they are something else than the outputs.
    pub raw_scores: &'a [f64],
    /// The numbers of the labels, one for each target; of a source that gives none they are those that the bloc will
    /// give.
    pub classes: &'a [f64],
}

/// Adds a source model's answers to a reference. `model` is the manifest's `model`.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for a model that can't be read, and answers that are not one for each row.
pub fn add_outputs(
    builder: &mut ReferenceBuilder,
    source: OutputSource,
    model: &str,
    answers: &SourceAnswers<'_>,
) -> Result<()> {
    let ModelTask { task, classes: Targets(targets), decide, .. } = serde_json::from_str(model)
        .map_err(|error| Error::new(ErrorKind::InvalidArgument, format!("the model: {error}")))?;
    let SourceAnswers { n_rows, outputs, raw_scores, classes } = *answers;
    let (n_outputs, n_raw) = (width(outputs, n_rows, "outputs")?, width(raw_scores, n_rows, "raw scores")?);
    let kept = OutputDistributions::new(task, &targets, n_outputs);
    let mut decided = Vec::new();
    if classes.is_empty() && !kept.labels.is_empty() {
        let mut raw = raw_scores.chunks_exact(n_raw.max(1));
        let rows = outputs.chunks_exact(n_outputs.max(1));
        decided.resize(n_rows * targets.len(), 0.0);
        for (outputs, numbers) in rows.zip(decided.chunks_exact_mut(targets.len())) {
            decide.classes(&targets, raw.next().unwrap_or_default(), outputs, numbers);
        }
    }
    let classes = if decided.is_empty() { classes } else { &decided };
    let n_classes = width(classes, n_rows, "labels")?;
    let classes: Vec<f64> = classes
        .chunks_exact(n_classes.max(1))
        .flat_map(|row| row.iter().take(kept.labels.len()))
        .copied()
        .collect();
    builder.add_outputs(source, &kept.names, &kept.pick(outputs, n_outputs), &kept.labels, &classes)
}

/// How many values each row has.
fn width(values: &[f64], n_rows: usize, what: &str) -> Result<usize> {
    let width = values.len().checked_div(n_rows).unwrap_or(0);
    if width * n_rows == values.len() {
        return Ok(width);
    }
    let message = format!("{} {what} of {n_rows} rows; expected equally many of each row", values.len());
    Err(Error::new(ErrorKind::InvalidArgument, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::Values;
    use crate::schema::Schema;

    fn labels(model: &str, answers: SourceAnswers<'_>) -> std::result::Result<Vec<u64>, String> {
        let mut builder = ReferenceBuilder::new(&Schema::default());
        add_outputs(&mut builder, OutputSource::Validation, model, &answers)
            .map_err(|error| error.to_string())?;
        let outputs = builder.finish().outputs.expect("outputs");
        assert_eq!(outputs.distributions[0].name, "probability_1");
        match &outputs.distributions[1].values {
            Values::Categories(labels) => Ok(labels.bin_counts()),
            Values::Numbers(_) => panic!("labels"),
        }
    }

    #[test]
    fn each_targets_labels_are_counted_by_themselves() {
        let (two, three) = (r#"{"dtype":"int64","values":[0,1]}"#, r#"{"dtype":"int64","values":[0,1,2]}"#);
        let model = format!(r#"{{"task":"classification","classes":[{two},{three}]}}"#);
        let outputs = [0.4, 0.6, 0.1, 0.2, 0.7, 0.9, 0.1, 0.5, 0.5, 0.0];
        let decided = SourceAnswers { n_rows: 2, outputs: &outputs, ..SourceAnswers::default() };
        let said = SourceAnswers { classes: &[1.0, 0.0, 1.0, 2.0], ..decided };
        for (answers, counts) in
            [(decided, [vec![1, 1, 0], vec![1, 0, 1, 0]]), (said, [vec![0, 2, 0], vec![1, 0, 1, 0]])]
        {
            let mut builder = ReferenceBuilder::new(&Schema::default());
            add_outputs(&mut builder, OutputSource::Validation, &model, &answers).expect("answers");
            let outputs = builder.finish().outputs.expect("outputs");
            let names: Vec<&str> = outputs.distributions.iter().map(|known| known.name.as_str()).collect();
            let probabilities = ["probability_0_1", "probability_1_0", "probability_1_1", "probability_1_2"];
            assert_eq!(names, [&probabilities[..], &["label_0", "label_1"]].concat());
            for (distribution, counts) in outputs.distributions[4..].iter().zip(counts) {
                let Values::Categories(labels) = &distribution.values else { panic!("labels") };
                assert_eq!(labels.bin_counts(), counts);
            }
        }
        let one = SourceAnswers { classes: &[1.0, 0.0, 1.0], ..decided };
        let mut builder = ReferenceBuilder::new(&Schema::default());
        let error = add_outputs(&mut builder, OutputSource::Validation, &model, &one).expect_err("too few");
        assert!(error.to_string().contains("3 labels of 2 rows"), "{error}");
    }

    #[test]
    fn labels_are_the_sources_or_the_blocs() {
        let model = |decide: &str| {
            let classes = r#"{"dtype":"int64","values":[0,1]}"#;
            format!(r#"{{"task":"classification","classes":{classes},"decide":{decide}}}"#)
        };
        let outputs = [0.4, 0.6, 0.7, 0.3, 0.2, 0.8];
        let answers = SourceAnswers { n_rows: 3, outputs: &outputs, ..SourceAnswers::default() };
        let by_probability = model(r#""probabilities""#);
        assert_eq!(labels(&by_probability, answers), Ok(vec![1, 2, 0]));
        let said = SourceAnswers { classes: &[0.0, 0.0, 1.0], ..answers };
        assert_eq!(labels(&by_probability, said), Ok(vec![2, 1, 0]));
        let raw = SourceAnswers { raw_scores: &[0.4, -0.8, 1.4], ..answers };
        assert_eq!(labels(&model(r#"{"above":{"raw_score":1.0}}"#), raw), Ok(vec![2, 1, 0]));
        let short = SourceAnswers { outputs: &outputs[..5], ..answers };
        let error = labels(&by_probability, short).expect_err("too few");
        assert!(error.contains("5 outputs of 3 rows"), "{error}");
    }
}
