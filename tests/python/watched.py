"""A small forest on columns of each kind, packed, whose model does not read one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

UNREAD = "note"


def people(n_rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": random.integers(18, 90, n_rows),
            "balance": random.normal(1_000, 300, n_rows).round(2),
            "country": random.choice(["FR", "DE", "US"], n_rows, p=[0.5, 0.3, 0.2]),
            UNREAD: random.choice(["a", "b"], n_rows),
        }
    )


def renamed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(country=frame["country"].replace("US", "USA"))


def pack(path: Path, **options: Any) -> Path:
    """The bloc, whose reference and validation rows are the people of seeds 0 and 1."""
    seen, unseen = people(4_000, 0), people(2_000, 1)
    columns = make_column_transformer(
        ("passthrough", ["age", "balance"]),
        (OneHotEncoder(handle_unknown="ignore"), ["country"]),
    )
    forest = RandomForestClassifier(10, max_depth=8, random_state=0)
    noise = np.random.default_rng(0).normal(0, 200, len(seen))
    target = np.where(seen["balance"] + noise > 1_000, "yes", "no")
    model = make_pipeline(columns, forest).fit(seen, target)
    monobloc.pack(model, path, reference=seen, validation=unseen, **options)
    return path
