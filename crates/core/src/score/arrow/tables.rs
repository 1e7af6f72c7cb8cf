//! Answers as Arrow's tables, and the bytes of a file or stream of them.

use super::super::answers::refuse_names;
use crate::engine::answer_table;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Ensemble;
use crate::sanity::Finding;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use std::sync::Arc;

/// Makes tables of answers: the carried columns, and those of `docs/arrow.md`.
#[derive(Debug)]
pub(in super::super) struct Tables<'e> {
    ensemble: &'e Ensemble,
    schema: SchemaRef,
}

/// Writes tables as bytes.
pub(in super::super) enum Encoder {
    File(FileWriter<Vec<u8>>),
    Stream(StreamWriter<Vec<u8>>),
}

impl<'e> Tables<'e> {
    /// Refuses carried columns that are called as one of the answers is.
    pub fn check_names(ensemble: &Ensemble, ids: &[String]) -> Result<()> {
        let answers = answer_table(ensemble, 0, &[], &[])?.schema();
        let names: Vec<String> = answers.fields().iter().map(|field| field.name().clone()).collect();
        refuse_names(ids, &names)
    }

    /// Tables with the carried columns `ids`.
    pub fn new(ensemble: &'e Ensemble, ids: &[Field]) -> Result<Self> {
        let answers = answer_table(ensemble, 0, &[], &[])?.schema();
        let fields = ids.iter().cloned().map(Arc::new).chain(answers.fields().iter().cloned());
        Ok(Tables { ensemble, schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())) })
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The table of some rows, from their outputs and the numbers of their labels.
    pub fn table(
        &self,
        n_rows: usize,
        ids: Vec<ArrayRef>,
        values: &[f64],
        findings: &[Finding],
    ) -> Result<RecordBatch> {
        let answers = answer_table(self.ensemble, n_rows, values, findings)?;
        let columns = ids.into_iter().chain(answers.columns().iter().cloned()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map_err(unwritten)
    }
}

impl Encoder {
    /// A file, or a stream.
    pub fn begin(schema: &SchemaRef, is_file: bool) -> Result<Encoder> {
        Ok(match is_file {
            true => Encoder::File(FileWriter::try_new(Vec::new(), schema).map_err(unwritten)?),
            false => Encoder::Stream(StreamWriter::try_new(Vec::new(), schema).map_err(unwritten)?),
        })
    }

    /// Writes a table.
    pub fn write(&mut self, table: &RecordBatch) -> Result<()> {
        match self {
            Encoder::File(writer) => writer.write(table).map_err(unwritten),
            Encoder::Stream(writer) => writer.write(table).map_err(unwritten),
        }
    }

    /// Writes the end.
    pub fn end(&mut self) -> Result<()> {
        match self {
            Encoder::File(writer) => writer.finish().map_err(unwritten),
            Encoder::Stream(writer) => writer.finish().map_err(unwritten),
        }
    }

    /// The bytes that were written since the last call, and are to be cleared.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        match self {
            Encoder::File(writer) => writer.get_mut(),
            Encoder::Stream(writer) => writer.get_mut(),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn unwritten(error: ArrowError) -> Error {
    Error::new(ErrorKind::Internal, format!("writing the answers: {error}"))
}
