use super::*;
use crate::input::{Column, Texts};
use crate::reference::ReferenceBuilder;
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
