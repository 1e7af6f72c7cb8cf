//! The Python face: each function converts, calls the core, and converts back.

mod answer;
mod answers;
mod arrays;
mod arrow;
mod budget;
mod cells;
mod drift;
mod engine;
mod error;
mod events;
mod footprint;
mod frames;
mod labels;
mod load;
mod monitoring;
#[cfg(feature = "onnx")]
mod network;
mod objects;
mod packer;
mod prediction;
mod reference;
mod report;
mod rows;
mod rules;
mod source;
mod tasks;
#[cfg(feature = "onnx")]
mod tensors;
mod verdicts;

use pyo3::prelude::*;
use std::ffi::OsString;

/// The native half of `monobloc`.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    monobloc::error::hush_foreign_panics();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    error::register(module)?;
    module.add_class::<engine::Engine>()?;
    module.add_class::<drift::ColumnDrift>()?;
    module.add_class::<drift::DriftReport>()?;
    module.add_class::<tasks::ClassifierEngine>()?;
    module.add_class::<tasks::OutlierDetectorEngine>()?;
    module.add_class::<budget::CpuBudget>()?;
    module.add_class::<budget::CpuSource>()?;
    module.add_class::<footprint::BlocFootprint>()?;
    module.add_class::<footprint::Footprint>()?;
    module.add_class::<footprint::MemoryLimit>()?;
    module.add_class::<report::Constant>()?;
    module.add_class::<report::Health>()?;
    module.add_class::<report::LoadReport>()?;
    module.add_class::<packer::Packer>()?;
    module.add_class::<reference::ReferenceBuilder>()?;
    module.add_class::<verdicts::Finding>()?;
    module.add_class::<prediction::Prediction>()?;
    module.add_class::<verdicts::Verdict>()?;
    module.add_class::<verdicts::Verdicts>()?;
    #[cfg(feature = "onnx")]
    {
        module.add_class::<network::NetworkDraft>()?;
        module.add_function(wrap_pyfunction!(network::read_network, module)?)?;
        module.add_function(wrap_pyfunction!(network::supported_operators, module)?)?;
    }
    module.add_function(wrap_pyfunction!(budget::cpu_budget, module)?)?;
    module.add_function(wrap_pyfunction!(footprint::footprint, module)?)?;
    module.add_function(wrap_pyfunction!(load::load, module)?)?;
    module.add_function(wrap_pyfunction!(load::_reload, module)?)?;
    module.add_function(wrap_pyfunction!(packer::is_tree_file, module)?)?;
    module.add_function(wrap_pyfunction!(packer::pack_trees, module)?)?;
    module.add_function(wrap_pyfunction!(packer::xgboost_levels, module)?)?;
    module.add_function(wrap_pyfunction!(rules::amend_rules, module)?)?;
    module.add_function(wrap_pyfunction!(rules::with_rules, module)?)?;
    module.add_function(wrap_pyfunction!(run_command, module)?)
}

/// Runs the command line `monobloc ARGUMENTS` and gives its exit status.
#[pyfunction]
fn run_command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| monobloc_cli::run(arguments))
}
