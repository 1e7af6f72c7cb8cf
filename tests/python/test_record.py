"""README's figures are those of the newest record."""

from __future__ import annotations

from pathlib import Path

import report
from record import Figure, Record


def test_readme_has_the_figures_of_the_newest_record() -> None:
    assert report.is_current(), "run: .venv/bin/python benches/report.py --write"


def test_the_newest_record_compares_the_same_answers() -> None:
    record = Record.newest()
    assert len({answer for way in record.comparison for answer in way["answers"]}) == 1
    assert record.files["nodes"] >= 10_000_000


def test_a_record_says_what_was_not_measured() -> None:
    record = Record.newest()
    record.figures = [Figure("throttled periods", 0.0, "%", 5)]
    assert "Not measured" not in report.bars(record)
    record.left_out = {"8 callers in a quota": "no control groups with cpu are mounted"}
    said = "Not measured:\n\n* 8 callers in a quota: no control groups with cpu are mounted\n"
    assert said in report.bars(record)


def test_a_part_of_the_bench_without_a_record_says_so(tmp_path: Path) -> None:
    assert report.newest_bars(tmp_path) == report.NO_RECORD
    Record.newest().write(tmp_path)
    assert report.newest_bars(tmp_path) == report.bars(Record.newest(tmp_path))
