//! Outputs by name: as columns of a table, and as the distributions that are kept of them.

use super::classes::target_outputs;
use super::{Classes, Ensemble, Label, Task};

/// Most outputs that distributions are kept of, and most targets whose labels are counted.
const MOST: usize = 100;

/// Which outputs distributions are kept of, and of which labels. The reference and what is counted live agree on
/// them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OutputDistributions {
    /// What the outputs are called.
    pub names: Vec<String>,
    /// Their places among a row's outputs.
    pub columns: Vec<usize>,
    /// For each target what the distribution of its labels is called, and the labels in the order of their numbers;
    /// none of a regression.
    pub labels: Vec<(String, Vec<String>)>,
}

impl OutputDistributions {
    /// Of a target's two probabilities the second alone, since the first is what it leaves; of all the first hundred,
    /// and the labels of the first hundred targets.
    pub fn new(task: Task, targets: &[Classes], n_outputs: usize) -> OutputDistributions {
        let mut columns: Vec<usize> = (0..n_outputs).collect();
        if task == Task::Classification {
            let pairs = target_outputs(targets).filter(|outputs| outputs.len() == 2);
            let firsts: Vec<usize> = pairs.map(|outputs| outputs.start).collect();
            columns.retain(|column| firsts.binary_search(column).is_err());
        }
        columns.truncate(MOST);
        let names = output_columns(task, targets, n_outputs);
        let names = columns.iter().filter_map(|&column| names.get(column).cloned()).collect();
        let of_target = |classes: &Classes| classes.values.iter().map(ToString::to_string).collect();
        let labels = label_columns(targets).into_iter().zip(targets.iter().map(of_target));
        OutputDistributions { names, columns, labels: labels.take(MOST).collect() }
    }

    /// The outputs that distributions are kept of, of rows with `n_outputs` each.
    pub fn pick(&self, outputs: &[f64], n_outputs: usize) -> Vec<f64> {
        let of_row =
            |row: &[f64]| self.columns.iter().filter_map(|&at| row.get(at).copied()).collect::<Vec<_>>();
        outputs.chunks_exact(n_outputs.max(1)).flat_map(of_row).collect()
    }
}

/// The name of each output as a column: `probability_` and the label, of several targets with the target's number
/// between; `prediction`, or `score`.
pub fn output_columns(task: Task, targets: &[Classes], n_outputs: usize) -> Vec<String> {
    let labels = || targets.iter().map(|classes| &classes.values);
    match targets {
        _ if task.has_flat_output(n_outputs) => vec![task.output_name().to_owned()],
        _ if labels().map(Vec::len).sum::<usize>() != n_outputs || targets.is_empty() => {
            (0..n_outputs).map(|output| format!("{}_{output}", task.output_name())).collect()
        }
        [classes] => classes.values.iter().map(|label| format!("probability_{label}")).collect(),
        _ => {
            let of_target = |(target, labels): (usize, &Vec<Label>)| -> Vec<String> {
                labels.iter().map(|label| format!("probability_{target}_{label}")).collect()
            };
            labels().enumerate().flat_map(of_target).collect()
        }
    }
}

/// The name of each target's label as a column: `label`, of several targets with the target's number behind.
fn label_columns(targets: &[Classes]) -> Vec<String> {
    match targets {
        [_] => vec!["label".to_owned()],
        _ => (0..targets.len()).map(|target| format!("label_{target}")).collect(),
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
        output_columns(self.task(), self.targets(), self.n_outputs())
    }

    /// The name of each target's label where labels are columns.
    pub fn label_columns(&self) -> Vec<String> {
        label_columns(self.targets())
    }

    /// Which outputs distributions are kept of.
    pub fn output_distributions(&self) -> OutputDistributions {
        OutputDistributions::new(self.task(), self.targets(), self.n_outputs())
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
        let of = |task, targets: &[&Classes], n| {
            let targets: Vec<Classes> = targets.iter().copied().cloned().collect();
            let found = OutputDistributions::new(task, &targets, n);
            let labels = found.labels.iter().map(|(name, labels)| format!("{name}: {}", labels.join(" ")));
            (found.names.join(" "), found.columns, labels.collect::<Vec<_>>().join(", "))
        };
        let text = |text: &str| Label::Text(text.to_owned());
        let (two, three) = (
            classes(vec![Label::Boolean(false), Label::Boolean(true)]),
            classes(vec![text("a"), text("b"), text("c")]),
        );
        let signs = classes(vec![Label::Integer(-1), Label::Integer(1)]);
        for (found, names, columns, labels) in [
            (of(Task::Classification, &[&two], 2), "probability_True", vec![1], "label: False True"),
            (
                of(Task::Classification, &[&three], 3),
                "probability_a probability_b probability_c",
                vec![0, 1, 2],
                "label: a b c",
            ),
            (
                of(Task::Classification, &[&two, &three, &Classes::numbered(1), &two], 8),
                "probability_0_True probability_1_a probability_1_b probability_1_c probability_2_0 probability_3_True",
                vec![1, 2, 3, 4, 5, 7],
                "label_0: False True, label_1: a b c, label_2: 0, label_3: False True",
            ),
            (of(Task::Classification, &[&Classes::numbered(1)], 1), "probability_0", vec![0], "label: 0"),
            (of(Task::OutlierDetection, &[&signs], 1), "score", vec![0], "label: -1 1"),
            (of(Task::Regression, &[], 1), "prediction", vec![0], ""),
            (of(Task::Regression, &[], 2), "prediction_0 prediction_1", vec![0, 1], ""),
        ] {
            assert_eq!(found, (names.to_owned(), columns, labels.to_owned()));
        }
    }

    #[test]
    fn of_many_outputs_a_hundred_are_kept() {
        let found = OutputDistributions::new(Task::Classification, &[Classes::numbered(300)], 300);
        assert_eq!((found.names.len(), found.columns.len(), found.labels[0].1.len()), (100, 100, 300));
        let picked = found.pick(&(0..600).map(f64::from).collect::<Vec<_>>(), 300);
        assert_eq!((picked.len(), picked[99], picked[100]), (200, 99.0, 300.0));
    }

    #[test]
    fn of_many_targets_a_hundred_are_kept() {
        let found = OutputDistributions::new(Task::Classification, &vec![Classes::numbered(2); 150], 300);
        assert_eq!((found.names.len(), found.columns.len(), found.labels.len()), (100, 100, 100));
        assert_eq!(
            (&*found.names[99], found.columns[99], &*found.labels[99].0),
            ("probability_99_1", 199, "label_99")
        );
    }
}
