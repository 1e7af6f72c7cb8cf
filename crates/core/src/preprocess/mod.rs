//! Fitted preprocessing: the steps that turn a tile of input rows into a tile of the feature matrix.
//!
//! One step, one file, one shape: `read` proves a step of the manifest, `run` computes a tile. The list
//! of steps is written once, at the bottom of this file.

mod bounds;
mod categories;
mod checks;
mod missing;
mod pipeline;
mod reading;
mod tile;

pub use pipeline::Pipeline;
pub(crate) use tile::{Checks, Scratch};

use crate::error::{Error, Result};
use categories::Categories;
use reading::Reading;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tile::Tile;

/// A step of the manifest, proven and ready to run.
trait Step: Sized {
    /// The step's JSON without its kind and path.
    type Spec: DeserializeOwned;

    /// Proves the step and appends its outputs to the slots.
    fn read(spec: Self::Spec, reading: &mut Reading<'_>) -> Result<Self>;

    /// Computes the outputs for the tile's rows.
    fn run(&self, tile: &mut Tile<'_>);
}

/// The step's own fields: those that every step has are the registry's.
fn read_spec<S: Step>(json: &RawValue) -> Result<S::Spec> {
    let malformed = |error: serde_json::Error| Error::corrupt(error.to_string());
    let mut fields: Map<String, Value> = serde_json::from_str(json.get()).map_err(malformed)?;
    fields.remove("step");
    fields.remove("path");
    S::Spec::deserialize(Value::Object(fields)).map_err(malformed)
}

macro_rules! steps {
    ($($module:ident: $step:ident;)+) => {
        $(mod $module;)+

        #[derive(Debug)]
        enum AnyStep {
            $($step($module::$step),)+
        }

        impl AnyStep {
            fn read(kind: &str, json: &RawValue, reading: &mut Reading<'_>) -> Result<AnyStep> {
                match kind {
                    $(stringify!($module) => {
                        let spec = read_spec::<$module::$step>(json)?;
                        Ok(AnyStep::$step($module::$step::read(spec, reading)?))
                    })+
                    _ => Err(Error::corrupt(format!("unknown step {kind:?}"))),
                }
            }

            fn run(&self, tile: &mut Tile<'_>) {
                match self {
                    $(AnyStep::$step(step) => step.run(tile),)+
                }
            }
        }

        /// The kinds of steps that a bloc can hold, in alphabetical order.
        pub const STEP_KINDS: &[&str] = &[$(stringify!($module),)+];
    };
}

impl AnyStep {
    /// The categories that a step looks values up in.
    fn categories(&self) -> Vec<&Categories> {
        match self {
            AnyStep::OneHotEncoder(step) => step.categories().collect(),
            AnyStep::OrdinalEncoder(step) => step.categories().collect(),
            _ => Vec::new(),
        }
    }
}

steps! {
    cast: Cast;
    check_finite: CheckFinite;
    input: Load;
    min_max_scaler: MinMaxScaler;
    missing_indicator: MissingIndicator;
    one_hot_encoder: OneHotEncoder;
    ordinal_encoder: OrdinalEncoder;
    simple_imputer: SimpleImputer;
    standard_scaler: StandardScaler;
    to_sparse: ToSparse;
}
