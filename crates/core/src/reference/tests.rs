use super::builder::SeenTexts;
use super::*;
use crate::input::{Column, Input};
use crate::schema::Schema;
use crate::strided::Strided;
use proptest::prelude::*;

fn schema() -> Schema {
    let field = |name: &str| format!(r#"{{"name":"{name}","kind":"float","dtype":"float64","null":"nan"}}"#);
    Schema::parse(&format!(r#"{{"fields":[{}]}}"#, field("x"))).expect("a schema")
}

fn reference(numbers: &[f64], batch: usize) -> Distribution {
    built(numbers, batch).finish().fields.remove(0)
}

fn built(numbers: &[f64], batch: usize) -> ReferenceBuilder {
    let schema = schema();
    let mut builder = ReferenceBuilder::new(&schema);
    for numbers in numbers.chunks(batch) {
        let columns = vec![Some(Column::Float64(Strided::from(numbers)))];
        builder.add(&Input::new(&schema, numbers.len(), columns).expect("rows"));
    }
    builder
}

proptest! {
    #[test]
    fn counts_are_those_of_the_bins(
        numbers in prop::collection::vec(
            prop_oneof![-9.0..9.0_f64, Just(f64::NAN), Just(3.0), Just(f64::INFINITY), Just(-0.0)], 1..400),
        batch in 1_usize..50,
    ) {
        let found = reference(&numbers, batch);
        prop_assert_eq!(found.check(), Ok(()));
        let mut counts = vec![0; found.n_bins()];
        numbers.iter().for_each(|&number| counts[found.bin_of_number(number)] += 1);
        prop_assert_eq!(&counts, &found.counts());
        let json = Reference { fields: vec![found], outputs: None }.to_json().expect("JSON");
        let again = Reference::parse(json.as_bytes()).expect("a reference");
        prop_assert_eq!(again.to_json().expect("JSON"), json);
    }

    #[test]
    fn batches_are_as_the_whole(
        numbers in prop::collection::vec(prop_oneof![-9.0..9.0_f64, Just(f64::NAN), Just(3.0)], 2..400),
        batch in 1_usize..50,
        changed in 0_usize..400,
    ) {
        let (whole, parts) = (built(&numbers, numbers.len()), built(&numbers, batch));
        prop_assert_eq!((whole.rows(), whole.digest()), (parts.rows(), parts.digest()));
        let mut others = numbers.clone();
        let changed = changed % numbers.len();
        others[changed] = if others[changed].is_nan() { 0.0 } else { others[changed].next_up() };
        prop_assert_ne!(built(&others, batch).digest(), whole.digest());
        prop_assert_eq!(whole.finish(), parts.finish());
    }
}

#[test]
fn digests_are_of_values_and_not_of_their_types() {
    let schema = schema();
    let digest = |column: Column<'_>| {
        let mut builder = ReferenceBuilder::new(&schema);
        builder.add(&Input::new(&schema, column.len(), vec![Some(column)]).expect("rows"));
        builder.digest()
    };
    let floats = digest(Column::Float64(Strided::from(&[1.0, -2.0, 0.0][..])));
    assert_eq!(floats, digest(Column::Float32(Strided::from(&[1.0_f32, -2.0, 0.0][..]))));
    assert_eq!(floats, digest(Column::Int8(Strided::from(&[1_i8, -2, 0][..]))));
    let [large, next] = [1_i64 << 60, (1 << 60) + 1];
    let integers = |value: i64| digest(Column::Int64(Strided::from(&[value][..])));
    assert_ne!(integers(large), integers(next));
    assert_eq!(integers(large), digest(Column::Float64(Strided::from(&[large as f64][..]))));
    // Of one field called x with the numbers 1, -2 and 0, as FORMAT.md defines it.
    assert_eq!(floats, "sha256:81a02a4990bc6bc89a88ee003fc989238fd0c464556fb14fef4838d9acfaf429");
}

#[test]
fn more_labels_than_are_named_are_counted_together() {
    let mut builder = ReferenceBuilder::new(&schema());
    let labels: Vec<String> = (0..130).map(|label| label.to_string()).collect();
    let classes: Vec<f64> = (0..260).map(|row| f64::from(row % 130)).collect();
    let names = ["p".to_owned()];
    builder
        .add_outputs(
            OutputSource::Validation,
            &names,
            &vec![0.5; 260],
            &[("label".to_owned(), labels)],
            &classes,
        )
        .expect("outputs");
    let outputs = builder.finish().outputs.expect("outputs");
    let Values::Categories(found) = &outputs.distributions[1].values else { panic!("labels") };
    assert_eq!((found.names().len(), found.bin_counts()[100], found.distinct()), (100, 60, 130));
    assert_eq!((outputs.rows(), outputs.distributions[1].check()), (260, Ok(())));
}

#[test]
fn fields_are_those_of_the_schema() {
    let found = built(&[1.0], 1).finish();
    assert_eq!(found.check_fields(&schema()), Ok(()));
    let other = Schema::parse(r#"{"fields":[]}"#).expect("a schema");
    let said = found.check_fields(&other).expect_err("another schema");
    assert!(said.contains("field 0 is \"x\"; the schema has \"none\""), "{said}");
}

#[test]
fn ranks_of_many_numbers_are_nearly_exact() {
    let n = 1_000_000_u64;
    let numbers: Vec<f64> = (0..n).map(|i| (i * 7919 % n) as f64).collect();
    let found = reference(&numbers, 10_000);
    let Values::Numbers(numbers) = &found.values else { panic!("numbers") };
    assert_eq!((numbers.min, numbers.edges.last(), found.rows), (0.0, Some(&999_999.0), 1_000_000));
    let mut below = 0;
    for (edge, count) in numbers.edges.iter().zip(&numbers.counts) {
        below += count;
        assert!((below as f64 - (edge + 1.0)).abs() < 100.0, "{below} up to {edge}");
    }
    assert!(
        (numbers.mean - 499_999.5).abs() < 1e-6 && (numbers.standard_deviation - 288_675.134).abs() < 1e-3
    );
}

#[test]
fn frequent_values_have_bins_of_their_own() {
    let numbers: Vec<f64> = (0..1000).map(|i| if i % 2 == 0 { 0.0 } else { f64::from(i) - 500.0 }).collect();
    let found = reference(&numbers, 1000);
    let Values::Numbers(numbers) = &found.values else { panic!("numbers") };
    let zero = numbers.edges.iter().position(|&edge| edge == 0.0).expect("an edge at 0");
    assert_eq!((numbers.counts[zero], numbers.edges[zero - 1]), (500, -1.0));
}

#[test]
fn texts_are_counted_by_name_unless_they_are_rare() {
    let mut texts = SeenTexts::default();
    for i in 0..300_000_u32 {
        texts.add(if i % 3 == 0 { b"often".as_slice() } else { b"id".as_slice() });
        texts.add(format!("once {i}").as_bytes());
    }
    let found = texts.finish();
    assert_eq!(found.names(), ["id", "often"]);
    assert_eq!(found.bin_counts(), [200_000, 100_000, 300_000]);
    assert!(!found.is_complete() && found.distinct() == 300_002);
    assert_eq!((found.bin(b"often"), found.bin(b"seldom"), found.bin(b"")), (1, 2, 2));
}

#[test]
fn names_are_found_however_alike() {
    let names: Vec<(String, u64)> =
        (0..100).map(|i| (format!("{}{i}{}", "x".repeat(i % 30), "y".repeat(i % 7)), 5)).collect();
    let found = Categories::new(names.clone(), 0, 100);
    for (at, (name, _)) in names.iter().enumerate() {
        assert_eq!(found.bin(name.as_bytes()), at);
        assert_eq!(found.bin(format!("{name} ").as_bytes()), 100);
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    let numbers = r#"{"not_finite":0,"mean":1,"standard_deviation":1,"min":0,"edges":[1,2],"counts":[3,4],"means":[1,2]}"#;
    let with = |rows: u64, numbers: &str| {
        let json = format!(
            r#"{{"fields":[{{"name":"x","rows":{rows},"missing":1,"values":{{"numbers":{numbers}}}}}],"outputs":null}}"#
        );
        Reference::parse(json.as_bytes()).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(with(8, numbers), Ok(()));
    for (rows, numbers, said) in [
        (9, numbers.to_owned(), "7 values and 1 missing ones in 9 rows"),
        (8, numbers.replace("[1,2],\"counts", "[2,1],\"counts"), "do not ascend"),
        (8, numbers.replace("\"counts\":[3,4]", "\"counts\":[7]"), "expected equally many"),
        (
            8,
            numbers.replace("\"counts\":[3,4]", "\"counts\":[18446744073709551615,8]"),
            "than can be counted",
        ),
        (8, numbers.replace("\"min\":0", "\"min\":1.5"), "from the least number"),
    ] {
        let error = with(rows, &numbers).expect_err("a contradiction");
        assert!(error.contains(said) && error.contains("\"x\""), "{error}");
    }
}
