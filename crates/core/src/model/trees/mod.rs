//! Tree ensembles in their mapped layout: building, and walking in several ways that give the same leaves.
//!
//! [`naive`] is the oracle and is never deleted; [`fast`] is what engines use, which hands boosted trees to
//! [`ranked`] and, where the processor has AVX-512, forests on float32 to `gathers`.

mod backend;
pub mod build;
mod columns;
pub mod fast;
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod gathers;
mod layout;
pub mod naive;
mod node;
pub mod ranked;
mod sets;
pub mod source;

pub use fast::Scratch;
pub use layout::Forest;

#[cfg(test)]
mod tests;
