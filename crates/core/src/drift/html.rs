//! The report as one page: no scripts, nothing from the network, light and dark.

use super::decision::{ALPHA, FEWEST_ROWS};
use super::report::{Bar, ColumnDrift, ColumnKind, DriftReport};
use super::sentence::percent;
use super::table::{cells, said};
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");
/// Pictures of columns that did not drift are left out; of more than so many that did, too.
const MOST_PICTURES: usize = 60;
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 150.0;
/// Room for labels: below a picture of numbers, and left of one of categories.
const FOOT: f64 = 74.0;
const MARGIN: f64 = 170.0;
const ROW: f64 = 22.0;

impl DriftReport {
    /// The report as a page of HTML that needs nothing else: a summary, a table, a picture of each column that drifted
    /// (the reference behind, live rows in front), and of each output.
    pub fn to_html(&self) -> String {
        let mut page = String::new();
        let summary = escaped(&self.summary());
        page.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.push_str("<link rel=\"icon\" href=\"data:,\">\n<title>Drift</title>\n");
        let _ = write!(page, "<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>Drift</h1>\n<p>{summary}</p>\n");
        let _ = writeln!(
            page,
            "<p class=\"note\">A window without drift has a drifted column in one of {:.0} cases at most; \
             nothing is judged of fewer than {FEWEST_ROWS} rows.</p>",
            1.0 / ALPHA
        );
        page.push_str(LEGEND);
        let drifted = self.columns.iter().filter(|column| column.drifted);
        for column in drifted.take(MOST_PICTURES) {
            picture(&mut page, column);
        }
        page.push_str("<h2>Columns</h2>\n");
        table(&mut page, &self.columns);
        if !self.outputs.is_empty() {
            page.push_str("<h2>Outputs</h2>\n");
            self.outputs.iter().take(MOST_PICTURES).for_each(|output| picture(&mut page, output));
            table(&mut page, &self.outputs);
        }
        page.push_str("</body>\n</html>\n");
        page
    }
}

impl DriftReport {
    /// The report's tables alone, as a part of a page.
    pub fn to_html_table(&self) -> String {
        let mut part = format!("<p>{}</p>\n", escaped(&self.summary()));
        table(&mut part, &self.columns);
        if !self.outputs.is_empty() {
            part.push_str("<p>outputs</p>\n");
            table(&mut part, &self.outputs);
        }
        part
    }
}

const LEGEND: &str = "<p class=\"legend\"><span class=\"reference\"></span> reference \
<span class=\"live\"></span> live</p>\n";

/// The cell of a sentence. Notebooks set cells to the right.
const SAID: &str = "<td class=\"said\" style=\"text-align: left\">";

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn table(page: &mut String, columns: &[ColumnDrift]) {
    page.push_str("<div class=\"wide\"><table>\n<tr><th>column</th><th>drifted</th>");
    page.push_str("<th title=\"Kolmogorov-Smirnov statistic of numbers, Hellinger distance of categories\">");
    page.push_str("distance</th><th title=\"population stability index\">PSI</th>");
    page.push_str("<th title=\"of the mean, in standard deviations of the reference\">shift</th>");
    page.push_str("<th>missing</th><th></th></tr>\n");
    for column in columns {
        page.push_str(if column.drifted { "<tr class=\"drifted\">" } else { "<tr>" });
        cells(column).iter().for_each(|cell| {
            let _ = write!(page, "<td>{}</td>", escaped(cell));
        });
        let _ = writeln!(page, "{SAID}{}</td></tr>", escaped(said(column)));
    }
    page.push_str("</table></div>\n");
}

fn picture(page: &mut String, column: &ColumnDrift) {
    let sentence = escaped(&column.sentence);
    let _ = write!(page, "<figure>\n<figcaption>{sentence}</figcaption>\n");
    match column.kind {
        ColumnKind::Categories => rows(page, &column.bars),
        ColumnKind::Numbers => upright(page, &column.bars),
    }
    page.push_str("</figure>\n");
}

