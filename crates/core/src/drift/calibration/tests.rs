use super::super::tests::distribution_of;
use super::super::{LiveCounts, Measures};
use super::*;
use crate::reference::Categories;
use std::time::Instant;

fn distributions() -> Vec<Distribution> {
    let mut random = Random::new(1);
    let normal: Vec<f64> = (0..20_000).map(|_| random.normal()).collect();
    let long: Vec<f64> = normal.iter().map(|value| value.exp()).collect();
    let zeros: Vec<f64> = normal.iter().map(|&value| if value < 0.5 { 0.0 } else { value }).collect();
    let integers: Vec<f64> = normal.iter().map(|value| value.round()).collect();
    let counts = (0..30).map(|i| (format!("c{i}"), 9_000 / (i + 1))).collect();
    let mut all: Vec<Distribution> =
        [normal, long, zeros, integers].iter().map(|values| distribution_of(values)).collect();
    let categories = Categories::new(counts, 500, 60);
    let rows = categories.bin_counts().iter().sum();
    let values = Values::Categories(categories);
    all.push(Distribution { name: "c".to_owned(), rows, missing: 0, values, noise: None });
    all
}

#[test]
#[cfg_attr(debug_assertions, ignore = "a simulation, for optimised builds")]
fn one_window_of_a_thousand_exceeds_the_floor() {
    let mut random = Random::new(2);
    for distribution in distributions() {
        let noise = noise(&distribution);
        let counts = distribution.counts();
        for size in [100, 300, 1_000, 5_000, 40_000] {
            // So many more rows of the reference make it exact.
            let floor = noise.floor(size, u64::MAX / 2);
            let mut exceeded = [0; 4];
            for _ in 0..4_000 {
                let mut live = vec![0; counts.len()];
                random.window(&counts[OWN..], size, &mut live[OWN..]);
                let found =
                    Measures::new(&distribution, &LiveCounts { counts: live, ..LiveCounts::default() });
                exceeded[0] += u32::from(found.psi > Some(floor.psi));
                exceeded[1] += u32::from(found.jensen_shannon > Some(floor.jensen_shannon));
                exceeded[2] += u32::from(found.hellinger > Some(floor.hellinger));
                exceeded[3] += u32::from(found.wasserstein > floor.wasserstein);
            }
            // 4 of 4,000 are expected; the floor itself is known to about half of its thousandth.
            assert!(exceeded.iter().all(|&n| n <= 24), "{:?} of {size}: {exceeded:?}", distribution.name);
            assert!(exceeded.iter().sum::<u32>() > 0, "{:?} of {size}: {exceeded:?}", distribution.name);
        }
    }
}

#[test]
#[cfg_attr(debug_assertions, ignore = "a simulation, for optimised builds")]
fn both_samples_are_noise() {
    let mut random = Random::new(3);
    let exact = &distributions()[0];
    let weights = exact.counts();
    let (mut exceeded, n) = (0, 1_000);
    for _ in 0..1_000 {
        let mut sample = exact.clone();
        let mut drawn = weights.clone();
        random.window(&weights[OWN..], 2_000, &mut drawn[OWN..]);
        if let Values::Numbers(numbers) = &mut sample.values {
            numbers.counts = drawn[OWN + 1..drawn.len() - 1].to_vec();
        }
        let mut live = vec![0; weights.len()];
        random.window(&weights[OWN..], n, &mut live[OWN..]);
        let found = Measures::new(&sample, &LiveCounts { counts: live, ..LiveCounts::default() });
        let floor = noise(exact).floor(n, 2_000);
        exceeded += u32::from(found.psi > Some(floor.psi)) + u32::from(found.wasserstein > floor.wasserstein);
    }
    assert!(exceeded <= 10, "{exceeded} of 2,000; 2 are expected");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "a simulation, for optimised builds")]
fn calibration_is_quick_and_the_same_each_time() {
    let mut reference = Reference { fields: distributions(), outputs: None };
    let begun = Instant::now();
    calibrate(&mut reference);
    let taken = begun.elapsed().as_secs_f64() / reference.fields.len() as f64;
    println!("calibrated {:.1} ms for each column", taken * 1e3);
    assert!(
        taken * 200.0 < 15.0,
        "{taken} s for one column; 200 in 1.5 s is the aim, ten times that the limit"
    );
    let once = reference.clone();
    calibrate(&mut reference);
    assert_eq!(reference, once);
    let json = reference.to_json().expect("JSON");
    assert_eq!(Reference::parse(json.as_bytes()).expect("a reference").to_json().expect("JSON"), json);
    let wrong = json.replacen("\"psi\":[", "\"psi\":[-1,", 1);
    assert!(Reference::parse(wrong.as_bytes()).is_err());
}

#[test]
fn a_constant_has_no_noise() {
    let constant = noise(&distribution_of(&[4.0; 500]));
    assert_eq!((constant.psi, constant.wasserstein), ([0.0; 3], Some([0.0; 3])));
    assert_eq!(constant.floor(1_234, 500).psi, 0.0);
}
