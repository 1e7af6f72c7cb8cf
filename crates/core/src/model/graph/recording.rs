//! Recording what tract makes of constant weights while a bloc is packed: the bytes of a tuned member.

use super::tensor::dtype_of_datum;
use super::tuned::{
    Entry, Index, Key, MAGIC, Place, Source, Stored, Tuned, aligned, panels_len, weights_place,
};
use super::weights::LARGE;
use crate::bloc::{Bloc, Body, SourceFile};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::DType;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use tract_onnx::prelude::tract_linalg::mmm::{EagerPackedInput, PackedMatrixStorage};
use tract_onnx::prelude::tract_linalg::pack::PackedFormat;
use tract_onnx::prelude::{DatumType, Tensor};

/// Entries in the making. Bodies go to a temporary file at once, and what was written is used from there,
/// so that packing takes no more memory than loading.
#[derive(Debug)]
pub(super) struct Recording {
    file: Arc<SourceFile>,
    source: Arc<Source>,
    /// The graph's weights, which entries may be as they are.
    weights: Arc<Source>,
    length: u64,
    /// Where bytes of this SHA-256 lie.
    known: HashMap<[u8; 32], (Place, u64)>,
    entries: Vec<Entry>,
    contradicted: Vec<Key>,
    /// Whether panels are kept.
    pub panels: bool,
}

impl Recording {
    /// Begins with a temporary file in `folder`; `bloc` holds the weights.
    pub fn new(folder: &Path, bloc: &Bloc) -> Result<Recording> {
        let fault = |error: std::io::Error| Error::io(folder, "creating a temporary file in", &error);
        let file = tempfile::tempfile_in(folder).map_err(fault)?;
        let clone = file.try_clone().map_err(fault)?;
        // Entries are placed before they are written, so the source's length is no bound here.
        let source = Arc::new(Source { file: clone, start: 0, length: u64::MAX, weights: (0, 0) });
        let file = Arc::new(SourceFile { file, path: folder.to_owned() });
        let weights = bloc.file().try_clone().map_err(|error| Error::io(bloc.path(), "opening", &error))?;
        let weights = Source { file: weights, start: 0, length: 0, weights: weights_place(bloc) };
        Ok(Recording {
            file,
            source,
            weights: Arc::new(weights),
            length: 0,
            known: HashMap::new(),
            entries: Vec::new(),
            contradicted: Vec::new(),
            panels: true,
        })
    }

    /// Keeps the outputs under `key`, and makes them an entry of `tuned`. Outputs of other kinds than
    /// entries hold are not kept.
    pub fn keep(&mut self, key: Key, outputs: &[Arc<Tensor>], tuned: &mut Tuned) -> Result<()> {
        if self.contradicted.contains(&key) || self.entries.iter().any(|entry| entry.key == key) {
            return Ok(());
        }
        let mut stored = Vec::new();
        for output in outputs {
            match self.store(output)? {
                Some(output) => stored.push(output),
                None => return Ok(()),
            }
        }
        let in_weights = |stored: &Stored| matches!(stored, Stored::Tensor { place: Place::Weights, .. });
        let source = match (stored.iter().any(in_weights), stored.iter().all(in_weights)) {
            (false, _) => Some(&self.source),
            (_, true) => Some(&self.weights),
            _ => None,
        };
        if let Some(source) = source {
            tuned.insert(key, source, stored.clone());
        }
        self.entries.push(Entry { key, outputs: stored });
        Ok(())
    }

    /// Makes the bytes of a weight known, so that they are not written again.
    pub fn know_weight(&mut self, bytes: &[u8], offset: u64) {
        self.known.insert(Sha256::digest(bytes).into(), (Place::Weights, offset));
    }

    /// Gives up a key under which two results were met: it does not say all that they depend on.
    pub fn give_up(&mut self, key: Key, tuned: &mut Tuned) {
        self.entries.retain(|entry| entry.key != key);
        tuned.remove(&key);
        self.contradicted.push(key);
    }

