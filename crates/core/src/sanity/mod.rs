//! The sanity layer: what is found in rows, and what is done about it by rule.
//!
//! Where no rule says otherwise, a value that the source model takes is never changed: it is flagged at most. What
//! the source model would refuse becomes what the rules hold for it, or the row is rejected.

mod finding;
mod numbers;
mod renames;
mod rules;
mod texts;
mod verdicts;

pub use finding::{Finding, FindingKind, Status, Value};
pub use rules::{FieldRules, Normalization, OnExtra, Policy, Rules, Scalar};

use crate::extra::{Extra, ExtraName, ExtraRows};
use crate::precision::Precision;
use crate::schema::{Kind, Schema};
pub(crate) use numbers::Watch;
use renames::Renames;
use std::collections::HashMap;
use std::sync::Arc;
pub(crate) use texts::Instead;
use texts::Replacement;
pub use verdicts::{accept, verdicts_json};
pub(crate) use verdicts::{settled, verdict};

/// The rules of an engine, ready to check values.
#[derive(Debug)]
pub struct Sanity {
    rules: Rules,
    fields: Vec<FieldSanity>,
    numbers: HashMap<Arc<str>, usize>,
    /// Which numbers have to be looked at, by field; as float32 and as float64.
    watches: [Vec<Watch>; 2],
}

/// What the source model refuses of a field.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refused {
    /// Missing values: NaN.
    pub nan: bool,
    /// Missing values: `None`.
    pub none: bool,
    /// Infinite numbers.
    pub infinite: bool,
}

/// What is done about the values of a field.
#[derive(Debug)]
struct FieldSanity {
    name: Arc<str>,
    is_text: bool,
    refused: Refused,
    /// The range; infinite where none is known.
    low: f64,
    high: f64,
    range: Option<Arc<str>>,
    most_characters: usize,
    length: Option<Arc<str>>,
    /// What the policies `impute` and `default` put in a value's place.
    impute: Option<Replacement>,
    default: Option<Replacement>,
    renames: Option<Renames>,
    on_missing: Action,
    /// Whether a rule says so, and not what the source model refuses.
    missing_is_ruled: bool,
    /// Whether a missing value that the source model takes is a finding.
    missing_is_unusual: bool,
    on_infinite: Option<Action>,
    on_type: Option<Action>,
    on_range: Action,
    on_unknown: Action,
    on_length: Action,
}

/// What is done about a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Clip,
    /// It stays as it is.
    Keep,
    Reject,
    UseDefault,
    UseImpute,
}

impl From<Policy> for Action {
    fn from(policy: Policy) -> Action {
        match policy {
            Policy::Clip => Action::Clip,
            Policy::Default => Action::UseDefault,
            Policy::Flag => Action::Keep,
            Policy::Impute => Action::UseImpute,
            Policy::Reject => Action::Reject,
        }
    }
}

impl Sanity {
    /// No rules: everything goes to the source model's steps as it is, and nothing is looked at.
    pub(crate) fn none(schema: &Schema) -> Sanity {
        let mut sanity =
            Sanity::new(Rules::default(), schema, &vec![Refused::default(); schema.fields().len()]);
        for field in &mut sanity.fields {
            field.missing_is_unusual = false;
        }
        sanity.watches = [const { Vec::new() }; 2];
        sanity
    }

