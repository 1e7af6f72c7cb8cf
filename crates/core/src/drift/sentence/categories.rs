//! Sentences about categories.

use super::{moved_from, percent};
use crate::drift::LiveCounts;
use crate::drift::decision::Reason;
use crate::drift::measures::Rate;
use crate::drift::picture::quoted;
use crate::reference::{Categories, Distribution, OWN};

/// A category that is so many times as frequent as all unnamed ones of the reference together is told by name.
const MUCH_MORE: f64 = 5.0;

/// A category with its shares of the reference's values and of live ones.
struct Share {
    name: String,
    is_known: bool,
    /// Whether the reference's share is only known to be no more.
    is_at_most: bool,
    rate: Rate,
}

impl Share {
    fn moved(&self) -> String {
        let before = percent(self.rate.reference);
        let at_most = format!("at most {}", before.trim_start_matches("less than "));
        moved_from(&self.name, &self.rate, if self.is_at_most { &at_most } else { &before })
    }
}

/// What a person would say about categories.
pub(super) fn of_categories(
    distribution: &Distribution,
    categories: &Categories,
    live: &LiveCounts,
    reason: Reason,
) -> String {
    if let Reason::Frozen(bin) = reason {
        return format!("always {}: frozen", quoted(&categories.names()[bin - OWN]));
    }
    let shares = shares(distribution, categories, live);
    let rise = |share: &&Share| share.rate.live - share.rate.reference;
    let by_rise = |one: &&Share, other: &&Share| rise(one).total_cmp(&rise(other));
    let risen = shares.iter().max_by(by_rise).filter(|share| rise(share) > 0.0);
    let fallen = shares.iter().min_by(by_rise).filter(|share| rise(share) < 0.0);
    let (Some(risen), Some(fallen)) = (risen, fallen) else {
        return "another distribution".to_owned();
    };
    let (up, down) = (rise(&risen), -rise(&fallen));
    let was_rare = risen.rate.reference <= 0.2 * risen.rate.live || !risen.is_known;
    let is_rename =
        was_rare && fallen.rate.live <= 0.2 * fallen.rate.reference && up >= down / 2.0 && down >= up / 2.0;
    let both = format!("{}, {}", risen.moved(), fallen.moved());
    let all_new = live.counts[live.counts.len() - 1] as f64 >= 0.95 * live.values() as f64;
    match (is_rename, risen.is_known) {
        _ if all_new && categories.is_complete() => {
            format!("{both}: hardly a category of the reference is left: other spellings?")
        }
        (true, true) => format!("{both}: a renamed category"),
        (true, false) => format!("{both}: a renamed category?"),
        (false, _) => both,
    }
}

fn shares(distribution: &Distribution, categories: &Categories, live: &LiveCounts) -> Vec<Share> {
    let counts = distribution.counts();
    let (m, n) = (counts[OWN..].iter().sum::<u64>().max(1) as f64, live.values().max(1) as f64);
    let share = |name: String, a: u64, b: u64| {
        let rate = Rate { reference: a as f64 / m, live: b as f64 / n, p_value: 1.0 };
        Share { name, is_known: true, is_at_most: false, rate }
    };
    let last = OWN + categories.names().len();
    let named = categories.names().iter().enumerate();
    let mut all: Vec<Share> =
        named.map(|(at, name)| share(quoted(name), counts[OWN + at], live.counts[OWN + at])).collect();
    let mut rest = live.counts[last];
    for (name, count) in &live.examples {
        // No category that is not named has more rows of the reference than all of them together.
        let example =
            Share { is_at_most: !categories.is_complete(), ..share(quoted(name), counts[last], *count) };
        if example.rate.live >= MUCH_MORE * example.rate.reference {
            rest = rest.saturating_sub(*count);
            all.push(example);
        }
    }
    let others = share(categories.bin_name(categories.names().len()), counts[last], rest);
    all.push(Share { is_known: false, ..others });
    all
}
