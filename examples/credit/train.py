"""The model: preprocessing and a random forest in one scikit-learn Pipeline."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from generate import COLUMNS, NUMBERS, STRINGS, TARGET
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


@dataclass(frozen=True)
class Size:
    """How much is trained."""

    rows: int
    trees: int


SIZES = {
    "tiny": Size(rows=2_000, trees=20),
    "default": Size(rows=60_000, trees=100),
    "large": Size(rows=160_000, trees=200),
}


def preprocessing(numbers: list[str], strings: list[str], rare: int) -> ColumnTransformer:
    """Medians for missing numbers, columns of 0 and 1 for strings; those in less than `rare` rows
    are one."""
    scaled = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    encoded = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(
            handle_unknown="infrequent_if_exist", min_frequency=rare, sparse_output=False
        ),
    )
    branches = [("numbers", scaled, numbers), ("strings", encoded, strings)]
    return ColumnTransformer([branch for branch in branches if branch[2]])


def pipeline(trees: int, jobs: int) -> Pipeline:
    """The model, not fitted."""
    return Pipeline(
        [
            ("prepare", preprocessing(NUMBERS, STRINGS, rare=100)),
            ("forest", RandomForestClassifier(n_estimators=trees, random_state=7, n_jobs=jobs)),
        ]
    )


def fit(applications: pd.DataFrame, trees: int, jobs: int = 2) -> Pipeline:
    """The model fitted on applications; it predicts with one job, which makes it reproducible."""
    model = pipeline(trees, jobs).fit(applications[COLUMNS], applications[TARGET])
    model.named_steps["forest"].n_jobs = 1
    return model


def nodes(model: Pipeline) -> int:
    """How many nodes the fitted forest has."""
    return sum(tree.tree_.node_count for tree in model.named_steps["forest"].estimators_)