fn greatest(bars: &[Bar]) -> f64 {
    bars.iter().map(|bar| bar.reference.max(bar.live)).fold(f64::MIN_POSITIVE, f64::max)
}

fn title(bar: &Bar) -> String {
    let (label, before, now) = (escaped(&bar.label), percent(bar.reference), percent(bar.live));
    format!("<title>{label}: {before} of the reference, {now} live</title>")
}

/// Bars of numbers, side by side.
fn upright(page: &mut String, bars: &[Bar]) {
    let (step, most) = (WIDTH / bars.len().max(1) as f64, greatest(bars));
    let height = HEIGHT + FOOT;
    let _ = writeln!(page, "<svg viewBox=\"-60 -14 {} {}\" role=\"img\">", WIDTH + 70.0, height + 14.0);
    let _ = writeln!(page, "<line x1=\"0\" y1=\"{HEIGHT}\" x2=\"{WIDTH}\" y2=\"{HEIGHT}\"/>");
    let _ = writeln!(page, "<text x=\"0\" y=\"-3\" class=\"scale\">{}</text>", percent(most));
    for (at, bar) in bars.iter().enumerate() {
        let left = at as f64 * step;
        let (before, now) = (bar.reference / most * HEIGHT, bar.live / most * HEIGHT);
        let _ = write!(page, "<g>{}", title(bar));
        let _ = write!(
            page,
            "<rect class=\"hover\" x=\"{left:.1}\" y=\"0\" width=\"{step:.1}\" height=\"{HEIGHT}\"/>"
        );
        rectangle(page, "reference", [left + step * 0.06, HEIGHT - before, step * 0.88, before]);
        rectangle(page, "live", [left + step * 0.3, HEIGHT - now, step * 0.4, now]);
        let middle = left + step / 2.0;
        let below = HEIGHT + 10.0;
        let _ = writeln!(
            page,
            "<text text-anchor=\"end\" transform=\"translate({:.1} {below}) rotate(-40)\">{}</text></g>",
            middle + 3.0,
            escaped(&bar.label)
        );
    }
    page.push_str("</svg>\n");
}

/// Bars of categories, one below the other.
fn rows(page: &mut String, bars: &[Bar]) {
    let (height, most) = (ROW * bars.len() as f64, greatest(bars));
    let room = WIDTH - MARGIN - 110.0;
    let _ = writeln!(page, "<svg viewBox=\"-60 0 {} {height}\" role=\"img\">", WIDTH + 70.0);
    for (at, bar) in bars.iter().enumerate() {
        let top = at as f64 * ROW;
        let (before, now) = (bar.reference / most * room, bar.live / most * room);
        let _ = write!(page, "<g>{}", title(bar));
        let _ =
            write!(page, "<rect class=\"hover\" x=\"0\" y=\"{top}\" width=\"{WIDTH}\" height=\"{ROW}\"/>");
        rectangle(page, "reference", [MARGIN, top + 2.0, before, ROW - 4.0]);
        rectangle(page, "live", [MARGIN, top + 7.0, now, ROW - 14.0]);
        let base = top + ROW / 2.0 + 4.0;
        let (label, end) = (escaped(&bar.label), MARGIN + before.max(now) + 6.0);
        let _ = write!(page, "<text text-anchor=\"end\" x=\"{}\" y=\"{base}\">{label}</text>", MARGIN - 6.0);
        let shares = format!("{} → {}", percent(bar.reference), percent(bar.live));
        let _ = writeln!(page, "<text class=\"scale\" x=\"{end:.1}\" y=\"{base}\">{shares}</text></g>");
    }
    page.push_str("</svg>\n");
}

fn rectangle(page: &mut String, class: &str, [x, y, width, height]: [f64; 4]) {
    let _ = write!(
        page,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
    );
}
