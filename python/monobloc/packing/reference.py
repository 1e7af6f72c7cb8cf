"""The reference data: the input schema, and rows for asking the source model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .refusal import invalid_argument

KINDS = ("boolean", "float", "integer", "string")
RARE = 5
"""Categories seen fewer times than this do not enter a bloc as anyone's value."""
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

    @property
    def missing_as(self) -> str:
        """What stands for missing values: ``"none"``, ``"nan"``, ``"both"``, or nothing does."""
        if not self.missing.any():
            return ""
        return "both" if self.mixes_missing else self.null

    def with_values(self, values: np.ndarray, missing_as: Set[str]) -> Field:
        """The same field with other values, and with what stands for missing ones in all rows."""
        marks = missing_as - {""}
        null = "none" if marks == {"none"} else "nan"
        is_mixed = len(marks) > 1 or "both" in marks
        missing = is_missing(values)
        return replace(self, values=values, missing=missing, null=null, mixes_missing=is_mixed)

    def schema(self) -> dict[str, str]:
        return {"name": self.name, "kind": self.kind, "dtype": self.dtype, "null": self.null}

    def as_input(self, value: Any, missing: bool) -> Any:
        """A value as the bloc's golden rows hold it."""
        if missing:
            return None if self.null == "none" else float("nan")
        if self.is_string:
            return str(value)
        return bool(value) if self.kind == "boolean" else float(value)


class Reference:
    """The reference data, column by column, and the container that it came in."""

    def __init__(self, fields: list[Field], like: Any) -> None:
        self.fields = fields
        self.rows = len(fields[0].values) if fields else 0
        self._like = like

    def read_like(self, data: Any, what: str, schema: Mapping[str, str] | None = None) -> Reference:
        """Read other rows of the same fields, and refuse values that these cannot hold."""
        given = Reference.read(data, [field.name for field in self.fields], schema, what)
        if len(given.fields) != len(self.fields):
            raise invalid_argument(
                f"{what} has {len(given.fields)} columns; the reference has {len(self.fields)}"
            )
        for field, wanted in zip(given.fields, self.fields, strict=True):
            if field.is_string != wanted.is_string and not field.missing.all():
                raise invalid_argument(
                    f"{what} holds {field.kind} values in field {field.name!r}; "
                    f"the reference has {wanted.kind}"
                )
            if field.missing.any() and not wanted.can_miss:
                raise invalid_argument(
                    f"{what} has missing values in field {field.name!r}, whose type "
                    f"{wanted.dtype} cannot hold them"
                )
        return given

    def with_fields(self, fields: list[Field]) -> Reference:
        """Other rows in this container and its dtypes."""
        return Reference(fields, self._like[:0])

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

    def schema(self) -> str:
        """The manifest's `schema`, as JSON."""
        return json.dumps({"fields": [field.schema() for field in self.fields]})

    def columns(self) -> dict[str, np.ndarray]:
        """The values by field."""
        return {field.name: field.values for field in self.fields}

    def categories(self, field: int) -> list[Any] | None:
        """The categories that pandas has for a field's type."""
        dtype = self._like.dtypes.iloc[field] if hasattr(self._like, "iloc") else None
        return None if dtype is None or not hasattr(dtype, "categories") else list(dtype.categories)

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
                present = pd.unique(values[~is_missing(values)])
                extra = [value for value in present if value not in dtype.categories]
                dtype = pd.CategoricalDtype(dtype.categories.append(pd.Index(extra)))
            elif field.values.dtype.kind != "O":
                dtype = field.values.dtype
            series[self._like.columns[position]] = pd.Series(values, dtype=dtype)
        return pd.DataFrame(series, columns=self._like.columns)


def like(wanted: Field, given: Field) -> np.ndarray:
    """The values in the dtype of another field, with the one missing value that it has."""
    return in_dtype(wanted, given.values, given.missing)


def in_dtype(field: Field, values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """A copy in the field's own dtype, with the one missing value that the field has."""
    if field.values.dtype.kind != "O":
        with np.errstate(over="ignore", invalid="ignore"):
            return values.astype(field.values.dtype)
    copied = np.array(values.tolist(), dtype=object) if values.dtype.kind != "O" else values.copy()
    copied[missing] = None if field.null == "none" else float("nan")
    return copied


class _BadField(Exception):
    """Why a column cannot be a field."""


def is_missing(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind != "O":
        return np.zeros(len(values), dtype=bool)
    return np.fromiter((v is None or v != v for v in values), bool, len(values))


def _field(name: str, column: Any, override: str | None) -> Field:
    dtype, values = _column_values(column)
    missing = is_missing(values)
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
