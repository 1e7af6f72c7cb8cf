//! Rows in Arrow's record batches, and tables of answers.

mod carried;
mod compression;
mod file;
mod messages;
#[cfg(feature = "parquet")]
mod parquet;
mod tables;

#[cfg(feature = "parquet")]
pub(super) use parquet::ParquetFile;
pub(super) use tables::{Encoder, Tables};

use super::columns::Columns;
use super::reading::Opened;
use super::rows::Rows;
use super::unread;
use crate::arrow::ArrowRows;
use crate::arrow::body::MAGIC;
use crate::error::{Error, ErrorKind, Result};
use crate::extra::Extra;
use crate::input::Input;
use crate::schema::Schema;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, SchemaRef};
use file::FileBatches;
use messages::Messages;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

/// Rows that are scored at a time: a large batch is cut.
const MOST_ROWS: usize = 1 << 13;

/// Batches, cut into parts of a few thousand rows.
pub(super) struct Batches<'a> {
    origin: Origin<'a>,
    /// What is left of the last batch.
    rest: Option<RecordBatch>,
    /// Whether nothing follows, since what came could not be read.
    has_failed: bool,
}

enum Origin<'a> {
    File(FileBatches),
    #[cfg(feature = "parquet")]
    Parquet(parquet::ParquetBatches),
    Stream(Messages<'a>),
}

/// What the columns of batches are for.
#[derive(Debug)]
pub(super) struct Uses<'e> {
    schema: &'e Schema,
    needed: &'e [usize],
    /// The columns that the model reads.
    read: Vec<usize>,
    /// The columns that are carried over.
    ids: Vec<usize>,
    /// Their fields in a table of answers.
    fields: Vec<Field>,
    /// The columns that are no field and not carried over.
    extra: Extra,
}

/// Some rows of a batch.
#[derive(Default)]
pub(super) struct ArrowPart {
    batch: Option<RecordBatch>,
    rows: Option<ArrowRows>,
}

impl<'a> Batches<'a> {
    /// Reads the schema of a stream, or of a file.
    pub fn begin(input: Opened<'a>) -> Result<(Self, SchemaRef)> {
        let (origin, schema) = match input {
            Opened::File(mut file) => {
                let mut magic = [0; MAGIC.len()];
                let n_read = file.read(&mut magic).map_err(|error| unread(&error))?;
                if magic[..n_read] == *MAGIC {
                    let (batches, schema) = FileBatches::begin(file)?;
                    (Origin::File(batches), schema)
                } else {
                    file.seek(SeekFrom::Start(0)).map_err(|error| unread(&error))?;
                    let (messages, schema) = Messages::begin(Box::new(file))?;
                    (Origin::Stream(messages), schema)
                }
            }
            Opened::Stream(input) => {
                let (messages, schema) = Messages::begin(input)?;
                (Origin::Stream(messages), schema)
            }
        };
        Ok((Batches { origin, rest: None, has_failed: false }, schema))
    }

    /// The used columns of a Parquet file.
    #[cfg(feature = "parquet")]
    pub fn of_parquet(file: ParquetFile, uses: &mut Uses<'_>) -> Result<Self> {
        let origin = Origin::Parquet(file.batches(&uses.projected())?);
        Ok(Batches { origin, rest: None, has_failed: false })
    }

    /// Takes the next part; `false` when there is none.
    pub fn next(&mut self, part: &mut ArrowPart) -> Result<bool> {
        // A decoder that failed would take what follows for what it did not finish.
        if self.has_failed {
            return Ok(false);
        }
        let taken = self.take(part);
        self.has_failed = taken.is_err();
        taken
    }

    fn take(&mut self, part: &mut ArrowPart) -> Result<bool> {
        loop {
            let batch = match (self.rest.take(), &mut self.origin) {
                (Some(rest), _) => Some(rest),
                (None, Origin::File(file)) => file.next_batch()?,
                #[cfg(feature = "parquet")]
                (None, Origin::Parquet(file)) => file.next_batch()?,
                (None, Origin::Stream(messages)) => messages.next_batch()?,
            };
            let Some(batch) = batch else { return Ok(false) };
            let n_rows = batch.num_rows();
            if n_rows > MOST_ROWS {
                self.rest = Some(batch.slice(MOST_ROWS, n_rows - MOST_ROWS));
            }
            if n_rows > 0 {
                part.batch = Some(batch.slice(0, n_rows.min(MOST_ROWS)));
                return Ok(true);
            }
        }
    }

