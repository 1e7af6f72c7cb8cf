//! What goes in and what comes out: fields, tensors, features, classes.

use crate::dtype::monobloc_dtype;
use crate::engine::monobloc_engine;
use crate::handle::{Growing, Out, OutSized, Text, give, given, invalid};
use crate::status::{guard, monobloc_error, monobloc_status};
use crate::text::monobloc_str;
use monobloc::model::Label;
use monobloc::schema::Kind;
use monobloc::{Error, ErrorKind, Result};

/// What the values of a field are.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum monobloc_kind {
    /// True or false; also taken as 1 or 0.
    MONOBLOC_BOOLEAN_FIELD = 1,
    /// Numbers.
    MONOBLOC_FLOAT_FIELD = 2,
    /// Whole numbers in the reference data. Any number is taken.
    MONOBLOC_INTEGER_FIELD = 3,
    /// Text.
    MONOBLOC_STRING_FIELD = 4,
}

/// One input field.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct monobloc_field {
    /// `sizeof(monobloc_field)`.
    pub size: usize,
    /// The field's name, unique in its model.
    pub name: monobloc_str,
    /// What its values are: a `monobloc_kind`.
    pub kind: u32,
    /// The same in `snake_case`, as in `"float"`.
    pub kind_name: monobloc_str,
    /// The reference data's own name for the column's type, such as `float64` or `object`.
    pub dtype: monobloc_str,
    /// Whether the model reads it. Fields that it does not read may be absent.
    pub is_read: bool,
}

// SAFETY: it begins with its size; zeros are NULL, 0 and false.
unsafe impl Growing for monobloc_field {
    const NAME: &'static str = "monobloc_field";
}

/// The number of input fields; 0 of NULL and of networks that take tensors.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_n_fields(engine: Option<&monobloc_engine>) -> usize {
    engine.map_or(0, |engine| engine.0.engine.schema().fields().len())
}

/// Writes field number `field`, counted from 0, to `*out_field`, whose size is set. Its texts are valid as long as the
/// engine.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_field(
    engine: Option<&monobloc_engine>,
    field: usize,
    mut out_field: OutSized<monobloc_field>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let engine = &given(engine, "engine")?.0.engine;
        let found = at(engine.schema().fields(), field, "field")?;
        let (kind, kind_name) = match found.kind {
            Kind::Boolean => (monobloc_kind::MONOBLOC_BOOLEAN_FIELD, "boolean"),
            Kind::Float => (monobloc_kind::MONOBLOC_FLOAT_FIELD, "float"),
            Kind::Integer => (monobloc_kind::MONOBLOC_INTEGER_FIELD, "integer"),
            Kind::String => (monobloc_kind::MONOBLOC_STRING_FIELD, "string"),
        };
        let value = monobloc_field {
            size: 0,
            name: found.name.as_str().into(),
            kind: kind as u32,
            kind_name: kind_name.into(),
            dtype: found.dtype.as_str().into(),
            is_read: engine.pipeline().needed().binary_search(&field).is_ok(),
        };
        out_field.give("out_field", value)
    })
}

/// Writes the number of the field called `name` to `*out_field`.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_field_number(
    engine: Option<&monobloc_engine>,
    name: Text,
    out_field: Out<'_, usize>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let schema = given(engine, "engine")?.0.engine.schema();
        let name = name.get("name")?;
        let number = schema.number(name).ok_or_else(|| {
            let message = format!("the model has no field {name:?}; it has {} others", schema.fields().len());
            Error::new(ErrorKind::Schema, message).at(name, None)
        })?;
        give(out_field, "out_field", || number)
    })
}

/// One tensor that a network takes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct monobloc_tensor_field {
    /// `sizeof(monobloc_tensor_field)`.
    pub size: usize,
    /// The tensor's name, unique in its model.
    pub name: monobloc_str,
    /// The type of its elements: a `monobloc_dtype`.
    pub dtype: u32,
    /// The number of axes.
    pub rank: usize,
    /// The length of each axis; -1 where any will do.
    pub shape: *const i64,
}

// SAFETY: it begins with its size; zeros are NULL and 0.
unsafe impl Growing for monobloc_tensor_field {
    const NAME: &'static str = "monobloc_tensor_field";
}

/// The number of tensors that a network takes; 0 of NULL and of models that take rows of fields.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_n_tensors(engine: Option<&monobloc_engine>) -> usize {
    engine.map_or(0, |engine| engine.0.engine.schema().tensors().len())
}

/// Writes tensor number `tensor`, counted from 0, to `*out_tensor`, whose size is set. What it points to is valid as
/// long as the engine.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_tensor_field(
    engine: Option<&monobloc_engine>,
    tensor: usize,
    mut out_tensor: OutSized<monobloc_tensor_field>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let loaded = &given(engine, "engine")?.0;
        let found = at(loaded.engine.schema().tensors(), tensor, "tensor")?;
        let shape = at(&loaded.shapes, tensor, "tensor")?;
        let value = monobloc_tensor_field {
            size: 0,
            name: found.name.as_str().into(),
            dtype: monobloc_dtype::from(found.dtype) as u32,
            rank: shape.len(),
            shape: shape.as_ptr(),
        };
        out_tensor.give("out_tensor", value)
    })
}

