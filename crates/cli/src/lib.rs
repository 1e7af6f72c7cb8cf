//! The `monobloc` command.
/// x
pub fn run(_arguments: Vec<String>) -> u8 {
    0
}
