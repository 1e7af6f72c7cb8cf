//! Golden rows of models whose sums the source rounds in an order of its own: linear ones.

use crate::model::{Decide, Ensemble};

/// What the source said of rows, and what the engine says.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub raw_scores: &'a [f64],
    pub outputs: &'a [f64],
    /// Empty where none are compared.
    pub classes: &'a [f64],
}

/// Whether raw scores lie within `bounds` of the source's, outputs as near as the link makes of that, and labels are the
/// same wherever the bounds leave no doubt about them.
pub(super) fn agree(ensemble: &Ensemble, bounds: &[f64], expected: Said<'_>, found: Said<'_>) -> bool {
    let (n_raw, n_outputs) = (ensemble.n_raw_scores(), ensemble.n_outputs());
    let near = |a: f64, b: f64, bound: f64| a.to_bits() == b.to_bits() || (a - b).abs() <= bound;
    let units = ensemble.max_ulps(expected.raw_scores) as f64 * ensemble.precision().epsilon();
    bounds.chunks_exact(n_raw).enumerate().all(|(row, bounds)| {
        let part = |values: &[f64], width: usize| values[row * width..][..width].to_vec();
        let greatest = bounds.iter().fold(0.0_f64, |most, &bound| most.max(bound));
        let raw = part(expected.raw_scores, n_raw);
        let mut pairs = raw.iter().zip(part(found.raw_scores, n_raw)).zip(bounds);
        let raw_agree = pairs.all(|((&a, b), &bound)| near(a, b, bound));
        let slack = ensemble.link().change(&raw, greatest, ensemble.precision().epsilon());
        let mut pairs = part(expected.outputs, n_outputs).into_iter().zip(part(found.outputs, n_outputs));
        let outputs_agree = pairs.all(|(a, b)| near(a, b, slack + units * a.abs().max(f64::MIN_POSITIVE)));
        let doubtful = margin(ensemble.decide(), &raw) <= 2.0 * greatest;
        let labels_agree = doubtful || expected.classes.get(row) == found.classes.get(row);
        raw_agree && outputs_agree && labels_agree
    })
}

/// By how much the label is decided.
fn margin(decide: Decide, raw: &[f64]) -> f64 {
    if let [score] = raw {
        let threshold = if let Decide::Above { raw_score } = decide { raw_score } else { 0.0 };
        return (score - threshold).abs();
    }
    let mut sorted = raw.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted[..] {
        [.., second, first] => first - second,
        _ => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::{Decide, margin};

    #[test]
    fn labels_are_decided_by_the_sign_a_threshold_or_the_two_greatest() {
        assert_eq!(margin(Decide::RawScores, &[-3.0]), 3.0);
        assert_eq!(margin(Decide::Above { raw_score: 2.0 }, &[-3.0]), 5.0);
        assert_eq!(margin(Decide::RawScores, &[1.0, 7.0, 4.0]), 3.0);
        assert_eq!(margin(Decide::RawScores, &[2.0, 2.0]), 0.0);
    }
}
