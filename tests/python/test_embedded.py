"""The bench of the C face, small: it measures what it says, and steady calls allocate nothing."""

from __future__ import annotations

from pathlib import Path

import embedded
import pytest

pytestmark = pytest.mark.usefixtures("one_thread")


def test_setting_and_predicting_a_row_allocates_nothing(tmp_path: Path) -> None:
    program = embedded.compiled(tmp_path)
    figures = embedded.prepared_row(tmp_path / "mixed", program, embedded.SIZES["small"])
    assert all(figure.measured > 0 for figure in figures[:-1])
    assert "allocations" in figures[-1].what
    assert figures[-1].measured == 0
