//! Parquet: row groups one after another, of the columns that are used.

use super::MOST_ROWS;
use super::messages::malformed;
use crate::error::{Result, caught};
use crate::score::unread;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::fmt::Display;
use std::fs::File;

/// A file whose description was read.
pub(in super::super) struct ParquetFile {
    builder: ParquetRecordBatchReaderBuilder<File>,
    length: u64,
}

/// Its batches.
pub(super) struct ParquetBatches {
    reader: ParquetRecordBatchReader,
    length: u64,
    n_rows: u64,
    n_read: u64,
}

impl ParquetFile {
    /// Reads the description at the end of a file.
    pub fn begin(file: File) -> Result<ParquetFile> {
        let length = file.metadata().map_err(|error| unread(&error))?.len();
        // The format's reader may panic on what no writer writes.
        let builder =
            caught(|| ParquetRecordBatchReaderBuilder::try_new(file)).map_err(|panic| wrong(&panic))?;
        Ok(ParquetFile { builder: builder.map_err(|error| wrong(&error))?, length })
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        self.builder.schema()
    }

    /// The batches of the columns of these numbers.
    pub(super) fn batches(self, columns: &[usize]) -> Result<ParquetBatches> {
        let metadata = self.builder.metadata().file_metadata();
        let n_rows = u64::try_from(metadata.num_rows()).unwrap_or_default();
        let mask = ProjectionMask::roots(self.builder.parquet_schema(), columns.iter().copied());
        let builder = self.builder.with_projection(mask).with_batch_size(MOST_ROWS);
        let reader = caught(|| builder.build()).map_err(|panic| wrong(&panic))?;
        let reader = reader.map_err(|error| wrong(&error))?;
        Ok(ParquetBatches { reader, length: self.length, n_rows, n_read: 0 })
    }
}

impl ParquetBatches {
    /// The next batch; `None` when there is none.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let row = self.n_read;
        let from = |found: &dyn Display| malformed(format!("rows from {row} on: {found}"));
        let batch = caught(|| self.reader.next().transpose()).map_err(|panic| from(&panic))?;
        let batch = batch.map_err(|error| from(&error))?;
        self.n_read += batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        Ok(batch)
    }

    /// About where the last batch ends.
    pub fn place(&self) -> u64 {
        (self.length as f64 * self.n_read as f64 / self.n_rows.max(1) as f64) as u64
    }
}

fn wrong(found: &dyn Display) -> crate::Error {
    malformed(format!("it is no Parquet that is taken: {found}"))
}
