use super::super::calibration::{Random, calibrate};
use super::super::tests::{distribution_of, distribution_of_texts};
use super::super::{Live, report};
use super::*;
use crate::input::Value;
use crate::reference::{MISSING, Reference};

const COLUMNS: usize = 50;
/// Different values of each population; rows are drawn with replacement.
const POPULATION: usize = 1 << 14;

/// What a column's rows are drawn from.
enum Population {
    Numbers(Vec<f64>),
    Texts(Vec<Option<String>>),
}

#[derive(Clone)]
enum Drawn {
    Number(f64),
    Text(Option<String>),
}

impl Population {
    /// One of 13 kinds.
    fn new(kind: usize, random: &mut Random) -> Population {
        let numbers: &dyn Fn(&mut Random) -> f64 = match kind % 13 {
            0 => &|random| 40.0 + 12.0 * random.normal(),
            1 => &|random| random.normal().exp(),
            2 => &|random| if random.uniform() < 0.7 { 0.0 } else { 100.0 * random.normal().exp() },
            3 => &|random| (4.0 + 2.0 * random.normal()).round().max(0.0),
            4 => &|_| 7.0,
            5 => &|random| if random.uniform() < 0.1 { f64::NAN } else { random.uniform() },
            6 => &|random| f64::from(u8::from(random.uniform() < 0.03)),
            7 => &|random| random.normal() / random.normal(),
            8 => &|random| (38.0 + 13.0 * random.normal()).abs().floor(),
            _ => {
                return Population::Texts(
                    (0..POPULATION).map(|_| Population::text(kind % 13, random)).collect(),
                );
            }
        };
        Population::Numbers((0..POPULATION).map(|_| numbers(random)).collect())
    }

    fn text(kind: usize, random: &mut Random) -> Option<String> {
        let zipf = |n: f64, random: &mut Random| (n.powf(random.uniform()) - 1.0).floor();
        Some(match kind {
            9 => (if random.uniform() < 0.35 { "yes" } else { "no" }).to_owned(),
            10 if random.uniform() < 0.05 => return None,
            10 => format!("country {}", zipf(21.0, random)),
            11 => format!("city {}", zipf(3_000.0, random)),
            _ => format!("code {}", (random.uniform() * 1_000.0).floor()),
        })
    }

    fn draw(random: &mut Random) -> usize {
        (random.uniform() * POPULATION as f64) as usize
    }

    fn value(&self, at: usize) -> Drawn {
        match self {
            Population::Numbers(numbers) => Drawn::Number(numbers[at]),
            Population::Texts(texts) => Drawn::Text(texts[at].clone()),
        }
    }

    fn reference(&self, rows: usize, random: &mut Random) -> Distribution {
        let drawn: Vec<usize> = (0..rows).map(|_| Population::draw(random)).collect();
        match self {
            Population::Numbers(numbers) => {
                distribution_of(&drawn.iter().map(|&at| numbers[at]).collect::<Vec<_>>())
            }
            Population::Texts(texts) => {
                let present: Vec<&str> = drawn.iter().filter_map(|&at| texts[at].as_deref()).collect();
                let mut found = distribution_of_texts(&present);
                found.missing = (rows - present.len()) as u64;
                found.rows = rows as u64;
                found
            }
        }
    }
}

impl Drawn {
    fn value(&self) -> Value<'_> {
        match self {
            Drawn::Number(number) => Value::Float(*number),
            Drawn::Text(Some(text)) => Value::Text(text.as_bytes()),
            Drawn::Text(None) => Value::Float(f64::NAN),
        }
    }
}

fn populations(random: &mut Random) -> Vec<Population> {
    (0..COLUMNS).map(|kind| Population::new(kind, random)).collect()
}

fn reference(populations: &[Population], rows: usize, random: &mut Random) -> Reference {
    let named = |(at, population): (usize, &Population)| {
        let mut found = population.reference(rows, random);
        found.name = format!("column {at}");
        found
    };
    Reference { fields: populations.iter().enumerate().map(named).collect(), outputs: None }
}