/// The number of features that preprocessing makes of a row; 0 of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_n_features(engine: Option<&monobloc_engine>) -> usize {
    engine.map_or(0, |engine| engine.0.engine.pipeline().n_features())
}

/// The name of feature number `feature`; no text where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_feature_name(
    engine: Option<&monobloc_engine>,
    feature: usize,
) -> monobloc_str {
    let names = engine.map(|engine| engine.0.engine.pipeline().feature_names());
    names.and_then(|names| names.get(feature)).map(String::as_str).into()
}

/// The type of a label.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum monobloc_label_type {
    /// `integer` is 0 or 1.
    MONOBLOC_BOOLEAN_LABEL = 1,
    /// `integer` is it.
    MONOBLOC_INTEGER_LABEL = 2,
    /// `number` is it.
    MONOBLOC_FLOAT_LABEL = 3,
    /// `text` is it.
    MONOBLOC_TEXT_LABEL = 4,
}

/// One label of a classifier.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct monobloc_label {
    /// `sizeof(monobloc_label)`.
    pub size: usize,
    /// Which of the members below it is: a `monobloc_label_type`.
    pub label_type: u32,
    /// The whole number, or the truth value.
    pub integer: i64,
    /// The number.
    pub number: f64,
    /// The text.
    pub text: monobloc_str,
}

// SAFETY: it begins with its size; zeros are NULL and 0.
unsafe impl Growing for monobloc_label {
    const NAME: &'static str = "monobloc_label";
}

/// The number of targets that the model decides on, each of which has labels of its own: 1 of most classifiers and of
/// outlier detection, more of forests that were fitted on a table of labels. 0 of NULL and of models without labels.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_n_targets(engine: Option<&monobloc_engine>) -> usize {
    engine.map_or(0, |engine| engine.0.engine.model().targets().len())
}

/// The number of classes of target number `target`, counted from 0; 0 of NULL and where there is no such target. The
/// outputs of a model with several targets are one target's probabilities after another's.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_n_target_classes(engine: Option<&monobloc_engine>, target: usize) -> usize {
    let targets = engine.map_or(&[][..], |engine| engine.0.engine.model().targets());
    targets.get(target).map_or(0, |classes| classes.values.len())
}

/// Writes the label of class number `class_number` of target number `target`, both counted from 0, to `*out_label`, whose
/// size is set. Its text is valid as long as the engine.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_target_label(
    engine: Option<&monobloc_engine>,
    target: usize,
    class_number: usize,
    out_label: OutSized<monobloc_label>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let targets = given(engine, "engine")?.0.engine.model().targets();
        give_label(&at(targets, target, "target")?.values, class_number, out_label)
    })
}

/// The number of classes of a model that decides on one target; 0 of NULL and of others, of which
/// `monobloc_engine_n_target_classes` tells.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_n_classes(engine: Option<&monobloc_engine>) -> usize {
    engine.and_then(|engine| engine.0.engine.model().classes()).map_or(0, |classes| classes.values.len())
}

/// Writes the label of class number `class_number`, counted from 0 in the order of the probabilities, to `*out_label`,
/// whose size is set. Its text is valid as long as the engine. A model that decides on several targets is asked by
/// `monobloc_engine_target_label`.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_label(
    engine: Option<&monobloc_engine>,
    class_number: usize,
    out_label: OutSized<monobloc_label>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let labels = match given(engine, "engine")?.0.engine.model().targets() {
            [] => &[][..],
            [classes] => &classes.values,
            targets => {
                let many = targets.len();
                let message = format!(
                    "the model decides on {many} targets; ask monobloc_engine_target_label for the labels of each"
                );
                return Err(invalid(message));
            }
        };
        give_label(labels, class_number, out_label)
    })
}

fn give_label(labels: &[Label], class_number: usize, mut out_label: OutSized<monobloc_label>) -> Result<()> {
    let mut value =
        monobloc_label { size: 0, label_type: 0, integer: 0, number: 0.0, text: monobloc_str::NONE };
    let label_type = match at(labels, class_number, "class")? {
        Label::Boolean(label) => {
            value.integer = (*label).into();
            monobloc_label_type::MONOBLOC_BOOLEAN_LABEL
        }
        Label::Integer(label) => {
            value.integer = *label;
            monobloc_label_type::MONOBLOC_INTEGER_LABEL
        }
        Label::Float(label) => {
            value.number = *label;
            monobloc_label_type::MONOBLOC_FLOAT_LABEL
        }
        Label::Text(label) => {
            value.text = label.as_str().into();
            monobloc_label_type::MONOBLOC_TEXT_LABEL
        }
    };
    value.label_type = label_type as u32;
    out_label.give("out_label", value)
}

/// The element of this number, or an error that says how many there are.
fn at<'a, T>(all: &'a [T], number: usize, what: &str) -> Result<&'a T> {
    let none = || invalid(format!("{what} number {number}; the model has {}, counted from 0", all.len()));
    all.get(number).ok_or_else(none)
}
