"""What a column of texts is: numbers, categories, or nothing that a model can learn from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from table_file import DataError

NUMBER_SHARE = 0.9
"""From this share of numbers on, a column's other texts are taken as missing."""
DIFFERENT_SHARE = 0.5
"""Texts of which more than this share are different are no categories."""
MOST_CLASSES = 100
MOST_NUMBERED_CLASSES = 20
FEWEST_OF_A_CLASS = 5

_CODE = r"0\d+"
_DATE = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?:[ T].*)?"
_IDENTIFIER = re.compile(
    r"(?:^|[\W_])(?:id|uuid|guid|key|index|no|nr|number)$|^id[\W_]|[a-z](?:Id|ID|No|Nr)$",
)


@dataclass(frozen=True)
class Column:
    """A column and what becomes of it."""

    name: str
    kind: Literal["number", "category", "left out"]
    about: str
    """What it holds, or why it is left out."""


@dataclass(frozen=True)
class Target:
    """What is predicted, missing where a row can't be used."""

    name: str
    task: Literal["classification", "regression"]
    values: pd.Series
    about: str


def numbers(texts: pd.Series) -> pd.Series:
    """The finite numbers among texts, NaN elsewhere; int64 where all are integers."""
    parsed = pd.to_numeric(texts.astype(object), errors="coerce")
    if parsed.dtype == np.int64:
        return parsed
    known = np.isfinite(parsed.astype(np.float64)).to_numpy()
    values = np.full(len(texts), np.nan)
    # Python's float rounds correctly, which pandas' own conversion does not always.
    values[known] = [float(text) for text in texts[known]]
    return pd.Series(values, texts.index, name=texts.name)


def describe(name: str, texts: pd.Series) -> Column:
    """The kind of a column."""
    known = texts.dropna()
    different = known.nunique()
    missing = f"; {1 - len(known) / len(texts):.1%} missing" if len(known) < len(texts) else ""
    if not different:
        return Column(name, "left out", "no value in any row")
    if different == 1 and not missing:
        return Column(name, "left out", f"constant: {short(known.iloc[0])} in every row")
    values = numbers(known)
    if values.notna().mean() >= NUMBER_SHARE and not known.str.fullmatch(_CODE).any():
        if _counts_rows(name, values):
            return Column(name, "left out", "identifier-like: a whole number of its own per row")
        return Column(name, "number", _range(values) + _no_numbers(known, values) + missing)
    if known.str.fullmatch(_DATE).mean() >= NUMBER_SHARE:
        return Column(name, "left out", "dates; make numbers of them first, such as days since")
    if different > DIFFERENT_SHARE * len(known):
        if different == len(known) and not known.str.contains(r"\s").any():
            return Column(name, "left out", "identifier-like: a text of its own per row")
        share = different / len(known)
        return Column(name, "left out", f"free text: {share:.0%} of the values are different")
    often = ", ".join(short(text) for text in known.value_counts().index[:3])
    return Column(name, "category", f"{different:,} values, most often {often}{missing}")


def target(name: str, texts: pd.Series, task: str | None = None) -> Target:
    """What a column is predicted as: `task`, or what its values look like."""
    known = texts.dropna()
    if known.empty:
        raise DataError(f"the target {name!r} has no value in any row")
    values = numbers(known)
    numeric = values.dropna()
    mostly_numbers = len(numeric) >= NUMBER_SHARE * len(known)
    whole = len(numeric) == len(known) and bool((numeric % 1 == 0).all())
    if task is None:
        few = known.nunique() <= (MOST_NUMBERED_CLASSES if whole else 2)
        task = "regression" if mostly_numbers and not few else "classification"
    if task == "classification":
        return _classes(name, texts, values.astype(np.int64) if whole else known)
    if not mostly_numbers:
        raise DataError(
            f"the target {name!r} holds {short(known[values.isna()].iloc[0])}; regression expects "
            "numbers"
        )
    if numeric.nunique() == 1:
        raise DataError(f"the target {name!r} is {numeric.iloc[0]:g} in every row")
    about = _range(numeric) + _no_numbers(known, values)
    return Target(name, "regression", values.astype(np.float64).reindex(texts.index), about)


def short(text: str) -> str:
    """A text as an error or a table shows it."""
    return repr(text if len(text) <= 24 else text[:23] + "…")


def _classes(name: str, texts: pd.Series, known: pd.Series) -> Target:
    counts = known.value_counts()
    if len(counts) > MOST_CLASSES:
        raise DataError(
            f"the target {name!r} has {len(counts):,} different values, such as "
            f"{short(str(counts.index[0]))}; expected numbers, or at most {MOST_CLASSES} classes"
        )
    kept = counts[counts >= FEWEST_OF_A_CLASS]
    if len(kept) < 2:
        found = ", ".join(
            f"{short(str(value))} in {n:,} of {len(known):,}" for value, n in counts[:5].items()
        )
        raise DataError(
            f"the target {name!r} has no two classes of {FEWEST_OF_A_CLASS} rows or more, but "
            f"{found}"
        )
    about = f"{len(kept)} classes: " + ", ".join(
        f"{short(str(value))} {n / kept.sum():.1%}" for value, n in kept.iloc[:5].items()
    )
    if len(kept) < len(counts):
        about += f"; rarer ones left out: {len(counts) - len(kept)}"
    values = known[known.isin(kept.index)].astype(object).reindex(texts.index)
    return Target(name, "classification", values, about)


def _counts_rows(name: str, values: pd.Series) -> bool:
    """Whole numbers, each once, that are called an identifier or have no large gaps."""
    if values.isna().any() or (values % 1 != 0).any() or not values.is_unique:
        return False
    dense = values.max() - values.min() < 2 * len(values)
    return bool(dense) or _IDENTIFIER.search(name) is not None


def _range(values: pd.Series) -> str:
    return f"{values.nunique():,} values, {values.min():,.7g} to {values.max():,.7g}"


def _no_numbers(known: pd.Series, values: pd.Series) -> str:
    others = known[values.isna()]
    if others.empty:
        return ""
    return f"; no number {len(others):,} times ({short(others.iloc[0])}), taken as missing"