/// The bins of all values of all populations, so that drawing one counts it.
fn bins(reference: &Reference, populations: &[Population]) -> Vec<Vec<u8>> {
    let bins = |(field, population): (&Distribution, &Population)| -> Vec<u8> {
        let bin = |at: usize| field.bin_of(population.value(at).value()).0 as u8;
        (0..POPULATION).map(bin).collect()
    };
    reference.fields.iter().zip(populations).map(bins).collect()
}

fn count_window(counts: &mut [u64], bins: &[u8], rows: usize, random: &mut Random) {
    (0..rows).for_each(|_| counts[usize::from(bins[Population::draw(random)])] += 1);
}

/// Windows with a drifted column among 1,000 without drift, each of `rows` rows.
fn false_alarms(reference_rows: usize, rows: usize, windows_of_one: usize) -> usize {
    let mut random = Random::new(rows as u64);
    let populations = populations(&mut random);
    let mut alarms = 0;
    for _ in 0..1_000 / windows_of_one {
        let reference = reference(&populations, reference_rows, &mut random);
        let bins = bins(&reference, &populations);
        for _ in 0..windows_of_one {
            let mut live = Live::new(&reference);
            live.rows = rows as u64;
            for (counted, bins) in live.fields.iter_mut().zip(&bins) {
                count_window(&mut counted.counts, bins, rows, &mut random);
            }
            let report = report(&reference, &live).expect("a report");
            report.drifted().for_each(|column| println!("{} {:?}", column.sentence, column.reasons));
            alarms += usize::from(report.drifted().next().is_some());
        }
    }
    println!("{alarms} alarms in 1,000 windows of {rows} rows, reference of {reference_rows}");
    alarms
}

/// At a rate of `ALPHA` one window of a thousand alarms: 5 or more do in 4 of 1,000 such tests.
const MOST_ALARMS: usize = 4;

#[test]
#[cfg_attr(debug_assertions, ignore = "a simulation, for optimised builds")]
fn windows_of_100_rows_without_drift_alarm_at_most_at_the_stated_rate() {
    assert!(false_alarms(20_000, 100, 20) <= MOST_ALARMS);
    assert!(false_alarms(2_000, 100, 5) <= MOST_ALARMS);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "a simulation, for optimised builds")]
fn windows_of_1_000_rows_without_drift_alarm_at_most_at_the_stated_rate() {
    assert!(false_alarms(20_000, 1_000, 20) <= MOST_ALARMS);
    assert!(false_alarms(2_000, 1_000, 5) <= MOST_ALARMS);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "a simulation, for optimised builds")]
fn windows_of_10_000_rows_without_drift_alarm_at_most_at_the_stated_rate() {
    assert!(false_alarms(20_000, 10_000, 20) <= MOST_ALARMS);
    assert!(false_alarms(2_000, 10_000, 5) <= MOST_ALARMS);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "a simulation, for optimised builds")]
fn p_values_are_those_of_chance() {
    let mut random = Random::new(5);
    let normal = Population::new(0, &mut random);
    let (mut ks, mut chi_square, windows) = (0, 0, 4_000);
    for _ in 0..windows / 40 {
        let field = normal.reference(2_000, &mut random);
        let reference = Reference { fields: vec![field], outputs: None };
        let bins = bins(&reference, std::slice::from_ref(&normal));
        for _ in 0..40 {
            let mut live = Live::new(&reference).fields.remove(0);
            count_window(&mut live.counts, &bins[0], 1_000, &mut random);
            let found = Measures::new(&reference.fields[0], &live);
            ks += u32::from(found.ks.expect("numbers").p_value < 0.05);
            chi_square += u32::from(found.chi_square.expect("numbers").p_value < 0.05);
        }
    }
    // 200 are expected of each; on bins a little fewer of Kolmogorov and Smirnov's.
    assert!((100..250).contains(&ks) && (140..270).contains(&chi_square), "{ks} {chi_square}");
}

/// A fault of one column, or of two.
type Fault = fn(&mut [Vec<Drawn>], &mut Random);

fn shift(numbers: &mut [Drawn], by: f64) {
    numbers.iter_mut().for_each(|value| {
        if let Drawn::Number(number) = value {
            *number += by;
        }
    });
}

