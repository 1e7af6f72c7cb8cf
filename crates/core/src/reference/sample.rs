//! A sample of numbers that one pass over any number of them leaves: all of up to [`CAPACITY`], and beyond that
//! every second one of each pair of neighbours, counted twice, again and again.
//!
//! Each halving moves the rank of a number by at most half of a weight, alternately up and down (J. I. Munro and
//! M. S. Paterson, Selection and sorting with limited storage, Theoretical Computer Science 12, 1980). Of N numbers a
//! rank is off by at most log2(2 N / CAPACITY) / CAPACITY of N: 0.02 % of a thousand million.

/// Numbers that are kept as they are, of each level.
pub(super) const CAPACITY: usize = 1 << 17;

/// The sample.
#[derive(Debug, Default)]
pub(super) struct Sample {
    /// Numbers that stand for 2^level each, by level.
    levels: Vec<Vec<f64>>,
    is_odd: bool,
}

impl Sample {
    pub fn add(&mut self, number: f64) {
        self.push(0, number);
    }

    fn push(&mut self, level: usize, number: f64) {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        self.levels[level].push(number);
        if self.levels[level].len() < CAPACITY {
            return;
        }
        let mut full = std::mem::take(&mut self.levels[level]);
        full.sort_unstable_by(f64::total_cmp);
        let first = usize::from(self.is_odd);
        self.is_odd = !self.is_odd;
        full.into_iter().skip(first).step_by(2).for_each(|number| self.push(level + 1, number));
    }

    /// The numbers in ascending order, each with how many it stands for; equal ones together.
    pub fn sorted(&self) -> Vec<(f64, u64)> {
        let weighted = self.levels.iter().enumerate();
        let mut all: Vec<(f64, u64)> = weighted
            .flat_map(|(level, numbers)| numbers.iter().map(move |&number| (number, 1 << level)))
            .collect();
        all.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        all.dedup_by(|next, one| {
            let same = next.0 == one.0;
            one.1 += if same { next.1 } else { 0 };
            same
        });
        all
    }
}