    /// Where the last part's batch ends in the input.
    pub fn place(&self) -> u64 {
        match &self.origin {
            Origin::File(file) => file.place(),
            #[cfg(feature = "parquet")]
            Origin::Parquet(file) => file.place(),
            Origin::Stream(messages) => messages.place(),
        }
    }
}

impl<'e> Uses<'e> {
    /// What columns of a schema are for. Those that the model reads and those called `ids` must be there.
    pub fn new(
        schema: &'e Schema,
        needed: &'e [usize],
        ids: &[String],
        arrow: &SchemaRef,
    ) -> Result<Uses<'e>> {
        let names = arrow.fields().iter().map(|field| field.name().as_str());
        let columns = Columns::of_names(schema, needed, ids, names)?;
        let is_read = |&column: &usize| columns.field_of(column).is_some();
        let read = (0..arrow.fields().len()).filter(is_read).collect();
        let mut places: Vec<(usize, usize)> =
            (0..arrow.fields().len()).filter_map(|column| Some((columns.id_of(column)?, column))).collect();
        places.sort_unstable();
        let ids: Vec<usize> = places.into_iter().map(|(_, column)| column).collect();
        let fields = ids.iter().map(|&column| carried::unpacked_field(arrow.field(column))).collect();
        Ok(Uses { schema, needed, read, ids, fields, extra: columns.extra().clone() })
    }

    /// The columns that are used, which batches from now on have alone.
    #[cfg(feature = "parquet")]
    fn projected(&mut self) -> Vec<usize> {
        let mut columns: Vec<usize> = self.read.iter().chain(&self.ids).copied().collect();
        columns.sort_unstable();
        columns.dedup();
        for column in self.read.iter_mut().chain(&mut self.ids) {
            *column = columns.partition_point(|known| known < column);
        }
        columns
    }

    /// The fields of the carried columns in a table of answers.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Makes rows of a part, and gives their number.
    pub fn read(&self, part: &mut ArrowPart) -> Result<usize> {
        let Some(batch) = &part.batch else { return Ok(0) };
        let read = batch.project(&self.read).map_err(|error| internal(&error))?;
        part.rows = Some(ArrowRows::read(self.schema, self.needed, &read)?);
        Ok(batch.num_rows())
    }

    /// Writes what is carried over into `rows`, as text.
    pub fn carry(&self, part: &ArrowPart, rows: &mut Rows) -> Result<()> {
        rows.clear(0, self.ids.len());
        rows.text.clear();
        let Some(batch) = &part.batch else { return Ok(()) };
        rows.push_many(batch.num_rows());
        for (id, &column) in self.ids.iter().enumerate() {
            carried::append(batch.schema_ref().field(column).name(), batch.column(column), id, rows)?;
        }
        Ok(())
    }

    /// What is carried over, as columns.
    pub fn columns(&self, part: &ArrowPart) -> Result<Vec<ArrayRef>> {
        let columns = part.batch.iter().flat_map(|batch| self.ids.iter().map(|&column| batch.column(column)));
        columns.map(carried::unpacked).collect()
    }

    /// The rows of a part as input.
    pub fn input<'p>(&'p self, part: &'p ArrowPart) -> Result<Input<'p>> {
        let none = || Error::new(ErrorKind::Internal, "a part without rows");
        let input = part.rows.as_ref().ok_or_else(none)?.input(self.schema)?;
        Ok(input.with_extra(&self.extra))
    }
}

/// The fields of the carried values of text formats.
pub(super) fn text_fields(ids: &[String]) -> Vec<Field> {
    ids.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect()
}

/// The carried values of text formats as columns.
pub(super) fn text_columns(n_ids: usize, rows: &Rows) -> Vec<ArrayRef> {
    (0..n_ids).map(|id| Arc::new(carried::texts(id, rows)) as ArrayRef).collect()
}

fn internal(error: &ArrowError) -> Error {
    Error::new(ErrorKind::Internal, error.to_string())
}
