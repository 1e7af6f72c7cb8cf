"""The model of a table: the credit demo's preprocessing, and a random forest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score, roc_auc_score
from sklearn.pipeline import Pipeline
from train import preprocessing

TREES = 100
ROWS_PER_TREE = 50_000
"""At most; so that training on a large file takes no longer than on one of this size."""


@dataclass(frozen=True)
class Table:
    """Rows to learn from, and rows held out."""

    task: Literal["classification", "regression"]
    numbers: list[str]
    categories: list[str]
    inputs: pd.DataFrame
    targets: pd.Series
    held_out: pd.DataFrame
    held_out_targets: pd.Series


def fit(table: Table, jobs: int = 2) -> Pipeline:
    """The fitted model; it predicts with one job, which makes it reproducible."""
    rows = len(table.inputs)
    settings = {
        "n_estimators": TREES,
        "random_state": 7,
        "n_jobs": jobs,
        "max_samples": ROWS_PER_TREE if rows > ROWS_PER_TREE else None,
    }
    if table.task == "classification":
        forest = RandomForestClassifier(**settings)
    else:
        # A third of the features, and five rows per leaf: the defaults of R's randomForest 4.7.
        forest = RandomForestRegressor(**settings, max_features=1 / 3, min_samples_leaf=5)
    prepare = preprocessing(table.numbers, table.categories, rare=max(5, rows // 600))
    model = Pipeline([("prepare", prepare), ("forest", forest)])
    model.fit(table.inputs, table.targets)
    forest.n_jobs = 1
    return model


def quality(model: Pipeline, table: Table) -> str:
    """How good the model is on the rows held out, beside a guess that looks at no column."""
    truth = table.held_out_targets
    answers = model.predict(table.held_out)
    if table.task == "regression":
        guess = np.full(len(truth), table.targets.median())
        return (
            f"R² {r2_score(truth, answers):.3f}; mean absolute error "
            f"{mean_absolute_error(truth, answers):,.4g}, of the median "
            f"{mean_absolute_error(truth, guess):,.4g}"
        )
    often = table.targets.mode()[0]
    text = (
        f"accuracy {accuracy_score(truth, answers):.3f}, "
        f"of always {str(often)!r} {(truth == often).mean():.3f}"
    )
    if len(model.classes_) > 2:
        return text
    scores = model.predict_proba(table.held_out)[:, 1]
    return f"AUC {roc_auc_score(truth == model.classes_[1], scores):.3f}; {text}"
