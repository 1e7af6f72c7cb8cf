//! What an engine holds in memory.

use super::Engine;
use super::tiles::TileScratch;
use crate::bloc::Bloc;
use crate::error::Result;
use crate::float_mode::DefaultMode;
use crate::input::{Cell, Cells, Column, Input};
use crate::memory::{self, MemoryLimit, megabytes};
use crate::model::Ensemble;
use crate::precision::{Float, Precision};
use crate::preprocess::{Checks, Scratch};

/// Bytes that reading a byte of the manifest leaves behind: its text, its parts, the steps and rules made of them.
const PER_MANIFEST_BYTE: usize = 6;
/// Bytes that a field of the schema takes in rules and counters.
const PER_FIELD: usize = 512;

/// Refuses a bloc whose steps and rules do not fit into memory.
pub(super) fn check_manifest(bloc: &Bloc) -> Result<()> {
    let bytes = bloc.manifest_json().len() * PER_MANIFEST_BYTE;
    memory::check(bytes as u64, || "steps and rules".to_owned())
        .map_err(|error| error.within(bloc.path().display()))
}

impl Engine {
    /// Bytes of the file that predicting reads, which processes share: nodes, leaf values, vocabularies, weights.
    pub fn shared_bytes(&self) -> u64 {
        let params = self.bloc.manifest().member("params.bin").map_or(0, |member| member.length);
        params + self.model.shared_bytes()
    }

    /// Bytes that this engine keeps for itself, estimated from the sizes of its parts.
    pub fn private_bytes(&self) -> u64 {
        let manifest = self.bloc.manifest_json().len() * PER_MANIFEST_BYTE;
        let fields = self.schema.fields().len() * PER_FIELD;
        (manifest + fields) as u64 + self.model.private_bytes()
    }

    /// Bytes that a thread keeps between calls once it has seen a large batch, measured on rows whose values are all
    /// missing; for a network what a run of one row takes meanwhile, estimated from the shapes in its graph.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) where such rows can't be made.
    pub fn scratch_bytes(&self) -> Result<u64> {
        let of_network = self.model.scratch_bytes();
        if self.pipeline.n_features() == 0 {
            return Ok(of_network);
        }
        let of_tile = match self.model.ensemble() {
            Some(ensemble) => match ensemble.features() {
                Precision::Single => self.scratch_of_tile::<f32>(Some(ensemble)),
                Precision::Double => self.scratch_of_tile::<f64>(Some(ensemble)),
            },
            None => self.scratch_of_tile::<f64>(None),
        };
        Ok(of_tile? as u64 + of_network)
    }

    /// A warning where more is mapped than this process may hold. Mapped pages are charged to the control group that
    /// touches them first, and dropped and read again when they do not fit.
    pub(super) fn mapped_beyond_limit(&self) -> Option<String> {
        let shared = self.shared_bytes();
        let limit =
            (shared > 1 << 20).then(MemoryLimit::read)?.filter(|limit| shared > limit.available_bytes())?;
        Some(format!(
            "{}: predicting reads {} of the file, more than the {} that are left: {limit}. Mapped pages will be dropped \
             and read again",
            self.bloc.path().display(),
            megabytes(shared),
            megabytes(limit.available_bytes())
        ))
    }

    fn scratch_of_tile<V: Float>(&self, ensemble: Option<&Ensemble>) -> Result<usize> {
        let _mode = DefaultMode::enter();
        let missing = vec![Cell::None; self.tile_rows()];
        let column = || Some(Column::Cells(Cells::new(&missing, "")));
        let columns = self.schema.fields().iter().map(|_| column()).collect();
        let input = Input::new(&self.schema, missing.len(), columns)?;
        let rows = 0..missing.len();
        let (mut scratch, mut tile) = (Scratch::default(), TileScratch::<V>::default());
        let checks = Checks { sanity: &self.no_rules, findings: &mut Vec::new() };
        match ensemble {
            Some(ensemble) => {
                let answer = ensemble.whole_answer();
                let mut out = vec![0.0; rows.len() * ensemble.width(answer)];
                self.tile(ensemble, &input, rows, answer, &mut scratch, &mut tile, &mut out, checks);
            }
            None => {
                let mut features = vec![V::default(); rows.len() * self.pipeline.n_features()];
                self.pipeline.run(&input, rows, &mut scratch, &mut features, checks);
            }
        }
        Ok(scratch.bytes() + tile.bytes())
    }
}