    fn store(&mut self, output: &Tensor) -> Result<Option<Stored>> {
        let Some(dtype) = dtype_of_datum(output.datum_type()) else { return Ok(None) };
        if output.is_plain_ram() {
            if dtype == DType::String || output.datum_type() == DatumType::TDim {
                return Ok(None);
            }
            let digest = Sha256::digest(output.as_bytes()).into();
            let (place, offset) = match self.known.get(&digest) {
                Some(known) => *known,
                None => (Place::Here, self.write(output.as_bytes(), &[])?),
            };
            self.known.insert(digest, (place, offset));
            return Ok(Some(Stored::Tensor { dtype, shape: output.shape().to_vec(), place, offset }));
        }
        let storage = output.try_storage_as::<PackedMatrixStorage>().ok().filter(|_| self.panels);
        let Some(storage) = storage else { return Ok(None) };
        let mut first = None;
        for value in storage.values() {
            let Some(input) = value.downcast_ref::<EagerPackedInput>() else { return Ok(None) };
            let Some(layout) = input.fact.format.downcast_ref::<PackedFormat>() else { return Ok(None) };
            let (k, mn) = (input.fact.k, input.mn);
            if panels_len(layout, k, mn) != Some(input.packed.len()) {
                return Ok(None);
            }
            let offset = self.write(&input.packed, &padding(layout, k, mn))?;
            first.get_or_insert((format!("{layout:?}"), k, mn, offset));
        }
        Ok(first.map(|(format, k, mn, offset)| {
            let batch = storage.batch_shape().to_vec();
            Stored::Panels { format, dtype, batch, k, mn, offset }
        }))
    }

    /// Appends `bytes`, with zeros for the ranges of `holes`: what packing leaves as it found it would
    /// differ from run to run.
    fn write(&mut self, bytes: &[u8], holes: &[Range<usize>]) -> Result<u64> {
        let offset = if bytes.len() >= LARGE {
            self.length.next_multiple_of(crate::bloc::ALIGNMENT)
        } else {
            self.length.next_multiple_of(64)
        };
        let fault =
            |error: std::io::Error| Error::io(&self.file.path, "writing to a temporary file in", &error);
        let mut at = 0;
        let mut out =
            std::io::BufWriter::with_capacity(1 << 16, OffsetWriter { file: &self.file.file, at: offset });
        for hole in holes {
            out.write_all(&bytes[at..hole.start]).map_err(fault)?;
            std::io::copy(&mut std::io::Read::take(std::io::repeat(0), hole.len() as u64), &mut out)
                .map_err(fault)?;
            at = hole.end;
        }
        out.write_all(&bytes[at..]).map_err(fault)?;
        out.flush().map_err(fault)?;
        drop(out);
        // The next body of a batch lies where its stride puts it.
        self.length = offset + aligned(bytes.len() as u64);
        self.file.file.set_len(self.length).map_err(fault)?;
        Ok(offset)
    }

    /// The member's bytes; `None` where nothing was kept.
    pub fn finish(mut self) -> Result<Option<Body>> {
        if self.entries.is_empty() {
            return Ok(None);
        }
        self.entries.sort_by_key(|entry| entry.key);
        let index = Index { tract: super::TRACT_VERSION.to_owned(), entries: self.entries };
        let json = serde_json::to_vec(&index)
            .map_err(|error| Error::new(ErrorKind::Internal, format!("writing a tuned member: {error}")))?;
        let mut body = Body::default();
        body.push([&MAGIC[..], &(json.len() as u64).to_le_bytes(), &json].concat());
        body.align(crate::bloc::ALIGNMENT);
        body.push_file(&self.file, 0, self.length);
        Ok(Some(body))
    }
}

struct OffsetWriter<'a> {
    file: &'a File,
    at: u64,
}

impl Write for OffsetWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = std::os::unix::fs::FileExt::write_at(self.file, bytes, self.at)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The ranges that packing leaves unwritten: the end of each panel.
fn padding(layout: &PackedFormat, k: usize, mn: usize) -> Vec<Range<usize>> {
    let size = layout.dt.size_of();
    let (panel, used) = (layout.single_panel_len(k) * size, k * layout.r * size);
    (0..mn.div_ceil(layout.r)).map(|number| number * panel + used..(number + 1) * panel).collect()
}

/// Whether two results have the same bytes, but for what packing leaves unwritten.
pub(super) fn are_same(one: &Tensor, two: &Tensor) -> bool {
    if one.is_plain_ram() || two.is_plain_ram() {
        return one == two;
    }
    let panels = |tensor: &Tensor| {
        let storage = tensor.try_storage_as::<PackedMatrixStorage>().ok()?;
        let inputs = storage.values().iter().map(|value| value.downcast_ref::<EagerPackedInput>().cloned());
        inputs.collect::<Option<Vec<EagerPackedInput>>>()
    };
    let (Some(one), Some(two)) = (panels(one), panels(two)) else { return false };
    let same = |(one, two): (&EagerPackedInput, &EagerPackedInput)| {
        let Some(layout) = one.fact.format.downcast_ref::<PackedFormat>() else { return false };
        let holes = padding(layout, one.fact.k, one.mn);
        let starts = std::iter::once(0).chain(holes.iter().map(|hole| hole.end));
        one.fact == two.fact
            && one.packed.len() == two.packed.len()
            && starts
                .zip(&holes)
                .all(|(start, hole)| one.packed[start..hole.start] == two.packed[start..hole.start])
    };
    one.len() == two.len() && one.iter().zip(&two).all(same)
}
