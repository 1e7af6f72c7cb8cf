//! Loading in the background.

use crate::engine::monobloc_engine;
use crate::handle::{In, Out, Text, handle, null};
use crate::options::{self, monobloc_load_options};
use crate::status::{guard, monobloc_error, monobloc_status, total};
use monobloc::{Engine, Loading};
use std::path::Path;
use std::time::Duration;

/// An engine that is being loaded on a thread of its own. `monobloc_loading_finish` gives the engine and frees it;
/// `monobloc_loading_free` frees it without, and lets the loading end by itself. Any threads may ask whether it has ended.
///
/// The thread does not survive a fork: in a forked child the loading never ends.
pub struct monobloc_loading(Loading);

/// Begins to load the bloc at `path` in the background. What is wrong with the bloc is told by
/// `monobloc_loading_finish`. `options` may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_engine_load_in_background(
    path: Text,
    options: In<monobloc_load_options>,
    out_loading: Out<'_, *mut monobloc_loading>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let options = options::read(options.optional("options")?)?;
        let path = Path::new(path.get("path")?);
        let out_loading = out_loading.place("out_loading")?;
        let loading = Engine::load_in_background(path, &options)?;
        out_loading.write(handle(monobloc_loading(loading)));
        Ok(())
    })
}

/// Waits until loading has ended, but no longer than so many milliseconds; whether it has. True of NULL.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_loading_wait(loading: Option<&monobloc_loading>, milliseconds: u64) -> bool {
    loading.is_none_or(|loading| total(false, || loading.0.wait_for(Duration::from_millis(milliseconds))))
}

/// Waits until loading has ended, gives the engine, and frees `loading`, on errors too.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_loading_finish(
    loading: Option<Box<monobloc_loading>>,
    out_engine: Out<'_, *mut monobloc_engine>,
    out_error: Out<'_, *mut monobloc_error>,
) -> monobloc_status {
    guard(out_error, || {
        let loading = loading.ok_or_else(|| null("loading"))?;
        let out_engine = out_engine.place("out_engine")?;
        let engine = loading.0.wait()?;
        crate::log::loaded(&engine);
        out_engine.write(handle(monobloc_engine::new(engine)));
        Ok(())
    })
}

/// Frees a loading whose engine is not wanted; NULL is taken.
#[unsafe(no_mangle)]
pub extern "C" fn monobloc_loading_free(loading: Option<Box<monobloc_loading>>) {
    total((), || drop(loading));
}
