//! Outputs by name: as columns of a table, and as the distributions that are kept of them.

use super::{Classes, Ensemble, Task};

/// Most outputs that distributions are kept of.
const MOST: usize = 100;

/// Which outputs distributions are kept of, and of which labels. The reference and what is counted live agree on
/// them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OutputDistributions {
    /// What the outputs are called.
    pub names: Vec<String>,
    /// Their places among a row's outputs.
    pub columns: Vec<usize>,
    /// The labels, in the order of their numbers; none of a regression.
    pub labels: Vec<String>,
}

impl OutputDistributions {
    /// Of two probabilities the second alone, since the first is what it leaves; of others the first hundred.
    pub fn new(task: Task, classes: Option<&Classes>, n_outputs: usize) -> OutputDistributions {
        let (mut names, mut columns) = (output_columns(task, classes, n_outputs), (0..n_outputs).collect());
        if task == Task::Classification && n_outputs == 2 {
            (names, columns) = (names.split_off(1), vec![1]);
        }
        names.truncate(MOST);
        columns.truncate(MOST);
        let labels = classes.iter().flat_map(|classes| &classes.values).map(ToString::to_string).collect();
        OutputDistributions { names, columns, labels }
    }

    /// The outputs that distributions are kept of, of rows with `n_outputs` each.
    pub fn pick(&self, outputs: &[f64], n_outputs: usize) -> Vec<f64> {
        let of_row =
            |row: &[f64]| self.columns.iter().filter_map(|&at| row.get(at).copied()).collect::<Vec<_>>();
        outputs.chunks_exact(n_outputs.max(1)).flat_map(of_row).collect()
    }
}

/// The name of each output as a column: `probability_` and the label, `prediction`, or `score`.
pub fn output_columns(task: Task, classes: Option<&Classes>, n_outputs: usize) -> Vec<String> {
    match classes.map(|classes| &classes.values).filter(|labels| labels.len() == n_outputs) {
        _ if task.has_flat_output(n_outputs) => vec![task.output_name().to_owned()],
        Some(labels) => labels.iter().map(|label| format!("probability_{label}")).collect(),
        None => (0..n_outputs).map(|output| format!("{}_{output}", task.output_name())).collect(),
    }
}

impl Task {
    /// What the outputs are called.
    pub(crate) fn output_name(self) -> &'static str {
        match self {
            Task::Classification => "probabilities",
            Task::OutlierDetection => "score",
            Task::Regression => "prediction",
        }
    }

    /// Whether so many outputs are one number for each row, and no list.
    pub(crate) fn has_flat_output(self, n_outputs: usize) -> bool {
        self != Task::Classification && n_outputs == 1
    }
}

impl Ensemble {
    /// What the outputs are called.
    pub fn output_name(&self) -> &'static str {
        self.task().output_name()
    }

    /// Whether the outputs are one number for each row, and no list.
    pub fn has_flat_output(&self) -> bool {
        self.task().has_flat_output(self.n_outputs())
    }

    /// The name of each output where they are columns.
    pub fn output_columns(&self) -> Vec<String> {
        output_columns(self.task(), self.classes(), self.n_outputs())
    }

    /// Which outputs distributions are kept of.
    pub fn output_distributions(&self) -> OutputDistributions {
        OutputDistributions::new(self.task(), self.classes(), self.n_outputs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Label;

    fn classes(values: Vec<Label>) -> Classes {
        Classes { dtype: "object".to_owned(), values }
    }

    #[test]
    fn outputs_are_named_by_what_they_are() {
        let of = |task, classes: Option<&Classes>, n| {
            let found = OutputDistributions::new(task, classes, n);
            (found.names.join(" "), found.columns, found.labels.join(" "))
        };
        let text = |text: &str| Label::Text(text.to_owned());
        let (two, three) = (
            classes(vec![Label::Boolean(false), Label::Boolean(true)]),
            classes(vec![text("a"), text("b"), text("c")]),
        );
        let signs = classes(vec![Label::Integer(-1), Label::Integer(1)]);
        for (found, names, columns, labels) in [
            (of(Task::Classification, Some(&two), 2), "probability_True", vec![1], "False True"),
            (
                of(Task::Classification, Some(&three), 3),
                "probability_a probability_b probability_c",
                vec![0, 1, 2],
                "a b c",
            ),
            (of(Task::Classification, Some(&Classes::numbered(1)), 1), "probability_0", vec![0], "0"),
            (of(Task::OutlierDetection, Some(&signs), 1), "score", vec![0], "-1 1"),
            (of(Task::Regression, None, 1), "prediction", vec![0], ""),
            (of(Task::Regression, None, 2), "prediction_0 prediction_1", vec![0, 1], ""),
        ] {
            assert_eq!(found, (names.to_owned(), columns, labels.to_owned()));
        }
    }

    #[test]
    fn of_many_outputs_a_hundred_are_kept() {
        let found = OutputDistributions::new(Task::Classification, Some(&Classes::numbered(300)), 300);
        assert_eq!((found.names.len(), found.columns.len(), found.labels.len()), (100, 100, 300));
        let picked = found.pick(&(0..600).map(f64::from).collect::<Vec<_>>(), 300);
        assert_eq!((picked.len(), picked[99], picked[100]), (200, 99.0, 300.0));
    }
}
