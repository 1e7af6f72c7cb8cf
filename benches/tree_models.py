"""The tree ensembles that are measured, trained once and kept under target/bench/trees.

    python tree_models.py MODEL SIZE FOLDER

It runs where the libraries that train are installed. The folder then holds the model as joblib's
and as the library's own file, live rows, what the library says of them, and `facts.json`.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
LIVE_ROWS = 10_000
REFERENCE_ROWS = 20_000
REGIONS = 47
"""Columns for the regions, which makes 83 columns in all."""
SEED = 20_261


@dataclass(frozen=True)
class Size:
    """How much is trained."""

    rows: int
    boosted_trees: int
    shallow_trees: int
    deep_rows: int
    deep_trees: int


SIZES = {
    "small": Size(20_000, 50, 10, 20_000, 20),
    "default": Size(160_000, 1000, 100, 60_000, 500),
}
TITLES = {
    "lightgbm": "LightGBM",
    "xgboost": "XGBoost",
    "forest": "shallow forest",
    "deep-forest": "deep forest",
}


@dataclass(frozen=True)
class Facts:
    """What is known of a trained model before it is loaded."""

    model: str
    trees: int
    nodes: int
    columns: int
    dtype: str
    """Of the live rows."""

    @classmethod
    def read(cls, folder: Path) -> Facts:
        return cls(**json.loads((folder / "facts.json").read_text()))

    @property
    def library(self) -> str:
        """The library that trained it."""
        return self.model if self.is_boosted else "scikit-learn"

    @property
    def is_boosted(self) -> bool:
        return not self.model.endswith("forest")

    @property
    def file(self) -> str:
        """The library's own file."""
        return {"lightgbm": "model.txt", "xgboost": "model.ubj"}.get(self.model, "model.joblib")

    @property
    def title(self) -> str:
        return TITLES[self.model]

    def rows(self, folder: Path) -> np.ndarray:
        """The live rows."""
        return np.fromfile(folder / "rows.bin", self.dtype).reshape(-1, self.columns)


def train(model: str, size: Size, folder: Path) -> None:
    import joblib

    forest = model.endswith("forest")
    rows = size.deep_rows if model == "deep-forest" else size.rows
    dtype = np.dtype(np.float64 if model == "lightgbm" else np.float32)
    features, target, live = _matrices(rows, dtype, filled=forest)
    trained = _untrained(model, size).fit(features, target)
    trained.set_params(n_jobs=1)
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(trained, folder / "model.joblib")
    np.save(folder / "reference.npy", features[:REFERENCE_ROWS])
    live.tofile(folder / "rows.bin")
    np.save(folder / "probabilities.npy", trained.predict_proba(live))
    trees = trained.n_estimators
    if model == "lightgbm":
        trained.booster_.save_model(folder / "model.txt")
        np.save(folder / "raw.npy", trained.predict(live, raw_score=True))
        nodes = len(trained.booster_.trees_to_dataframe())
    elif model == "xgboost":
        trained.save_model(folder / "model.ubj")
        np.save(folder / "raw.npy", trained.predict(live, output_margin=True))
        nodes = len(trained.get_booster().trees_to_dataframe())
    else:
        nodes = sum(tree.tree_.node_count for tree in trained.estimators_)
    facts = Facts(model, trees, nodes, live.shape[1], dtype.name)
    (folder / "facts.json").write_text(json.dumps(asdict(facts)))


def _untrained(model: str, size: Size) -> Any:
    jobs = len(os.sched_getaffinity(0))
    if model == "lightgbm":
        from lightgbm import LGBMClassifier

        return LGBMClassifier(
            n_estimators=size.boosted_trees,
            num_leaves=63,
            learning_rate=0.05,
            random_state=7,
            n_jobs=jobs,
            deterministic=True,
            force_row_wise=True,
            verbose=-1,
        )
    if model == "xgboost":
        from xgboost import XGBClassifier

        return XGBClassifier(
            n_estimators=size.boosted_trees,
            max_depth=6,
            learning_rate=0.05,
            tree_method="hist",
            random_state=7,
            n_jobs=jobs,
        )
    from sklearn.ensemble import RandomForestClassifier

    deep = model == "deep-forest"
    return RandomForestClassifier(
        n_estimators=size.deep_trees if deep else size.shallow_trees,
        max_depth=None if deep else 12,
        random_state=7,
        n_jobs=jobs,
    )


def _matrices(
    rows: int, dtype: np.dtype, *, filled: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows to train on, their classes, and live rows.

    Numbers as they are, gaps included unless `filled`, and a column for each category.
    """
    sys.path.insert(1, str(ROOT / "examples" / "credit"))
    from generate import NUMBERS, STRINGS, TARGET, applications
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    numbers = SimpleImputer(strategy="median") if filled else "passthrough"
    strings = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(
            max_categories=REGIONS, handle_unknown="infrequent_if_exist", sparse_output=False
        ),
    )
    encoder = ColumnTransformer([("numbers", numbers, NUMBERS), ("strings", strings, STRINGS)])
    training, live = applications(rows, SEED), applications(LIVE_ROWS, SEED + 1, live=True)
    features = np.ascontiguousarray(encoder.fit_transform(training), dtype)
    target = (training[TARGET] == "yes").to_numpy().astype(np.int64)
    return features, target, np.ascontiguousarray(encoder.transform(live), dtype)


if __name__ == "__main__":
    train(sys.argv[1], SIZES[sys.argv[2]], Path(sys.argv[3]))
