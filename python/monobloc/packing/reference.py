"""The reference data: the input schema, and rows for asking the source model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .refusal import invalid_argument

KINDS = ("boolean", "float", "integer", "string")
QUANTILES = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1)
RARE = 5
"""Categories seen fewer times than this do not enter a bloc as anyone's value."""
MOST_CATEGORIES = 1000
EXACT_INTEGERS = 2**53


@dataclass(frozen=True)
class Field:
    """One input field and its reference values."""

    name: str
    kind: str
    dtype: str
    null: str
    values: np.ndarray
    missing: np.ndarray
    mixes_missing: bool = False

    @property
    def is_string(self) -> bool:
        return self.kind == "string"

    @property
    def slot_dtype(self) -> str:
        if self.is_string:
            return "string"
        return "float32" if self.dtype == "float32" else "float64"

    @property
    def absent(self) -> str:
        """What NaN stands for in a slot of this field (see `Column`)."""
        if self.mixes_missing:
            return "both"
        return "either" if self.values.dtype.kind == "O" and not self.missing.any() else self.null

    @property
    def can_miss(self) -> bool:
        """Whether a column of this dtype can hold missing values at all."""
        return self.values.dtype.kind in "fO"

    def schema(self) -> dict[str, str]:
        return {"name": self.name, "kind": self.kind, "dtype": self.dtype, "null": self.null}

    def as_input(self, value: Any, missing: bool) -> Any:
        """A value as the bloc's golden rows hold it."""
        if missing:
            return None if self.null == "none" else float("nan")
        if self.is_string:
            return str(value)
        return bool(value) if self.kind == "boolean" else float(value)

    def summary(self) -> dict[str, Any]:
        """What reference.json says about the field."""
        present = self.values[~self.missing]
        summary: dict[str, Any] = {
            "rows": len(self.values),
            "missing": int(self.missing.sum()),
        }
        if self.kind in ("string", "boolean"):
            values, counts = np.unique(present.astype(str), return_counts=True)
            order = np.lexsort((values, -counts))
            order = order[counts[order] >= RARE][:MOST_CATEGORIES]
            summary["categories"] = [[str(values[i]), int(counts[i])] for i in order]
            summary["other"] = int(counts.sum() - counts[order].sum())
        else:
            numbers = present.astype(np.float64)
            finite = numbers[np.isfinite(numbers)]
            summary["quantiles"] = (
                [float(q) for q in np.quantile(finite, QUANTILES)] if len(finite) else []
            )
        return summary


class Reference:
    """The reference data, column by column, and the container that it came in."""

    def __init__(self, fields: list[Field], like: Any) -> None:
        self.fields = fields
        self.rows = len(fields[0].values) if fields else 0
        self._like = like

    @classmethod
    def read(
        cls,
        data: Any,
        names: Sequence[str] | None,
        schema: Mapping[str, str] | None,
        what: str = "the reference",
    ) -> Reference:
        """Read a pandas or polars DataFrame, or a 2-D array.

        `names` are the fields that the model was fitted on, where it knows them; `what` is
        how messages call the data.
        """
        if type(data).__module__.partition(".")[0] == "polars":
            data = _from_polars(data, what)
        if hasattr(data, "iloc") and getattr(data, "ndim", 0) == 2:
            data, columns = _frame_columns(data, names, what)
        else:
            data, columns = _array_columns(data, names, what)
        overrides = _overrides(schema, [name for name, _ in columns])
        problems: list[str] = []
        fields = []
        for name, column in columns:
            try:
                fields.append(_field(name, column, overrides.get(name)))
            except _BadField as problem:
                problems.append(f"field {name!r}: {problem}")
        if problems:
            raise invalid_argument(f"{what} cannot be used.\n  " + "\n  ".join(problems))
        if not fields or not len(fields[0].values):
            raise invalid_argument(f"{what} has no rows or no columns")
        return cls(fields, data)

    def summary(self) -> dict[str, Any]:
        """The content of reference.json."""
        return {"fields": {field.name: field.summary() for field in self.fields}}

    def take(self, rows: Sequence[int] | np.ndarray) -> Any:
        """Rows of the reference as the source model takes them."""
        return self.build([field.values[rows] for field in self.fields])

    def build(self, columns: Sequence[np.ndarray]) -> Any:
        """Rows in the reference's container and dtypes."""
        if not hasattr(self._like, "iloc"):
            if self._like.dtype.kind in "OUS":
                return np.column_stack([np.asarray(column, dtype=object) for column in columns])
            return np.column_stack(columns).astype(self._like.dtype)
        import pandas as pd

        series = {}
        for position, (field, values) in enumerate(zip(self.fields, columns, strict=True)):
            dtype = self._like.dtypes.iloc[position]
            if isinstance(dtype, pd.CategoricalDtype):
                present = pd.unique(values[~_is_missing(values)])
                extra = [value for value in present if value not in dtype.categories]
                dtype = pd.CategoricalDtype(dtype.categories.append(pd.Index(extra)))
            elif field.values.dtype.kind != "O":
                dtype = field.values.dtype
            series[self._like.columns[position]] = pd.Series(values, dtype=dtype)
        return pd.DataFrame(series, columns=self._like.columns)


