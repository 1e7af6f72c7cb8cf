"""Rows that a source refuses: what an engine must say of them, and what it may answer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import monobloc
import numpy as np
import pytest


def told(engine: Any, ask: Callable[[Any], Any], row: Any) -> str:
    """Hold the engine to its word on a table of one row, which its source refuses.

    Either the row is rejected, with a field, and the call for answers raises; or the values that
    the verdict names are used, and the answer is the source's on the row with these values.
    `ask` gives the source's answers. Returns the row's status.
    """
    prediction = engine.run(row)
    verdict = prediction.verdicts[0]
    names = [str(name) for name in engine.feature_names_in_]
    assert verdict.findings
    assert {finding.field for finding in verdict.findings} <= set(names)
    answer = getattr(engine, "predict_proba", engine.predict)
    assert [v.status for v in engine.check(row)] == [verdict.status]
    if verdict.status == "rejected":
        with pytest.raises(monobloc.RowsRejected) as caught:
            answer(row)
        found = [finding for finding in verdict.findings if finding.status == "rejected"]
        assert caught.value.row == 0
        assert caught.value.field == found[0].field
        assert f"row 0, field {found[0].field!r}".replace("'", '"') in str(caught.value)
        return "rejected"
    changes = [f for f in verdict.findings if f.status == "repaired" or f.used is not None]
    assert verdict.status == "repaired" or changes, verdict
    used = {finding.field: finding.used for finding in changes}
    expected = np.asarray(answers_with(ask, row, names, used))
    assert np.asarray(answer(row)).tobytes() == expected.tobytes(), (used, verdict)
    return verdict.status


def answers_with(
    ask: Callable[[Any], Any], row: Any, names: list[str], values: dict[str, Any]
) -> Any:
    """The source's answers with these values, None being a missing one, NaN or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ask(with_values(row, names, values, np.nan))
        except ValueError:
            return ask(with_values(row, names, values, None))


def with_values(row: Any, names: list[str], values: dict[str, Any], missing: Any) -> Any:
    changed = row.copy()
    for name, value in values.items():
        value = missing if value is None else value
        if not hasattr(changed, "iloc"):
            changed[0, names.index(name)] = value
            continue
        column = changed[name] if name in changed else changed.iloc[:, names.index(name)]
        label = column.name
        if column.dtype.name == "category" and value == value:
            changed[label] = column.cat.set_categories({*column.cat.categories, value})
        elif column.dtype.kind not in "fO" and not isinstance(value, str):
            changed[label] = column.astype("float64")
        changed.loc[changed.index[0], label] = value
    return changed
