use super::*;
use crate::input::{Column, Texts};
use crate::reference::{OutputSource, ReferenceBuilder};
use crate::schema::Schema;
use crate::strided::Strided;

/// What a reference of these numbers knows.
pub(super) fn distribution_of(numbers: &[f64]) -> Distribution {
    let schema = Schema::parse(r#"{"fields":[{"name":"x","kind":"float","dtype":"float64","null":"nan"}]}"#)
        .expect("a schema");
    let mut builder = ReferenceBuilder::new(&schema);
    let columns = vec![Some(Column::Float64(Strided::from(numbers)))];
    builder.add(&Input::new(&schema, numbers.len(), columns).expect("rows"));
    builder.finish().fields.remove(0)
}

/// The same of texts.
pub(super) fn distribution_of_texts(texts: &[&str]) -> Distribution {
    let schema = Schema::parse(r#"{"fields":[{"name":"x","kind":"string","dtype":"str","null":"nan"}]}"#)
        .expect("a schema");
    let mut builder = ReferenceBuilder::new(&schema);
    let ends = texts.iter().scan(0, |end, text| {
        *end += text.len() as i64;
        Some(*end)
    });
    let offsets: Vec<i64> = [0].into_iter().chain(ends).collect();
    let bytes = texts.concat();
    let column = Column::Texts(Texts::Large { offsets: &offsets, bytes: bytes.as_bytes() });
    builder.add(&Input::new(&schema, texts.len(), vec![Some(column)]).expect("rows"));
    builder.finish().fields.remove(0)
}

#[test]
fn labels_are_counted_by_the_numbers_of_their_classes() {
    let schema = Schema::parse(r#"{"fields":[]}"#).expect("a schema");
    let mut builder = ReferenceBuilder::new(&schema);
    let names = ["no".to_owned(), "yes".to_owned()];
    let classes: Vec<f64> = (0..300).map(|row| f64::from(u8::from(row % 3 == 0))).collect();
    let probabilities: Vec<f64> = classes.iter().flat_map(|class| [1.0 - class, *class]).collect();
    let labels = [("label".to_owned(), names.to_vec())];
    builder
        .add_outputs(OutputSource::Validation, &names, &probabilities, &labels, &classes)
        .expect("outputs");
    let reference = builder.finish();
    let mut live = Live::new(&reference);
    live.count_output(&reference, 2, &classes);
    live.count_output(&reference, 2, &[2.0, f64::NAN, -1.0]);
    assert_eq!(live.outputs[2].counts, [0, 2, 200, 100, 1]);
    live.count_output(&reference, 0, &[0.5]);
    assert_eq!(live.outputs[0].rows(), 1);
}

#[test]
fn examples_are_the_values_that_the_reference_does_not_have() {
    let schema = Schema::parse(r#"{"fields":[{"name":"x","kind":"float","dtype":"float64","null":"nan"}]}"#)
        .expect("a schema");
    let numbers: Vec<f64> = (0..200).map(f64::from).collect();
    let reference = Reference { fields: vec![distribution_of(&numbers)], outputs: None };
    let mut live = Live::new(&reference);
    let seen = [-1.0, 5.0, 999.0, 999.0, f64::NAN, f64::INFINITY];
    let columns = vec![Some(Column::Float64(Strided::from(seen.as_slice())))];
    live.count(&reference, &Input::new(&schema, seen.len(), columns).expect("rows"));
    let found = &live.fields[0];
    assert_eq!(found.examples, [("-1".to_owned(), 1), ("999".to_owned(), 2)]);
    assert_eq!((found.least, found.greatest, found.rows(), found.values()), (Some(-1.0), Some(999.0), 6, 4));
}
