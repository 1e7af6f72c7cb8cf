//! `tuned/` members: what tract makes of constant weights, so that loading need not make it again.
//!
//! An entry's key says by which operators it came from which weights, in which layout. Nothing is found by
//! name alone, and lengths are computed from shapes and formats, never read.

use super::tensor::datum_type;
use super::weights::{LARGE, Mappings};
use crate::bloc::Bloc;
use crate::error::{Error, Result};
use crate::mapped::View;
use crate::schema::DType;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use tract_onnx::prelude::tract_linalg::mmm::{EagerPackedInput, PackedExoticFact, PackedMatrixStorage};
use tract_onnx::prelude::tract_linalg::pack::PackedFormat;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;
use tract_onnx::tract_core::ops::matmul::pack::DynPackedExoticFact;

/// The folder of these members.
pub(crate) const TUNED_FOLDER: &str = "tuned/";

pub(super) const MAGIC: &[u8; 8] = b"MBTUNED\0";
/// The index begins after the magic and its own length.
const HEAD: usize = 16;
const MAX_INDEX: u64 = 64 << 20;

/// What an entry is found by: the SHA-256 of all that its bytes depend on.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Key(pub [u8; 32]);

impl Key {
    /// The key of one of several outputs.
    pub fn of_output(mut self, number: usize) -> Key {
        self.0[0] ^= number as u8;
        self
    }
}

impl From<Key> for String {
    fn from(key: Key) -> String {
        key.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Key, String> {
        let mut key = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(format!("{text:?} is no key"));
        }
        for (at, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|error| error.to_string())?;
        }
        Ok(Key(key))
    }
}

/// One output of a constant expression.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "kind")]
pub(super) enum Stored {
    /// Panels of one matrix per place of `batch`, each of `k` rows and `mn` columns.
    Panels { format: String, dtype: DType, batch: Vec<usize>, k: usize, mn: usize, offset: u64 },
    /// A tensor, whose bytes may be those of a weight as they are.
    Tensor { dtype: DType, shape: Vec<usize>, place: Place, offset: u64 },
}

/// What an offset counts in.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    /// The bodies of this member.
    Here,
    /// The member with the graph's weights.
    Weights,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Index {
    pub tract: String,
    pub entries: Vec<Entry>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub key: Key,
    pub outputs: Vec<Stored>,
}

/// All entries of a bloc.
#[derive(Debug, Default)]
pub(super) struct Tuned {
    entries: HashMap<Key, (Arc<Source>, Vec<Stored>)>,
}

/// Where the bodies of entries lie.
#[derive(Debug)]
pub(super) struct Source {
    pub file: File,
    /// Where the bodies begin.
    pub start: u64,
    /// Their length.
    pub length: u64,
    /// Where the graph's weights lie, and their length.
    pub weights: (u64, u64),
}

impl Tuned {
    /// Reads the indices of the bloc's tuned members. One that another version of tract wrote holds nothing
    /// for this one.
    pub fn read(bloc: &Bloc) -> Result<Tuned> {
        let mut tuned = Tuned::default();
        for member in bloc.manifest().members.iter().filter(|member| member.name.starts_with(TUNED_FOLDER)) {
            let view = bloc.section(&member.name).unwrap_or_else(|| View::of_bytes(&[]));
            let file = bloc.file().try_clone().map_err(|error| Error::io(bloc.path(), "opening", &error))?;
            let added = tuned.add_section(&view, file, member.offset, bloc);
            added.map_err(|error| error.within(format!("reading {}", member.name)))?;
        }
        Ok(tuned)
    }

    /// Adds the entries of a file that holds what a tuned member of `bloc` would.
    pub fn add(&mut self, file: File, path: &Path, bloc: &Bloc) -> Result<()> {
        let view = View::of_file(&file).map_err(|error| Error::io(path, "mapping", &error))?;
        self.add_section(&view, file, 0, bloc).map_err(|error| error.within(path.display()))
    }

    fn add_section(&mut self, view: &View, file: File, begin: u64, bloc: &Bloc) -> Result<()> {
        let (bodies, index) = read_index(view)?;
        if index.tract == super::TRACT_VERSION {
            let length = view.len() as u64 - bodies;
            let source = Source { file, start: begin + bodies, length, weights: weights_place(bloc) };
            let source = Arc::new(source);
            let entries = index.entries.into_iter();
            self.entries.extend(entries.map(|entry| (entry.key, (Arc::clone(&source), entry.outputs))));
        }
        Ok(())
    }

    /// Makes `outputs` in `source` what is found under `key`.
    pub fn insert(&mut self, key: Key, source: &Arc<Source>, outputs: Vec<Stored>) {
        self.entries.insert(key, (Arc::clone(source), outputs));
    }

    pub fn remove(&mut self, key: &Key) {
        self.entries.remove(key);
    }

    pub fn contains(&self, key: &Key) -> bool {
        self.entries.contains_key(key)
    }

    /// The outputs of entry `key`, mapped, or `None` where they are not what the node's facts want.
    pub fn outputs(
        &self,
        key: &Key,
        facts: &[TypedFact],
        mappings: &mut Mappings,
    ) -> Result<Option<Vec<Arc<Tensor>>>> {
        let Some((source, outputs)) = self.entries.get(key) else { return Ok(None) };
        if outputs.len() != facts.len() {
            return Ok(None);
        }
        let mut tensors = Vec::new();
        for (stored, fact) in outputs.iter().zip(facts) {
            match source.tensor(stored, fact, mappings)? {
                Some(tensor) => tensors.push(tensor),
                None => return Ok(None),
            }
        }
        Ok(Some(tensors))
    }
}