class _BadField(Exception):
    """Why a column cannot be a field."""


def _is_missing(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind != "O":
        return np.zeros(len(values), dtype=bool)
    return np.fromiter((v is None or v != v for v in values), bool, len(values))


def _field(name: str, column: Any, override: str | None) -> Field:
    dtype, values = _column_values(column)
    missing = _is_missing(values)
    kind = _kind(values, missing)
    none, nan = False, False
    if values.dtype.kind == "O" and missing.any():
        none = any(value is None for value in values[missing])
        nan = any(value is not None for value in values[missing])
    if override is not None and override != kind:
        values, dtype = _overridden(values, missing, dtype, kind, override)
        kind = override
    if kind == "integer" and values.dtype.kind == "u" and len(values) and values.max() >= 2**63:
        raise _BadField("it holds integers of 2**63 and more; convert it to float64")
    null = "none" if none and not nan else "nan"
    return Field(name, kind, dtype, null, values, missing, none and nan)


def _column_values(column: Any) -> tuple[str, np.ndarray]:
    """The dtype's name and the values, with pandas' own containers opened."""
    dtype = column.dtype
    if isinstance(dtype, np.dtype):
        values = np.asarray(column)
        if dtype.kind == "U":
            return dtype.str, values.astype(object)
        if dtype.kind not in "biufO":
            raise _BadField(f"its dtype {dtype} is not supported; {_ADVICE}")
        if dtype.kind == "f" and dtype.itemsize not in (4, 8):
            raise _BadField(f"its dtype {dtype} is not supported; convert it to float32 or float64")
        return dtype.name, values
    name = type(dtype).__name__
    if name == "CategoricalDtype":
        values = np.asarray(column)
        if values.dtype.kind not in "biufO":
            raise _BadField(f"its categories have dtype {values.dtype}; {_ADVICE}")
        return "category", values
    if name == "StringDtype" and isinstance(dtype.na_value, float):
        return str(dtype), np.asarray(column, dtype=object)
    raise _BadField(
        f"its dtype {dtype} is not supported; convert it (and what the model is fitted on) "
        "with astype('float64'), astype('bool') or astype(object)"
    )


_ADVICE = "numbers, booleans and strings are"


def _kind(values: np.ndarray, missing: np.ndarray) -> str:
    by_dtype = {"b": "boolean", "i": "integer", "u": "integer", "f": "float"}
    if values.dtype.kind in by_dtype:
        return by_dtype[values.dtype.kind]
    types = set(map(type, values[~missing]))
    if all(issubclass(t, str) for t in types):
        return "string"
    if all(issubclass(t, (bool, np.bool_)) for t in types):
        return "boolean"
    if all(issubclass(t, (int, np.integer, float, np.floating, np.bool_)) for t in types):
        if all(issubclass(t, (int, np.integer)) and t is not bool for t in types):
            if any(abs(int(value)) > EXACT_INTEGERS for value in values[~missing]):
                raise _BadField("it holds integers beyond 2**53, which float64 cannot tell apart")
            return "integer"
        return "float"
    names = ", ".join(sorted(t.__name__ for t in types))
    raise _BadField(f"it mixes values of different types ({names}); use one type")


def _overrides(schema: Mapping[str, str] | None, names: list[str]) -> dict[str, str]:
    if not isinstance(schema, Mapping | None):
        raise invalid_argument(f"schema must map names of fields to kinds, not {schema!r}")
    overrides = dict(schema or {})
    unknown = [name for name in overrides if name not in names]
    if unknown:
        raise invalid_argument(
            f"schema names fields that the model does not have: {', '.join(map(repr, unknown))}; "
            f"its fields are {', '.join(map(repr, names))}"
        )
    for name, kind in overrides.items():
        if kind not in KINDS:
            raise invalid_argument(
                f"schema gives field {name!r} the kind {kind!r}; kinds are {', '.join(KINDS)}"
            )
    return overrides


def _overridden(
    values: np.ndarray, missing: np.ndarray, dtype: str, kind: str, wanted: str
) -> tuple[np.ndarray, str]:
    """Another kind for the same values: only where the model would see equal values."""
    if "string" in (kind, wanted):
        raise _BadField(
            f"schema asks for {wanted}, but the reference holds {kind} values; "
            "convert the column of the reference instead"
        )
    numbers = values[~missing].astype(np.float64)
    if wanted == "boolean" and not np.isin(numbers, (0.0, 1.0)).all():
        raise _BadField(
            "schema asks for boolean, but the reference holds other values than 0 and 1"
        )
    if wanted == "integer" and not (numbers == np.round(numbers)).all():
        raise _BadField("schema asks for integer, but the reference holds fractions")
    if wanted == "float" and values.dtype.kind in "biu":
        return values.astype(np.float64), "float64"
    return values, dtype


def _frame_columns(
    frame: Any, names: Sequence[str] | None, what: str
) -> tuple[Any, list[tuple[str, Any]]]:
    labels = [str(label) for label in frame.columns]
    repeated = sorted({label for label in labels if labels.count(label) > 1})
    if repeated:
        raise invalid_argument(f"{what} has several columns named {', '.join(repeated)}")
    if names is not None:
        absent = [name for name in names if name not in labels]
        if absent:
            raise invalid_argument(
                f"{what} lacks columns that the model was fitted on: {', '.join(map(repr, absent))}"
            )
        frame = frame.iloc[:, [labels.index(name) for name in names]]
        labels = list(names)
    return frame, [(label, frame.iloc[:, i]) for i, label in enumerate(labels)]


def _array_columns(
    data: Any, names: Sequence[str] | None, what: str
) -> tuple[np.ndarray, list[tuple[str, Any]]]:
    if hasattr(data, "toarray"):
        raise invalid_argument(f"{what} is sparse; give a dense array or a DataFrame")
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise invalid_argument(
            f"{what} is no 2-D array; give a DataFrame or a 2-D array: {error}"
        ) from None
    if array.ndim != 2:
        raise invalid_argument(
            f"{what} has {array.ndim} dimensions; give a DataFrame or a 2-D array"
        )
    if names is None or len(names) != array.shape[1]:
        names = [f"x{i}" for i in range(array.shape[1])]
    return array, [(name, array[:, i]) for i, name in enumerate(names)]


def _from_polars(frame: Any, what: str) -> Any:
    """The frame as pandas: missing strings and booleans as None, missing numbers as NaN."""
    if type(frame).__name__ != "DataFrame":
        raise invalid_argument(f"{what} is a polars {type(frame).__name__}; give a DataFrame")
    try:
        import pandas as pd
    except ImportError:
        raise invalid_argument(
            "reading a polars reference needs pandas: pip install pandas"
        ) from None
    columns = {}
    for name in frame.columns:
        column = frame[name]
        kind = str(column.dtype).partition("(")[0]
        if kind in ("String", "Utf8", "Categorical", "Enum") or (
            kind == "Boolean" and column.null_count()
        ):
            columns[name] = pd.Series(column.to_list(), dtype=object)
        else:
            columns[name] = pd.Series(column.to_numpy())
    return pd.DataFrame(columns)