fn scale(numbers: &mut [Drawn], by: f64) {
    numbers.iter_mut().for_each(|value| {
        if let Drawn::Number(number) = value {
            *number *= by;
        }
    });
}

fn lose(values: &mut [Drawn], share: f64, random: &mut Random) {
    values.iter_mut().for_each(|value| {
        if random.uniform() < share {
            *value = match value {
                Drawn::Number(_) => Drawn::Number(f64::NAN),
                Drawn::Text(_) => Drawn::Text(None),
            };
        }
    });
}

fn freeze(values: &mut [Drawn], at: usize) {
    let first = values[at].clone();
    values.fill(first);
}

fn rename(values: &mut [Drawn], from: &str, to: &str) {
    values.iter_mut().for_each(|value| match value {
        Drawn::Text(Some(text)) if text == from => *text = to.to_owned(),
        _ => {}
    });
}

/// Columns that fault: their numbers, and of how many windows of `rows` rows it is found.
fn found(columns: &[usize], reference_rows: usize, rows: usize, fault: Fault) -> (f64, String) {
    const WINDOWS: usize = 100;
    let mut random = Random::new(7);
    let populations = populations(&mut random);
    let mut reference = reference(&populations, reference_rows, &mut random);
    calibrate(&mut reference);
    let bins = bins(&reference, &populations);
    let (mut found, mut sentence) = (0, String::new());
    for _ in 0..WINDOWS {
        let mut drawn: Vec<Vec<Drawn>> = vec![Vec::new(); COLUMNS];
        for &at in columns {
            let draw = |_| populations[at].value(Population::draw(&mut random));
            drawn[at] = (0..rows).map(draw).collect();
        }
        fault(&mut drawn, &mut random);
        let mut live = Live::new(&reference);
        live.rows = rows as u64;
        for (at, (counted, field)) in live.fields.iter_mut().zip(&reference.fields).enumerate() {
            if columns.contains(&at) {
                drawn[at].iter().for_each(|value| counted.add(field, value.value()));
            } else {
                count_window(&mut counted.counts, &bins[at], rows, &mut random);
            }
        }
        let report = report(&reference, &live).expect("a report");
        let first: Vec<&str> =
            report.drifted().take(columns.len()).map(|column| column.name.as_str()).collect();
        let all = columns.iter().all(|at| first.contains(&format!("column {at}").as_str()));
        found += usize::from(all);
        sentence.clone_from(&report.columns[0].sentence);
    }
    (found as f64 / WINDOWS as f64, sentence)
}