    /// `refused` says what the source model refuses of each field.
    pub(crate) fn new(rules: Rules, schema: &Schema, refused: &[Refused]) -> Sanity {
        let unruled = FieldRules::default();
        let fields = schema.fields().iter().zip(refused);
        let fields = fields.map(|(field, &refused)| {
            let rules = rules.fields.get(&field.name).unwrap_or(&unruled);
            FieldSanity::new(&field.name, field.kind == Kind::String, rules, refused)
        });
        let fields: Vec<FieldSanity> = fields.collect();
        let watches = fields.iter().map(FieldSanity::watch).collect::<Vec<_>>();
        let watches = match watches.iter().any(|watch| *watch != Watch::nothing()) {
            false => [const { Vec::new() }; 2],
            true => [Precision::Single, Precision::Double]
                .map(|precision| watches.iter().map(|watch| watch.rounded(precision)).collect()),
        };
        let numbers =
            fields.iter().enumerate().map(|(number, field)| (Arc::clone(&field.name), number)).collect();
        Sanity { rules, fields, numbers, watches }
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The name of a field, to be shared.
    pub(crate) fn name(&self, field: usize) -> &Arc<str> {
        &self.fields[field].name
    }

    /// The number of the field called `name`.
    pub(crate) fn number_of(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    /// Whether what was found is unlike the reference; what is absent is where the reference misses no value.
    pub(crate) fn is_out_of_distribution(&self, finding: &Finding) -> bool {
        let misses_none = || {
            let field = self.number_of(&finding.field).and_then(|number| self.fields.get(number));
            field.is_some_and(|field| field.missing_is_unusual)
        };
        finding.kind.is_out_of_distribution() || finding.kind == FindingKind::Absent && misses_none()
    }

    /// Whether values of the field called `name` stay out of events.
    pub(crate) fn redacts(&self, name: &str) -> bool {
        self.rules.fields.get(name).is_some_and(|rules| rules.redact)
    }

    /// What the rules say of names that are no field, for `n_rows` rows from `first_row` on.
    pub(crate) fn extra(&self, extra: &Extra, first_row: usize, n_rows: usize, findings: &mut Vec<Finding>) {
        let status = match self.rules.on_extra {
            OnExtra::Ignore => return,
            OnExtra::Flag => Status::Flagged,
            OnExtra::Reject => Status::Rejected,
        };
        for ExtraName { name, rows } in extra.names() {
            let mut find = |row: usize| {
                findings.push(Finding {
                    row,
                    field: Arc::clone(name),
                    kind: FindingKind::Extra,
                    seen: Value::Other,
                    used: None,
                    status,
                    expected: None,
                });
            };
            let range = first_row..first_row + n_rows;
            match rows {
                ExtraRows::All => range.for_each(&mut find),
                ExtraRows::Some(rows) => {
                    rows.iter().copied().filter(|row| range.contains(row)).for_each(&mut find);
                }
            }
        }
    }

    /// Whether a field's categories have to be learned, for their normal forms.
    pub(crate) fn wants_categories(&self, field: usize) -> bool {
        self.fields[field].renames.as_ref().is_some_and(Renames::wants_categories)
    }

    /// Learns that `category` is one of a field's.
    pub(crate) fn learn_category(&mut self, field: usize, category: &str) {
        if let Some(renames) = &mut self.fields[field].renames {
            renames.learn(category, category);
        }
    }

    /// The field's aliases: what stands for categories, and the categories.
    pub(crate) fn aliases(&self, field: usize) -> impl Iterator<Item = (&str, &str)> {
        let rules = self.rules.fields.get(&*self.fields[field].name);
        rules
            .into_iter()
            .flat_map(|rules| rules.aliases.iter().map(|(from, to)| (from.as_str(), to.as_str())))
    }
}

impl FieldSanity {
    fn new(name: &str, is_text: bool, rules: &FieldRules, refused: Refused) -> FieldSanity {
        let (low, high) = (rules.min.unwrap_or(f64::NEG_INFINITY), rules.max.unwrap_or(f64::INFINITY));
        let replacement = |scalar: &Option<Scalar>| scalar.as_ref().map(Replacement::of);
        let impute = replacement(&rules.impute);
        let refuses_missing = refused.nan || refused.none;
        let on_missing = match rules.on_missing {
            Some(policy) => policy.into(),
            None if !refuses_missing => Action::Keep,
            None if impute.is_some() => Action::UseImpute,
            None => Action::Reject,
        };
        let explicit = |policy: Option<Policy>| policy.map(Action::from);
        let or_keep = |policy: Option<Policy>| policy.map_or(Action::Keep, Action::from);
        FieldSanity {
            name: name.into(),
            is_text,
            refused,
            low,
            high,
            range: numbers::expected(rules.min, rules.max),
            most_characters: rules.max_length.unwrap_or(usize::MAX),
            length: rules.max_length.map(|most| format!("at most {most} characters").into()),
            impute,
            default: replacement(&rules.default),
            renames: Renames::new(rules),
            on_missing,
            missing_is_ruled: rules.on_missing.is_some(),
            missing_is_unusual: rules.missing_rate == Some(0.0) || rules.on_missing == Some(Policy::Flag),
            on_infinite: explicit(rules.on_infinite),
            on_type: explicit(rules.on_type),
            on_range: or_keep(rules.on_range),
            on_unknown: or_keep(rules.on_unknown),
            on_length: or_keep(rules.on_length),
        }
    }

    /// What an action puts in a value's place; `None` for one that puts nothing there.
    fn replacement(&self, action: Action) -> Option<&Replacement> {
        match action {
            Action::UseDefault => self.default.as_ref(),
            Action::UseImpute => self.impute.as_ref(),
            Action::Clip | Action::Keep | Action::Reject => None,
        }
    }

    /// Whether a missing value has to be looked at.
    fn watches_missing(&self) -> bool {
        self.on_missing != Action::Keep || self.missing_is_unusual
    }

    fn finding(&self, row: usize, kind: FindingKind, seen: Value, status: Status) -> Finding {
        Finding { row, field: Arc::clone(&self.name), kind, seen, used: None, status, expected: None }
    }
}
