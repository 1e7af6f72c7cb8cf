use super::super::calibration::{Random, calibrate};
use super::super::tests::{distribution_of, distribution_of_texts};
use super::*;
use crate::input::Value;
use crate::reference::Outputs;

const ROWS: usize = 4_000;

/// A frame of people: columns by name, and probabilities that a model gave.
struct Frame {
    numbers: Vec<(&'static str, Vec<f64>)>,
    texts: Vec<(&'static str, Vec<Option<String>>)>,
    outputs: Vec<f64>,
}

impl Frame {
    fn new(seed: u64) -> Frame {
        let mut random = Random::new(seed);
        let mut of =
            |value: &dyn Fn(&mut Random) -> f64| (0..ROWS).map(|_| value(&mut random)).collect::<Vec<_>>();
        let numbers = vec![
            ("age", of(&|random| (38.6 + 11.0 * random.normal()).clamp(17.0, 90.0).floor())),
            ("income", of(&|random| 30_000.0 * (0.5 * random.normal()).exp())),
            ("limit", of(&|random| 5_000.0 + 900.0 * random.normal())),
            ("hours", of(&|random| (40.0 + 9.0 * random.normal()).round().clamp(1.0, 99.0))),
            ("gain", of(&|random| if random.uniform() < 0.9 { 0.0 } else { 3_000.0 * random.uniform() })),
            ("debt", of(&|random| if random.uniform() < 0.02 { f64::NAN } else { random.normal() })),
            ("steady", of(&|random| random.normal())),
        ];
        let countries = [("United States", 0.35), ("France", 0.7), ("Peru", 0.9), ("<Chad> & co", 1.0)];
        let mut pick = |from: &[(&str, f64)]| {
            let at = random.uniform();
            from.iter().find(|(_, up_to)| at < *up_to).map(|(name, _)| (*name).to_owned())
        };
        let country = (0..ROWS).map(|_| pick(&countries)).collect();
        let sex = (0..ROWS).map(|_| pick(&[("f", 0.5), ("m", 1.0)])).collect();
        let outputs = (0..ROWS).map(|_| random.uniform().powi(2)).collect();
        Frame { numbers, texts: vec![("country", country), ("sex", sex)], outputs }
    }

    fn numbers(&mut self, name: &str) -> &mut Vec<f64> {
        &mut self.numbers.iter_mut().find(|(known, _)| *known == name).expect("a column").1
    }

    fn texts(&mut self, name: &str) -> &mut Vec<Option<String>> {
        &mut self.texts.iter_mut().find(|(known, _)| *known == name).expect("a column").1
    }

    fn reference(&self, source: OutputSource) -> Reference {
        let named = |name: &str, found: Distribution| Distribution { name: name.to_owned(), ..found };
        let numbers = self.numbers.iter().map(|(name, values)| named(name, distribution_of(values)));
        let texts = self.texts.iter().map(|(name, values)| {
            named(
                name,
                distribution_of_texts(&values.iter().flatten().map(String::as_str).collect::<Vec<_>>()),
            )
        });
        let distributions = vec![named("probability", distribution_of(&self.outputs))];
        let mut reference = Reference {
            fields: numbers.chain(texts).collect(),
            outputs: Some(Outputs { source, distributions }),
        };
        calibrate(&mut reference);
        reference
    }

    fn live(&self, reference: &Reference) -> Live {
        let mut live = Live::new(reference);
        live.rows = ROWS as u64;
        let (fields, counts) = (&reference.fields, &mut live.fields);
        for (at, (_, values)) in self.numbers.iter().enumerate() {
            values.iter().for_each(|&value| counts[at].add(&fields[at], Value::Float(value)));
        }
        for (at, (_, texts)) in self.texts.iter().enumerate() {
            let at = at + self.numbers.len();
            for text in texts {
                let value = text.as_ref().map_or(Value::Float(f64::NAN), |text| Value::Text(text.as_bytes()));
                counts[at].add(&fields[at], value);
            }
        }
        live.count_output(reference, 0, &self.outputs);
        live
    }
}

fn compared(fault: impl Fn(&mut Frame)) -> DriftReport {
    let mut frame = Frame::new(2);
    fault(&mut frame);
    let reference = Frame::new(1).reference(OutputSource::Validation);
    report(&reference, &frame.live(&reference)).expect("a report")
}

fn rename(texts: &mut [Option<String>], from: &str, to: &str, all_but: usize) {
    let named = texts.iter_mut().filter(|text| text.as_deref() == Some(from));
    named.skip(all_but).for_each(|text| *text = Some(to.to_owned()));
}

#[test]
fn what_a_person_would_say() {
    type Fault = fn(&mut Frame);
    let cases: &[(Fault, &str)] = &[
        (
            |frame| rename(frame.texts("country"), "United States", "US", 16),
            "country: 'US' rose from 0 % to 34 %, 'United States' fell from 34 % to 0.4 %: a renamed category",
        ),
        (
            |frame| frame.numbers("age").iter_mut().for_each(|age| *age *= 12.0),
            "age: mean 38.47 -> 459.7, about 12 times: another unit?",
        ),
        (|frame| frame.numbers("gain").fill(0.0), "gain: always 0: frozen"),
        (|frame| frame.texts("sex").fill(Some("f".to_owned())), "sex: always 'f': frozen"),
        (|frame| frame.numbers("income").fill(f64::NAN), "income: missing rose from 0 % to 100 %"),
        (|frame| frame.texts("sex").fill(None), "sex: missing rose from 0 % to 100 %"),
        (
            |frame| frame.numbers("steady")[..400].fill(f64::INFINITY),
            "steady: not finite, or no number rose from 0 % to 10 %",
        ),
        (
            |frame| frame.numbers("hours")[..480].fill(9999.0),
            "hours: 9999 in 12 % of rows, above the reference's greatest of 85: a sentinel?",
        ),
        (
            |frame| frame.numbers("steady").iter_mut().for_each(|value| *value += 0.4),
            "steady: values lie 0.4 standard deviations higher (mean -0.006039 -> 0.4147)",
        ),
        (
            |frame| frame.numbers("steady").iter_mut().for_each(|value| *value *= 0.4),
            "steady: values lie closer together: of the reference's values 20 % are far out, now 0.1 %",
        ),
        (
            |frame| frame.outputs.iter_mut().for_each(|value| *value = value.sqrt()),
            "probability: values lie 0.6 standard deviations higher (mean 0.3341 -> 0.5019)",
        ),
    ];
    let said = |report: &DriftReport| -> Vec<String> {
        report.drifted().map(|column| column.sentence.clone()).collect()
    };
    let found: Vec<Vec<String>> = cases.iter().map(|(fault, _)| said(&compared(fault))).collect();
    let expected: Vec<Vec<String>> = cases.iter().map(|(_, sentence)| vec![(*sentence).to_owned()]).collect();
    assert_eq!(found, expected, "{found:#?}");
    let swapped = compared(|frame| {
        let income = std::mem::take(frame.numbers("income"));
        let limit = std::mem::replace(frame.numbers("limit"), income);
        *frame.numbers("income") = limit;
    });
    let looks = |one: &str, other: &str| {
        format!("{one}: looks like '{other}' of the reference, and '{other}' like this: swapped?")
    };
    assert_eq!(said(&swapped), [looks("limit", "income"), looks("income", "limit")]);
    assert_eq!(compared(|_| {}).drifted().count(), 0);
}

#[test]
fn a_frequent_category_that_is_not_named_was_at_most_as_frequent_as_all_such() {
    let mut frame = Frame::new(1);
    frame.texts("country")[0] = Some("Holland".to_owned());
    let reference = frame.reference(OutputSource::Validation);
    rename(frame.texts("country"), "United States", "US", 0);
    let report = report(&reference, &frame.live(&reference)).expect("a report");
    let said = "country: 'US' rose from at most 0.1 % to 34 %, 'United States' fell from 34 % to 0 %: a renamed category";
    assert_eq!(report.columns[0].sentence, said);
}

fn much() -> DriftReport {
    compared(|frame| {
        rename(frame.texts("country"), "United States", "US", 16);
        frame.numbers("age").iter_mut().for_each(|age| *age *= 12.0);
        frame.numbers("hours")[..480].fill(9999.0);
        frame.numbers("debt")[..1_000].fill(f64::NAN);
        frame.numbers("steady").iter_mut().for_each(|value| *value += 0.4);
    })
}

#[test]
fn what_moved_most_comes_first() {
    let report = much();
    let names: Vec<&str> = report.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names[..5], ["age", "country", "debt", "hours", "steady"]);
    let text = report.to_string();
    assert!(
        text.starts_with("5 of 9 columns drifted, 0 of 1 output: 4000 live rows, 4000 in the reference\n"),
        "{text}"
    );
    let line = text.lines().find(|line| line.starts_with("age")).expect("a line");
    assert!(line.contains("yes") && line.ends_with("another unit?"), "{line}");
    let json: serde_json::Value = serde_json::from_str(&report.to_json().expect("JSON")).expect("JSON");
    assert_eq!(json["columns"][0]["name"], "age");
    assert_eq!((&json["window"]["rows"], &json["window"]["judged"]), (&4000.into(), &true.into()));
    println!("{text}");
}

#[test]
fn a_page_needs_nothing_else() {
    let page = much().to_html();
    assert!(page.contains("&lt;Chad&gt; &amp; co") && !page.contains("<Chad>"), "{page}");
    for outside in ["<script", "http", "src=", "url(", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<figure>").count(), 6);
    for element in ["svg", "figure", "table", "tr", "td", "g", "text", "p", "div", "title"] {
        let opened =
            page.matches(&format!("<{element}>")).count() + page.matches(&format!("<{element} ")).count();
        assert_eq!(opened, page.matches(&format!("</{element}>")).count(), "{element}");
    }
}

#[test]
fn outputs_of_the_rows_that_were_fitted_are_shown_and_never_judged() {
    let mut frame = Frame::new(2);
    frame.outputs.fill(0.9);
    let reference = Frame::new(1).reference(OutputSource::Reference);
    let report = report(&reference, &frame.live(&reference)).expect("a report");
    let output = &report.outputs[0];
    assert!(!output.drifted && output.measures.ks.expect("numbers").statistic > 0.5);
    assert!(
        output.sentence.contains("not judged: known of rows that the model was fitted on"),
        "{}",
        output.sentence
    );
}

#[test]
fn nothing_is_judged_of_few_rows() {
    let reference = Frame::new(1).reference(OutputSource::Validation);
    let report = report(&reference, &Live::new(&reference)).expect("a report");
    assert!(!report.window.judged && report.drifted().count() == 0);
    assert!(
        report
            .columns
            .iter()
            .all(|column| column.sentence.ends_with("not judged: 0 rows; judged from 100 on"))
    );
    assert!(report.to_string().starts_with("nothing is judged: 0 live rows"), "{report}");
    assert!(
        report.to_html().contains("nothing is judged") && !report.to_json().expect("JSON").contains("NaN")
    );
}

#[test]
fn counts_of_another_reference_are_refused() {
    let reference = Frame::new(1).reference(OutputSource::Validation);
    let mut live = Live::new(&reference);
    live.fields[0].counts.pop();
    let error = report(&reference, &live).expect_err("too few bins");
    assert!(error.to_string().contains("comparing \"age\" with the reference"), "{error}");
    live.fields.pop();
    let error = report(&reference, &live).expect_err("too few fields");
    assert!(error.to_string().contains("counts of 8; expected 9"), "{error}");
}

#[test]
fn figures_are_those_of_the_report() {
    let reference = Frame::new(1).reference(OutputSource::Validation);
    let live = Frame::new(2).live(&reference);
    let mut report = report(&reference, &live).expect("a report");
    for column in report.columns.iter_mut().chain(&mut report.outputs) {
        assert!(!column.sentence.is_empty() && !column.bars.is_empty());
        (column.sentence, column.bars) = (String::new(), Vec::new());
    }
    assert_eq!(figures(&reference, &live).expect("figures"), report);
}