/// (what, columns, rows of the window, fault, share of windows in which it is found at least)
#[rustfmt::skip]
const FAULTS: &[(&str, &[usize], usize, Fault, f64)] = &[
    ("normal, 0.3 standard deviations higher", &[0], 1_000, |all, _| shift(&mut all[0], 3.6), 0.99),
    ("normal, 0.2 standard deviations higher", &[0], 10_000, |all, _| shift(&mut all[0], 2.4), 0.0),
    ("lognormal, 0.3 standard deviations higher", &[1], 1_000, |all, _| shift(&mut all[1], 0.65), 0.99),
    ("zero-heavy, 0.3 standard deviations higher", &[2], 1_000, |all, _| shift(&mut all[2], 38.0), 0.99),
    ("age in months", &[8], 1_000, |all, _| scale(&mut all[8], 12.0), 0.99),
    ("normal, x 100", &[0], 100, |all, _| scale(&mut all[0], 100.0), 0.99),
    ("lognormal, x 100", &[1], 100, |all, _| scale(&mut all[1], 100.0), 0.99),
    ("lognormal, / 100", &[1], 100, |all, _| scale(&mut all[1], 0.01), 0.99),
    ("zero-heavy, x 100", &[2], 1_000, |all, _| scale(&mut all[2], 100.0), 0.99),
    ("missing 10 % -> 20 %", &[5], 1_000, |all, random| lose(&mut all[5], 1.0 / 9.0, random), 0.99),
    ("missing 5 % -> 10 %", &[10], 1_000, |all, random| lose(&mut all[10], 0.05 / 0.95, random), 0.7),
    ("missing 5 % -> 10 %", &[10], 10_000, |all, random| lose(&mut all[10], 0.05 / 0.95, random), 0.99),
    ("missing 0 % -> 2.5 %", &[0], 1_000, |all, random| lose(&mut all[0], 0.025, random), 0.99),
    ("missing 0 % -> 100 %", &[0], 100, |all, random| lose(&mut all[0], 1.0, random), 0.99),
    ("frozen at a number of 2 %", &[8], 100, |all, _| freeze(&mut all[8], 3), 0.99),
    ("frozen at the last value", &[0], 100, |all, _| freeze(&mut all[0], 99), 0.99),
    ("frozen at 0, which 70 % are", &[2], 100, |all, _| all[2].fill(Drawn::Number(0.0)), 0.99),
    ("frozen at 0, which 97 % are", &[6], 1_000, |all, _| all[6].fill(Drawn::Number(0.0)), 0.99),
    ("always the most frequent category", &[9], 100, |all, _| all[9].fill(Drawn::Text(Some("no".to_owned()))), 0.99),
    ("a category of 23 % renamed", &[10], 1_000, |all, _| rename(&mut all[10], "country 0", "Country 0"), 0.99),
    ("a category of 3 % renamed", &[10], 1_000, |all, _| rename(&mut all[10], "country 7", "Country 7"), 0.99),
    ("one of thousands renamed", &[11], 1_000, |all, _| rename(&mut all[11], "city 0", "City 0"), 0.99),
    ("all categories in capitals", &[10], 100, |all, _| (0..21).for_each(|i| rename(&mut all[10], &format!("country {i}"), &format!("COUNTRY {i}"))), 0.99),
    ("a sentinel in 12 %", &[8], 1_000, |all, random| (0..1_000).for_each(|i| if random.uniform() < 0.12 { all[8][i] = Drawn::Number(9999.0) }), 0.99),
    ("normal and lognormal swapped", &[0, 1], 1_000, |all, _| all.swap(0, 1), 0.99),
    ("normal and age swapped", &[0, 8], 1_000, |all, _| all.swap(0, 8), 0.0),
    ("normal, half of the spread", &[0], 1_000, |all, random| all[0].fill_with(|| Drawn::Number(40.0 + 6.0 * random.normal())), 0.99),
    ("one number in 5 % of rows, within the range", &[0], 1_000, |all, random| (0..1_000).for_each(|i| if random.uniform() < 0.05 { all[0][i] = Drawn::Number(50.0) }), 0.9),
    ("two fields of one distribution swapped", &[0, 13], 1_000, |all, _| all.swap(0, 13), 0.0),
    ("rows shuffled within a column", &[0], 1_000, |all, _| all[0].reverse(), 0.0),
];

#[test]
#[cfg_attr(debug_assertions, ignore = "a simulation, for optimised builds")]
fn faults_are_found_in_one_window() {
    for (what, columns, rows, fault, least) in FAULTS {
        let (large, sentence) = found(columns, 20_000, *rows, *fault);
        let (small, _) = found(columns, 2_000, *rows, *fault);
        println!("| {what} | {rows} | {large:.2} | {small:.2} | {sentence} |");
        assert!(large >= *least, "{what}: found in {large} of windows of {rows} rows");
    }
}

#[test]
fn silence_has_a_reason() {
    let few = distribution_of(&[1.0; 40]);
    let enough = distribution_of(&(0..200).map(f64::from).collect::<Vec<_>>());
    let live = |field: &Distribution, rows: u64| {
        let mut counts = vec![0; field.n_bins()];
        counts[MISSING] = rows;
        LiveCounts { counts, ..LiveCounts::default() }
    };
    let said = silence(&enough, &live(&enough, 99)).expect("silence");
    assert_eq!(said, "99 rows; judged from 100 on");
    assert!(silence(&few, &live(&few, 500)).expect("silence").starts_with("the reference has 40 rows"));
    assert_eq!(silence(&enough, &live(&enough, 100)), None);
}