impl Source {
    fn tensor(
        &self,
        stored: &Stored,
        fact: &TypedFact,
        mappings: &mut Mappings,
    ) -> Result<Option<Arc<Tensor>>> {
        match stored {
            Stored::Tensor { dtype, shape, place, offset } => {
                let fits = fact.exotic_fact.is_none()
                    && fact.datum_type == datum_type(*dtype)
                    && fact.shape.as_concrete().is_some_and(|wanted| wanted == shape.as_slice());
                let len = shape.iter().try_fold(dtype.size(), |len, &dim| len.checked_mul(dim));
                let (true, Some(len)) = (fits, len) else { return Ok(None) };
                let at = self.place(*place, *offset, len)?;
                mappings.tensor(&self.file, at, *dtype, shape).map(Some)
            }
            Stored::Panels { format, dtype, batch, k, mn, offset } => {
                let packed =
                    fact.exotic_fact.as_ref().and_then(|fact| fact.downcast_ref::<DynPackedExoticFact>());
                let packer = packed.and_then(|packed| {
                    let fits =
                        |value: &TDim, wanted: usize| value.to_usize().is_ok_and(|value| value == wanted);
                    let named = packed.packers.iter().find(|packer| format!("{packer:?}") == *format);
                    named.filter(|_| fits(&packed.k, *k) && fits(&packed.mn, *mn))
                });
                let fits = fact.datum_type == datum_type(*dtype)
                    && fact.shape.as_concrete().is_some_and(|wanted| wanted == batch.as_slice());
                let Some(layout) =
                    packer.filter(|_| fits).and_then(|packer| packer.downcast_ref::<PackedFormat>())
                else {
                    return Ok(None);
                };
                let Some(len) = panels_len(layout, *k, *mn) else { return Ok(None) };
                let stride = aligned(len as u64);
                let count: usize = batch.iter().product();
                let mut values = TVec::with_capacity(count);
                for number in 0..count as u64 {
                    let at = number.checked_mul(stride).and_then(|at| at.checked_add(*offset));
                    let at = self.place(Place::Here, at.unwrap_or(u64::MAX), len)?;
                    let blob = mappings.panels(&self.file, at, len, layout.alignment())?;
                    values.push(Box::new(packed_input(layout, *k, *mn, blob)) as _);
                }
                let storage = PackedMatrixStorage::new_batched(batch, values);
                Ok(Some(Arc::new(storage.into_tensor(fact.datum_type))))
            }
        }
    }

    /// Where in the file `len` bytes at `offset` of `place` lie.
    fn place(&self, place: Place, offset: u64, len: usize) -> Result<u64> {
        let (start, length) = match place {
            Place::Here => (self.start, self.length),
            Place::Weights => self.weights,
        };
        if offset.checked_add(len as u64).is_some_and(|end| end <= length) {
            return Ok(start + offset);
        }
        Err(Error::corrupt(format!("a tuned member has no {len} bytes at {offset}; there are {length}")))
    }
}

/// Where the graph's weights lie in the file, and their length.
pub(super) fn weights_place(bloc: &Bloc) -> (u64, u64) {
    let member = bloc.manifest().member(super::WEIGHTS_MEMBER);
    member.map_or((0, 0), |member| (member.offset, member.length))
}

fn packed_input(layout: &PackedFormat, k: usize, mn: usize, packed: Arc<Blob>) -> EagerPackedInput {
    let fact = PackedExoticFact { format: Box::new(layout.clone()), mn: mn.to_dim(), k };
    EagerPackedInput { fact, packed, panel_bytes: layout.single_panel_len(k) * layout.dt.size_of(), mn }
}

/// Bytes of all panels of a matrix.
pub(super) fn panels_len(layout: &PackedFormat, k: usize, mn: usize) -> Option<usize> {
    let elements = k.checked_add(layout.end_padding_record)?.checked_mul(layout.r)?;
    elements.checked_add(layout.alignment())?;
    let panels = mn.div_ceil(layout.r);
    layout.single_panel_len(k).checked_mul(panels)?.checked_mul(layout.dt.size_of())
}

/// Large bodies begin on pages, so that they can be mapped.
pub(super) fn aligned(len: u64) -> u64 {
    len.next_multiple_of(if len >= LARGE as u64 { crate::bloc::ALIGNMENT } else { 64 })
}

fn read_index(view: &View) -> Result<(u64, Index)> {
    let head = view.read::<HEAD>(0).filter(|head| head.starts_with(MAGIC));
    let head = head.ok_or_else(|| Error::corrupt("it does not begin as a tuned member does"))?;
    let length = u64::from_le_bytes(std::array::from_fn(|at| head[8 + at]));
    let json = view.slice(HEAD as u64, length).filter(|_| length <= MAX_INDEX);
    let json = json.ok_or_else(|| Error::corrupt(format!("its index claims {length} bytes")))?;
    let json: Vec<u8> =
        json.bytes().iter().map(|byte| byte.load(std::sync::atomic::Ordering::Relaxed)).collect();
    let index =
        serde_json::from_slice(&json).map_err(|error| Error::corrupt(format!("its index: {error}")))?;
    let start = (HEAD as u64 + length).next_multiple_of(crate::bloc::ALIGNMENT);
    if start > view.len() as u64 {
        return Err(Error::corrupt("it ends inside its index"));
    }
    Ok((start, index))
}
