use super::*;
use crate::input::Column;
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
