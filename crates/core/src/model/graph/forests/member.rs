//! The member that holds a graph's forests: a table, and sections in the layout of `forest.bin`.

use crate::bloc::Bloc;
use crate::error::{Error, Result};
use crate::mapped::View;
use std::sync::atomic::Ordering;

/// The member's name, and the version of its layout.
pub(crate) const MEMBER: &str = "forests.bin";
pub(crate) const VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"MBWOODS\0";
const ALIGNMENT: usize = 64;

/// The member's bytes: magic, the number of forests, offset and length of each, and the forests.
pub(super) fn write(forests: &[Vec<u8>]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend((forests.len() as u64).to_le_bytes());
    let mut end = 16 * (forests.len() + 1);
    for forest in forests {
        let offset = end.next_multiple_of(ALIGNMENT);
        out.extend((offset as u64).to_le_bytes());
        out.extend((forest.len() as u64).to_le_bytes());
        end = offset + forest.len();
    }
    for forest in forests {
        out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
        out.extend_from_slice(forest);
    }
    out
}

/// The forests of the bloc.
pub(super) fn read(bloc: &Bloc) -> Result<Vec<View>> {
    let member = bloc.section(MEMBER);
    let member = member.ok_or_else(|| Error::corrupt(format!("the bloc has no member {MEMBER}")))?;
    split(&member)
}

fn split(member: &View) -> Result<Vec<View>> {
    let corrupt = |what: String| Error::corrupt(format!("reading {MEMBER}: {what}"));
    let words = member.words().ok_or_else(|| corrupt("it does not begin on a word".to_owned()))?;
    let word = |at: usize| words.get(at).map(|word| word.load(Ordering::Relaxed));
    let count = word(1).filter(|_| word(0).is_some_and(|magic| magic.to_le_bytes() == *MAGIC));
    let count = count.ok_or_else(|| corrupt("it does not begin as it should".to_owned()))?;
    let table = usize::try_from(count).ok().and_then(|count| words.get(2..)?.get(..count.checked_mul(2)?));
    let table = table.ok_or_else(|| corrupt(format!("a table of {count} forests does not fit")))?;
    let forest = |(number, entry): (usize, &[std::sync::atomic::AtomicU64])| {
        let [offset, length] = std::array::from_fn(|at| entry[at].load(Ordering::Relaxed));
        member.slice(offset, length).ok_or_else(|| {
            corrupt(format!("forest {number} has {length} bytes at {offset}; there are {}", member.len()))
        })
    };
    table.chunks_exact(2).enumerate().map(forest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forests_come_back() {
        let forests = [vec![1; 70], vec![], vec![2; 3]];
        let views = split(&View::of_bytes(&write(&forests))).expect("forests");
        let bytes = |view: &View| -> Vec<u8> {
            view.bytes().iter().map(|byte| byte.load(Ordering::Relaxed)).collect()
        };
        assert_eq!(views.iter().map(bytes).collect::<Vec<_>>(), forests);
    }

    #[test]
    fn damage_is_refused() {
        let sound = write(&[vec![1; 70]]);
        for (at, byte) in [(0, b'X'), (8, 9), (15, 0xFF), (16, 0xFF), (31, 0xFF), (24, 71)] {
            let mut bytes = sound.clone();
            bytes[at] = byte;
            let error = split(&View::of_bytes(&bytes)).expect_err("damage");
            assert!(error.to_string().starts_with("reading forests.bin: "), "{error}");
        }
        assert!(split(&View::of_bytes(&sound[..12])).is_err());
    }
}
