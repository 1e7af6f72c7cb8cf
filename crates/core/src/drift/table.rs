//! The report as text.

use super::report::{ColumnDrift, DriftReport};
use super::sentence::percent;
use std::fmt;

/// Characters of a name that are printed.
const LONGEST_NAME: usize = 24;
const HEADINGS: [&str; 7] = ["column", "drifted", "distance", "PSI", "shift", "missing", ""];

/// A summary, and a line for each column and output.
impl fmt::Display for DriftReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.summary())?;
        table(formatter, &self.columns)?;
        if !self.outputs.is_empty() {
            writeln!(formatter, "\noutputs")?;
            table(formatter, &self.outputs)?;
        }
        Ok(())
    }
}

impl DriftReport {
    /// How many columns drifted, of how many rows.
    pub fn summary(&self) -> String {
        let of = |columns: &[ColumnDrift]| columns.iter().filter(|column| column.drifted).count();
        let counted = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let mut summary = match self.window.judged {
            false => "nothing is judged".to_owned(),
            true => format!("{} of {} drifted", of(&self.columns), counted(self.columns.len(), "column")),
        };
        if self.window.judged && !self.outputs.is_empty() {
            let outputs = counted(self.outputs.len(), "output");
            summary.push_str(&format!(", {} of {outputs}", of(&self.outputs)));
        }
        summary.push_str(&format!(": {}", counted(self.window.rows as usize, "live row")));
        if let Some(seconds) = self.window.window.seconds {
            summary.push_str(&format!(" of {}", duration(seconds)));
        }
        if let Some(workers) = self.window.window.workers {
            summary.push_str(&format!(" by {}", counted(workers as usize, "worker")));
        }
        summary.push_str(&format!(", {} in the reference", self.window.reference_rows));
        summary
    }
}

fn duration(seconds: f64) -> String {
    match seconds {
        few if few < 120.0 => format!("{few:.0} seconds"),
        more if more < 7_200.0 => format!("{:.0} minutes", more / 60.0),
        many => format!("{:.1} hours", many / 3_600.0),
    }
}

/// The cells of a column: its name, whether it drifted, the Kolmogorov-Smirnov statistic of numbers or the Hellinger
/// distance of categories, the population stability index, the mean's shift, and the share of missing values.
pub(super) fn cells(column: &ColumnDrift) -> [String; 6] {
    let measures = &column.measures;
    let three = |measure: Option<f64>| measure.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    let distance = match measures.ks {
        Some(ks) => format!("KS {:.3}", ks.statistic),
        None => measures.hellinger.map_or_else(|| "-".to_owned(), |value| format!("H {value:.3}")),
    };
    let drifted = match (&column.silence, column.drifted) {
        (Some(_), _) => "-",
        (None, true) => "yes",
        (None, false) => "no",
    };
    let shift = measures.mean_shift.map_or_else(|| "-".to_owned(), |mean| format!("{:+.2}", mean.shift));
    let name: String = column.name.chars().take(LONGEST_NAME).flat_map(char::escape_debug).collect();
    [name, drifted.to_owned(), distance, three(measures.psi), shift, percent(measures.missing.live)]
}

/// What is said of a column, after its name.
pub(super) fn said(column: &ColumnDrift) -> &str {
    column.sentence.strip_prefix(&format!("{}: ", column.name)).unwrap_or(&column.sentence)
}

fn table(formatter: &mut fmt::Formatter<'_>, columns: &[ColumnDrift]) -> fmt::Result {
    let rows: Vec<[String; 6]> = columns.iter().map(cells).collect();
    let width = |at: usize| {
        let longest = rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
        longest.max(HEADINGS[at].len())
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |cells: [&str; 6], said: &str| {
        let mut line = String::new();
        for (at, (cell, width)) in cells.into_iter().zip(widths).enumerate() {
            let padding = " ".repeat(width - cell.chars().count());
            line += &if at < 2 { format!("{cell}{padding}  ") } else { format!("{padding}{cell}  ") };
        }
        (line + said).trim_end().to_owned()
    };
    writeln!(formatter, "{}", line(std::array::from_fn(|at| HEADINGS[at]), HEADINGS[6]))?;
    for (row, column) in rows.iter().zip(columns) {
        writeln!(formatter, "{}", line(std::array::from_fn(|at| row[at].as_str()), said(column)))?;
    }
    Ok(())
}
