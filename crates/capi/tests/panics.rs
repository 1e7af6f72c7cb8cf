//! A panic inside a call is an error, and the engine goes on.
#![expect(unsafe_code, reason = "takes handles as calls wrote them")]

#[path = "../../core/tests/sample/mod.rs"]
#[expect(dead_code, reason = "of this the bloc alone is wanted")]
mod sample;

use arrow_array::{Array, Float64Array, RecordBatch, StringArray, StructArray};
use monobloc::monitor::EventOptions;
use monobloc::{Engine, LoadOptions};
use monobloc_capi::answers::monobloc_engine_run_to_arrow;
use monobloc_capi::arrow::{ArrowArray, ArrowArrayStream, ArrowSchema};
use monobloc_capi::engine::monobloc_engine;
use monobloc_capi::handle::Out;
use monobloc_capi::rows::{monobloc_rows, monobloc_rows_from_arrow};
use monobloc_capi::status::{monobloc_error, monobloc_error_status, monobloc_status};
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

/// What a call writes a handle to.
struct Made<T>(MaybeUninit<*mut T>);

impl<T> Made<T> {
    fn nothing() -> Made<T> {
        Made(MaybeUninit::new(std::ptr::null_mut()))
    }

    fn place(&mut self) -> Out<'_, *mut T> {
        Out::to(&mut self.0)
    }

    fn handle(self) -> Option<Box<T>> {
        // SAFETY: NULL, or what a call wrote.
        let handle = unsafe { self.0.assume_init() };
        // SAFETY: a call made it with `Box::into_raw`; it is taken once.
        (!handle.is_null()).then(|| unsafe { Box::from_raw(handle) })
    }
}

#[test]
fn a_panic_is_an_error_and_the_engine_goes_on() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("sample.bloc");
    sample::pack(&path).expect("packed");
    let shall_panic = Arc::new(AtomicBool::new(true));
    let shall = Arc::clone(&shall_panic);
    let sink = move |_: &_| assert!(!shall.load(Ordering::Relaxed), "injected");
    let options = LoadOptions::default().events(EventOptions::new(sink));
    let engine = monobloc_engine::new(Engine::load(&path, &options).expect("loaded"));

    // An infinite age is unlike the reference, so that the sink is called.
    let batch = RecordBatch::try_from_iter([
        ("age", Arc::new(Float64Array::from(vec![f64::INFINITY])) as _),
        ("balance", Arc::new(Float64Array::from(vec![1.0])) as _),
        ("region", Arc::new(StringArray::from(vec!["north"])) as _),
    ]);
    let data = StructArray::from(batch.expect("a batch")).into_data();
    let (mut array, mut schema) =
        (ArrowArray::new(&data), ArrowSchema::try_from(data.data_type()).expect("a type"));
    let mut rows = Made::<monobloc_rows>::nothing();
    let status = monobloc_rows_from_arrow(
        Some(&engine),
        Some(&mut array),
        Some(&mut schema),
        rows.place(),
        Out::nowhere(),
    );
    assert_eq!(status, monobloc_status::MONOBLOC_OK);
    let rows = rows.handle().expect("rows");

    let run = || {
        let (mut stream, mut error) =
            (MaybeUninit::<ArrowArrayStream>::uninit(), Made::<monobloc_error>::nothing());
        let status =
            monobloc_engine_run_to_arrow(Some(&engine), Some(&rows), Out::to(&mut stream), error.place());
        assert_eq!(monobloc_error_status(error.handle().as_deref()), status);
        if status == monobloc_status::MONOBLOC_OK {
            // SAFETY: written where all is well.
            drop(unsafe { stream.assume_init() });
        }
        status
    };
    assert_eq!(run(), monobloc_status::MONOBLOC_INTERNAL);
    shall_panic.store(false, Ordering::Relaxed);
    assert_eq!(run(), monobloc_status::MONOBLOC_OK);
}
