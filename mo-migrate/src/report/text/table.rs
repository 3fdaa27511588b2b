//! Cells in columns, by the width that they have on a terminal.

use crate::error::printable;

pub(crate) const BOLD: &str = "\x1b[1m";
pub(crate) const DIM: &str = "\x1b[2m";
pub(crate) const GREEN: &str = "\x1b[32m";
pub(crate) const RED: &str = "\x1b[31m";
pub(crate) const YELLOW: &str = "\x1b[33m";
const RESET: &str = "\x1b[0m";

/// The text in a style, where there is colour.
pub(crate) fn paint(color: bool, style: &str, text: &str) -> String {
    if color && !style.is_empty() { format!("{style}{text}{RESET}") } else { text.to_owned() }
}

/// The text in one line, without anything that would move the cursor.
pub(crate) fn one_line(text: &str) -> String {
    printable(text).replace('\n', " ")
}

/// A title with its lines below it, and a blank one; nothing where there are no lines.
pub(crate) fn section(color: bool, title: &str, body: &str) -> String {
    if body.is_empty() { String::new() } else { format!("{}\n{body}\n", paint(color, BOLD, title)) }
}

/// A cell: its text, made harmless, and its style.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    style: &'static str,
}

impl Cell {
    pub(crate) fn styled(text: &str, style: &'static str) -> Self {
        Self { text: one_line(text), style }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::styled(text, "")
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::styled(&text, "")
    }
}

/// Rows of cells; each column is as wide as its widest cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table(Vec<Vec<Cell>>);

impl Table {
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.0.push(cells.into());
    }

    /// The rows, indented by two, each with its line end.
    pub(crate) fn to_text(&self, color: bool) -> String {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|at| {
                self.0
                    .iter()
                    .filter_map(|row| row.get(at))
                    .map(|cell| width(&cell.text))
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for row in &self.0 {
            let mut line = String::new();
            for (cell, widest) in row.iter().zip(&widths) {
                let blanks = widest.saturating_sub(width(&cell.text));
                line.push_str("  ");
                line.push_str(&paint(color && !cell.text.is_empty(), cell.style, &cell.text));
                line.push_str(&" ".repeat(blanks));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// How many columns a terminal gives a character: East Asian wide ones and emoji two, marks none.
fn char_width(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_with_wide_characters_too() {
        let mut table = Table::default();
        table.row(["産品".into(), "1".into()]);
        table.row(["abc".into(), "22".into()]);
        table.row(["e\u{301}".into(), String::new().into()]);
        assert_eq!(table.to_text(false), "  産品  1\n  abc   22\n  e\u{301}\n");
    }

    #[test]
    fn a_name_from_a_database_can_neither_break_a_line_nor_colour_it() {
        let mut table = Table::default();
        table.row(["a\nb\u{1b}[31m".into()]);
        assert_eq!(table.to_text(true), "  a b\u{241b}[31m\n");
    }

    #[test]
    fn colour_does_not_count_as_width() {
        let mut table = Table::default();
        table.row([Cell::styled("ok", GREEN), "x".into()]);
        table.row(["long".into(), "y".into()]);
        assert_eq!(table.to_text(true), "  \u{1b}[32mok\u{1b}[0m    x\n  long  y\n");
    }
}
