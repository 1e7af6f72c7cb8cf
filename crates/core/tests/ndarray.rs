//! Arrays of `ndarray` as rows and as answers, whatever their strides.

use monobloc::ndarray::{Array2, ArrayView2, arr2, s};
use monobloc::{Column, Engine, ErrorKind, Input, LoadOptions, Matrix, Status, StridedMatrix};

fn engine() -> Engine {
    Engine::load("tests/data/sample.bloc", &LoadOptions::default()).expect("loaded")
}

/// Ages and balances around the model's thresholds, and no region.
fn rows() -> Array2<f64> {
    Array2::from_shape_fn((37, 3), |(row, field)| match field {
        0 => (row * 2 + 18) as f64,
        1 => (row % 5) as f64 - 2.0,
        _ => f64::NAN,
    })
}

/// The same elements in memory that is laid out otherwise, and handed to `each` with the name of the layout.
fn layouts<T: Copy>(rows: &Array2<T>, mut each: impl FnMut(&str, ArrayView2<'_, T>)) {
    each("row by row", rows.view());
    let columns = rows.t().as_standard_layout().into_owned();
    each("column by column", columns.t());
    let upside_down = rows.slice(s![..;-1, ..]).as_standard_layout().into_owned();
    each("rows from the last to the first", upside_down.slice(s![..;-1, ..]));
    let mirrored = rows.slice(s![.., ..;-1]).as_standard_layout().into_owned();
    each("fields from the last to the first", mirrored.slice(s![.., ..;-1]));
    let (n_rows, n_fields) = rows.dim();
    let mut sparse = Array2::from_elem((n_rows * 3, n_fields * 2), rows[[0, 0]]);
    sparse.slice_mut(s![1..;3, 1..;2]).assign(rows);
    each("among others", sparse.slice(s![1..;3, 1..;2]));
    let mut both = Array2::from_elem((n_rows * 2, n_fields * 2), rows[[0, 0]]);
    both.slice_mut(s![..;-2, ..;-2]).assign(rows);
    each("among others, backwards", both.slice(s![..;-2, ..;-2]));
}

fn bits(values: impl IntoIterator<Item = f64>) -> Vec<u64> {
    values.into_iter().map(f64::to_bits).collect()
}

#[test]
fn views_are_read_where_they_lie() {
    let rows = rows();
    layouts(&rows, |name, view| {
        assert_eq!(view.dim(), rows.dim(), "{name}");
        let matrix = StridedMatrix::from(view);
        for ((row, field), value) in rows.indexed_iter() {
            assert_eq!(matrix.row(row).at(field).to_bits(), value.to_bits(), "{name}: {row}, {field}");
        }
    });
    let one = arr2(&[[1.0, 2.0, 3.0]]);
    let all = StridedMatrix::from(one.broadcast((4, 3)).expect("the same row"));
    assert_eq!((all.n_rows(), all.row(3).at(2)), (4, 3.0));
    for empty in [(0, 3), (3, 0)] {
        let none = Array2::<f64>::zeros(empty);
        let matrix = StridedMatrix::from(none.view());
        assert_eq!((matrix.n_rows(), matrix.n_columns()), empty);
    }
}

#[test]
fn answers_do_not_depend_on_the_layout() {
    let engine = engine();
    let rows = rows();
    let flat: Vec<f64> = rows.iter().copied().collect();
    let matrix = StridedMatrix::of_rows(&flat, 3).expect("whole rows");
    let input = Input::of_matrix(engine.schema(), Matrix::Float64(matrix)).expect("input");
    let expected = engine.run(&input).expect("a prediction");
    let mut features = vec![0.0; rows.nrows() * 5];
    engine.transform_into(&input, &mut features).expect("features");
    layouts(&rows, |name, view| {
        let input = Input::of_array(engine.schema(), view).expect("input");
        let (outputs, findings) = engine.run_array(&input).expect("a prediction");
        assert_eq!(outputs.dim(), (rows.nrows(), 2), "{name}");
        assert_eq!(bits(outputs.iter().copied()), bits(expected.outputs.iter().copied()), "{name}");
        assert_eq!(findings, expected.findings, "{name}");
        assert_eq!(engine.predict_array(&input).expect("outputs"), outputs, "{name}");
        let array = engine.transform_array(&input).expect("features");
        assert_eq!(bits(array.iter().copied()), bits(features.iter().copied()), "{name}");
    });
    let distinct = expected.outputs.chunks_exact(2).any(|row| row != &expected.outputs[..2]);
    assert!(distinct, "rows that tell layouts apart");
}

#[test]
fn single_precision_is_that_of_the_columns() {
    let engine = engine();
    let rows = rows().mapv(|value| value as f32 + 0.1);
    let columns: Vec<Vec<f32>> = (0..3).map(|field| rows.column(field).to_vec()).collect();
    let named = ["age", "balance", "region"].into_iter().zip(&columns);
    let named = named.map(|(name, values)| (name, Column::Float32(values[..].into())));
    let input = Input::from_named(engine.schema(), rows.nrows(), named).expect("input");
    let expected = engine.run(&input).expect("a prediction");
    layouts(&rows, |name, view| {
        let input = Input::of_array(engine.schema(), view).expect("input");
        let (outputs, findings) = engine.run_array(&input).expect("a prediction");
        assert_eq!(bits(outputs), bits(expected.outputs.iter().copied()), "{name}");
        assert_eq!(findings, expected.findings, "{name}");
    });
}

#[test]
fn refused_rows_are_data_for_run_and_errors_for_predict() {
    let engine = engine();
    let rows = arr2(&[[40.0, 1.0, f64::NAN], [40.0, f64::NAN, f64::NAN]]);
    let input = Input::of_array(engine.schema(), rows.view()).expect("input");
    let (outputs, findings) = engine.run_array(&input).expect("run never fails for a row");
    assert!(outputs.row(0).iter().all(|output| output.is_finite()));
    assert!(outputs.row(1).iter().all(|output| output.is_nan()));
    assert!(findings.iter().any(|finding| finding.row == 1 && finding.status == Status::Rejected));
    let error = engine.predict_array(&input).expect_err("a row is rejected");
    assert_eq!(error.kind(), ErrorKind::RowsRejected);
    let narrow = Input::of_array(engine.schema(), rows.slice(s![.., ..2])).expect_err("two columns");
    assert_eq!(narrow.kind(), ErrorKind::Schema);
}
