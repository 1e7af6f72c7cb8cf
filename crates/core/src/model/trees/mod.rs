//! Tree ensembles in their mapped layout: building, and walking in two ways that give the same leaves.
//!
//! [`naive`] is the oracle and is never deleted; [`fast`] is what engines use.

pub mod build;
pub mod fast;
mod layout;
pub mod naive;
mod node;
pub mod source;

pub use layout::Forest;

#[cfg(test)]
mod tests;
