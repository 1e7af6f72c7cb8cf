//! What needs Arrow's IPC format: bodies of record batches, and golden rows, which blocs keep in it. Small libraries go
//! without it.

use monobloc::{Bloc, Engine, Result};

#[cfg(feature = "ipc")]
pub use with::{replay_golden, run_arrow};
#[cfg(not(feature = "ipc"))]
pub use without::{replay_golden, run_arrow};

#[cfg(feature = "ipc")]
mod with {
    use super::{Bloc, Engine, Result};
    use monobloc::{LoadOptions, golden};

    /// The answers to a body of record batches.
    pub fn run_arrow(engine: &Engine, body: &[u8]) -> Result<Vec<u8>> {
        engine.run_arrow(body)
    }

    /// Whether a bloc that is loaded again gives the source model's answers.
    pub fn replay_golden(bloc: &Bloc) -> Result<()> {
        let options = LoadOptions::default().digest(bloc.digest()).without_monitor();
        golden::replay(&Engine::load(bloc.path(), &options)?)?.check(bloc.path())
    }
}

#[cfg(not(feature = "ipc"))]
mod without {
    use super::{Bloc, Engine, Result};
    use monobloc::{Error, ErrorKind};

    /// Refuses.
    pub fn run_arrow(_: &Engine, _: &[u8]) -> Result<Vec<u8>> {
        let message = "a body in Arrow's IPC format, which this library is built without (feature `ipc`); expected \
                       Arrow arrays or streams (monobloc_rows_from_arrow_stream), columns, or JSON";
        Err(Error::new(ErrorKind::Unsupported, message))
    }

    /// Refuses.
    pub fn replay_golden(bloc: &Bloc) -> Result<()> {
        let message = format!(
            "{}: golden rows are kept in Arrow's IPC format, which this library is built without (feature `ipc`); \
             `monobloc verify` replays them",
            bloc.path().display()
        );
        Err(Error::new(ErrorKind::Unsupported, message))
    }
}
