//! Tensors: what networks take and give. A build without the feature `onnx` has the same functions, which say so.

use crate::engine::monobloc_engine;
use crate::handle::{Array, Growing, In, Numbers, Out, OutSized, Text, invalid};
use crate::rows::monobloc_rows;
use crate::status::{guard, monobloc_error, monobloc_status, total};
use crate::text::monobloc_str;
use crate::verdicts::monobloc_verdicts;
use std::ffi::c_void;

/// A tensor that the caller gives. Its elements are copied.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct monobloc_tensor {
    /// `sizeof(monobloc_tensor)`.
    pub size: usize,
    /// The name of the input.
    pub name: Text,
    /// The type of the elements: any `monobloc_dtype` but `MONOBLOC_C_STRING`.
    pub dtype: u32,
    /// The number of axes.
    pub rank: usize,
    /// The length of each axis.
    pub shape: Array<usize>,
    /// The elements, row after row (the last axis fastest), in the machine's byte order.
    pub elements: Numbers,
}

// SAFETY: it begins with its size; zeros are NULL and 0.
unsafe impl Growing for monobloc_tensor {
    const NAME: &'static str = "monobloc_tensor";
}

/// A tensor that the library gives. What it points to is valid as long as the `monobloc_tensors` it is of.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct monobloc_tensor_view {
    /// `sizeof(monobloc_tensor_view)`.
    pub size: usize,
    /// The name of the output.
    pub name: monobloc_str,
    /// The type of the elements: a `monobloc_dtype`.
    pub dtype: u32,
    /// The number of axes.
    pub rank: usize,
    /// The length of each axis.
    pub shape: *const usize,
    /// The elements, row after row; of texts `monobloc_str`.
    pub elements: *const c_void,
    /// The number of elements.
    pub n_elements: usize,
}

// SAFETY: it begins with its size; zeros are NULL and 0.
unsafe impl Growing for monobloc_tensor_view {
    const NAME: &'static str = "monobloc_tensor_view";
}

/// The outputs of a network. Any threads may read them at once; the caller frees them with `monobloc_tensors_free`.
pub struct monobloc_tensors(network::Outputs);

/// Runs a network that takes tensors on `n_tensors` of them, matched by name. Each of the model's outputs is in
/// `*out_tensors`; `*out_verdicts`, which is NULL where nothing was found, tells of rows with NaN or infinite values.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_run_tensors(
    engine: Option<&monobloc_engine>,
    tensors: In<monobloc_tensor>,
    n_tensors: usize,
    out_tensors: Out<'_, *mut monobloc_tensors>,
    out_verdicts: Out<'_, *mut monobloc_verdicts>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || network::run_tensors(engine, tensors, n_tensors, out_tensors, out_verdicts))
}

/// Runs a network behind preprocessing on rows.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_run_network(
    engine: Option<&monobloc_engine>,
    rows: Option<&monobloc_rows>,
    out_tensors: Out<'_, *mut monobloc_tensors>,
    out_verdicts: Out<'_, *mut monobloc_verdicts>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || network::run_rows(engine, rows, out_tensors, out_verdicts))
}

/// The number of outputs; 0 of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_tensors_n(tensors: Option<&monobloc_tensors>) -> usize {
    tensors.map_or(0, |tensors| tensors.0.views.len())
}

/// Writes output number `number`, counted from 0, to `*out_tensor`, whose size is set.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_tensors_get(
    tensors: Option<&monobloc_tensors>,
    number: usize,
    mut out_tensor: OutSized<monobloc_tensor_view>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let views = &crate::handle::given(tensors, "tensors")?.0.views;
        let view = views.get(number).ok_or_else(|| {
            invalid(format!("output number {number}; there are {}, counted from 0", views.len()))
        })?;
        out_tensor.give("out_tensor", *view)
    })
}

/// Frees outputs; NULL is taken.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_tensors_free(tensors: Option<Box<monobloc_tensors>>) {
    total((), || drop(tensors));
}

#[cfg(feature = "onnx")]
mod network {
    use super::{monobloc_tensor, monobloc_tensor_view, monobloc_tensors};
    use crate::dtype::monobloc_dtype;
    use crate::engine::monobloc_engine;
    use crate::handle::{In, Out, given, handle, invalid};
    use crate::rows::monobloc_rows;
    use crate::text::monobloc_str;
    use crate::verdicts::monobloc_verdicts;
    use monobloc::schema::DType;
    use monobloc::{NetworkPrediction, Result, Tensor};

    /// Outputs, and what C sees of them.
    pub struct Outputs {
        _outputs: Vec<(String, Tensor)>,
        _texts: Vec<Vec<monobloc_str>>,
        pub views: Vec<monobloc_tensor_view>,
    }

    impl Outputs {
        fn new(outputs: Vec<(String, Tensor)>) -> Outputs {
            let texts: Vec<Vec<monobloc_str>> = outputs
                .iter()
                .map(|(_, tensor)| tensor.texts().iter().map(|text| text.as_str().into()).collect())
                .collect();
            let view = |((name, tensor), texts): (&(String, Tensor), &Vec<monobloc_str>)| {
                let is_text = tensor.dtype() == DType::String;
                monobloc_tensor_view {
                    size: 0,
                    name: name.as_str().into(),
                    dtype: monobloc_dtype::from(tensor.dtype()) as u32,
                    rank: tensor.shape().len(),
                    shape: tensor.shape().as_ptr(),
                    elements: if is_text { texts.as_ptr().cast() } else { tensor.bytes().as_ptr().cast() },
                    n_elements: tensor.shape().iter().product(),
                }
            };
            let views = outputs.iter().zip(&texts).map(view).collect();
            Outputs { _outputs: outputs, _texts: texts, views }
        }
    }

