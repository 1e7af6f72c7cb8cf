"""Asking scikit-learn: versions, array validation, and the source model as oracle."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .models import Answers

OLDEST, NEWEST = (1, 3), (1, 9)


def version_problem() -> str | None:
    """Why the installed scikit-learn cannot be read, or None."""
    import sklearn

    version = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
    if OLDEST <= version <= NEWEST:
        return None
    span = " to ".join(".".join(map(str, v)) for v in (OLDEST, NEWEST))
    return f"scikit-learn {sklearn.__version__} is installed; this version reads {span}"


@contextmanager
def quiet() -> Iterator[None]:
    """For our questions: no warnings (unknown categories, feature names), all checks on."""
    from sklearn import config_context

    with warnings.catch_warnings(), config_context(assume_finite=False):
        warnings.simplefilter("ignore")
        yield


def validated(sample: Any, dtype: Any, *, accept_sparse: Any = False) -> Any:
    """What scikit-learn's steps make of their input before they compute on it."""
    from sklearn.utils import check_array

    parameters = inspect.signature(check_array).parameters
    finite = "ensure_all_finite" if "ensure_all_finite" in parameters else "force_all_finite"
    with quiet():
        return check_array(
            sample,
            dtype=dtype,
            accept_sparse=accept_sparse,
            ensure_min_features=0,
            **{finite: False},
        )


def transformed(estimator: Any, sample: Any) -> Any:
    """The sample as the source's step hands it on. The caller's sample stays as it is."""
    with quiet():
        return estimator.transform(copy.deepcopy(sample))


def sequential(model: Any) -> Any:
    """The model with one job, which alone has a defined order of summation.

    A shallow copy: the caller's object is not touched. What has no jobs stays itself: the copy
    of a LightGBM booster would forget its best iteration.
    """
    from .wrappers import opened, with_each

    if opened(model) is not None:
        return with_each(model, sequential)
    if not hasattr(model, "n_jobs"):
        return model
    clone = copy.copy(model)
    clone.n_jobs = 1
    return clone


def answers(model: Any, rows: Any) -> Answers:
    """What the source says of these rows."""
    from .models import reader_of
    from .wrappers import answers_of, changes_answers, opened, transformed_by

    with quiet():
        wrappers = []
        while (layer := opened(model)) is not None:
            if changes_answers(model):
                wrappers.append((model, rows))
            steps, _, model = layer
            rows = transformed_by(steps, rows)
        reader = reader_of(model)
        if reader is None:
            raise TypeError(f"{type(model)} is not supported")
        found = reader.answers(model, rows)
        for wrapper, rows in reversed(wrappers):
            found = answers_of(wrapper, rows, found)
        return found


def complaint(model: Any, rows: Any) -> str | None:
    """What the source says when it refuses some of these rows, or None."""
    try:
        answers(model, rows)
    except Exception as error:
        return str(error) or type(error).__name__
    return None


def accepts(model: Any, rows: Any) -> bool:
    """Whether the source answers on all of these rows."""
    return complaint(model, rows) is None


def attribute(model: Any, name: str) -> Any:
    """An attribute of the model's first step that has it, or None."""
    from .wrappers import opened

    value = getattr(model, name, None)
    if value is None and (layer := opened(model)) is not None:
        steps, _, last = layer
        inside = [*(step for _, step in steps), last]
        found = (attribute(step, name) for step in inside if not isinstance(step, str))
        return next((value for value in found if value is not None), None)
    return value


def expected_names(model: Any, reference: Any) -> list[str] | None:
    """The names of the columns that the model was fitted on, as the reference has them.

    LightGBM keeps names with underscores for spaces, and takes columns by their places.
    """
    from .wrappers import predictor_of

    names = attribute(model, "feature_names_in_")
    model = predictor_of(model)
    library = type(model).__module__.partition(".")[0]
    is_frame = library in ("catboost", "lightgbm", "xgboost") and hasattr(reference, "columns")
    if names is None and is_frame:
        names = _booster_names(model, library)
    if names is None:
        return None
    names = [str(name) for name in names]
    if library != "lightgbm" or not is_frame:
        return names
    labels = {str(label): str(label) for label in reference.columns}
    labels = {label.replace(" ", "_"): label for label in labels} | labels
    if all(name in labels for name in names):
        return [labels[name] for name in names]
    return None


def _booster_names(model: Any, library: str) -> Any:
    """The names that a booster keeps where it has no scikit-learn face, or one without names."""
    if library == "lightgbm":
        return getattr(model, "booster_", model).feature_name()
    if library == "catboost":
        # A model that was fitted on an array has numbers for names, and takes any.
        names = model.feature_names_
        return None if names == [str(number) for number in range(len(names or []))] else names
    return getattr(model, "feature_names", None) if library == "xgboost" else None
