"""README's figures are those of the newest record."""

from __future__ import annotations

import report
from record import Record


def test_readme_has_the_figures_of_the_newest_record() -> None:
    assert report.is_current(), "run: .venv/bin/python benches/report.py --write"


def test_the_newest_record_compares_the_same_answers() -> None:
    record = Record.newest()
    assert len({answer for way in record.comparison for answer in way["answers"]}) == 1
    assert record.files["nodes"] >= 10_000_000