    // SAFETY: what the pointers lead to lies in the heap, owned and unchanged.
    unsafe impl Send for Outputs {}
    // SAFETY: as above.
    unsafe impl Sync for Outputs {}

    pub fn run_tensors(
        engine: Option<&monobloc_engine>,
        tensors: In<monobloc_tensor>,
        n_tensors: usize,
        out_tensors: Out<'_, *mut monobloc_tensors>,
        out_verdicts: Out<'_, *mut monobloc_verdicts>,
    ) -> Result<()> {
        let engine = given(engine, "engine")?;
        let tensors = tensors.each(n_tensors, "tensors")?;
        let mut inputs = Vec::with_capacity(tensors.len());
        for tensor in &tensors {
            inputs.push((tensor.name.get("tensor.name")?, read(tensor)?));
        }
        give(out_tensors, out_verdicts, || engine.0.engine.run_tensors(inputs))
    }

    pub fn run_rows(
        engine: Option<&monobloc_engine>,
        rows: Option<&monobloc_rows>,
        out_tensors: Out<'_, *mut monobloc_tensors>,
        out_verdicts: Out<'_, *mut monobloc_verdicts>,
    ) -> Result<()> {
        let (engine, rows) = (given(engine, "engine")?, given(rows, "rows")?);
        give(out_tensors, out_verdicts, || {
            let mut whole: Option<NetworkPrediction> = None;
            rows.each_input(engine, |input| {
                let part = engine.0.engine.run_rows(input)?;
                match &mut whole {
                    Some(whole) => whole.append(part, input.first_row()),
                    none => {
                        *none = Some(part);
                        Ok(())
                    }
                }
            })?;
            whole.ok_or_else(|| invalid("there are no rows"))
        })
    }

    fn give(
        out_tensors: Out<'_, *mut monobloc_tensors>,
        out_verdicts: Out<'_, *mut monobloc_verdicts>,
        run: impl FnOnce() -> Result<NetworkPrediction>,
    ) -> Result<()> {
        let out_tensors = out_tensors.place("out_tensors")?;
        let out_verdicts = out_verdicts.place("out_verdicts")?;
        let NetworkPrediction { outputs, findings, .. } = run()?;
        out_tensors.write(handle(monobloc_tensors(Outputs::new(outputs))));
        out_verdicts.write(monobloc_verdicts::new(findings));
        Ok(())
    }

    fn read(tensor: &monobloc_tensor) -> Result<Tensor> {
        let dtype = monobloc_dtype::of_number(tensor.dtype, "tensor.dtype")?;
        let shape = tensor.shape.slice(tensor.rank, "tensor.shape")?;
        let n_elements = shape.iter().try_fold(1_usize, |product, &length| product.checked_mul(length));
        let n_elements =
            n_elements.ok_or_else(|| invalid("tensor.shape: no memory holds as many elements"))?;
        let of_tensor = dtype.of_tensor().ok_or_else(|| {
            invalid(format!("tensor.dtype is {dtype:?}; expected MONOBLOC_STRING for texts"))
        })?;
        if of_tensor == DType::String {
            let stride = dtype.size().cast_signed();
            let text = |at: usize| {
                let text = tensor.elements.text(false, stride, at, "tensor.elements")?;
                let text = text.and_then(|text| std::str::from_utf8(text).ok()).map(str::to_owned);
                text.ok_or_else(|| invalid(format!("text number {at} of a tensor is NULL or not UTF-8")))
            };
            return Tensor::from_texts(shape, (0..n_elements).map(text).collect::<Result<_>>()?);
        }
        let n_bytes = n_elements.checked_mul(of_tensor.size());
        let n_bytes = n_bytes.ok_or_else(|| invalid("tensor.shape: no memory holds as many elements"))?;
        Tensor::from_bytes(of_tensor, shape, tensor.elements.slice(n_bytes, "tensor.elements")?)
    }
}

#[cfg(not(feature = "onnx"))]
mod network {
    use super::{monobloc_tensor, monobloc_tensor_view, monobloc_tensors};
    use crate::engine::monobloc_engine;
    use crate::handle::{In, Out};
    use crate::rows::monobloc_rows;
    use crate::verdicts::monobloc_verdicts;
    use monobloc::{Error, ErrorKind, Result};

    /// There are none.
    pub struct Outputs {
        pub views: Vec<monobloc_tensor_view>,
    }

    // SAFETY: there are no outputs.
    unsafe impl Send for Outputs {}
    // SAFETY: as above.
    unsafe impl Sync for Outputs {}

    pub fn run_tensors(
        _: Option<&monobloc_engine>,
        _: In<monobloc_tensor>,
        _: usize,
        _: Out<'_, *mut monobloc_tensors>,
        _: Out<'_, *mut monobloc_verdicts>,
    ) -> Result<()> {
        Err(unsupported())
    }

    pub fn run_rows(
        _: Option<&monobloc_engine>,
        _: Option<&monobloc_rows>,
        _: Out<'_, *mut monobloc_tensors>,
        _: Out<'_, *mut monobloc_verdicts>,
    ) -> Result<()> {
        Err(unsupported())
    }

    fn unsupported() -> Error {
        Error::new(
            ErrorKind::Unsupported,
            "this library runs no networks: it was built without the feature onnx",
        )
    }
}
