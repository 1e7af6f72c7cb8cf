"""The recipe: the flat list of steps that a bloc's preprocessing consists of.

A `Table` is what flows between the steps of the source model: its columns, each
with the slot that holds it in the bloc, and a *sample*, a few rows of the
reference data as scikit-learn itself hands them on. The sample settles every
question about dtypes and about dense and sparse: scikit-learn is asked, not
imitated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from .refusal import refuse

if TYPE_CHECKING:
    from .reference import Field

FLOAT64, FLOAT32, STRING = "float64", "float32", "string"
INTEGER = "integer"
"""How a field is read as float64 when float32 is what counts in the end."""
NOWHERE = -1


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    dtype: str
    """The slot's type: ``float64``, ``float32`` or ``string``."""
    slot: int = NOWHERE
    """The slot that holds it, `NOWHERE` while it is still an untouched input field."""
    field: int | None = None
    """The input field that it carries unchanged, up to filling in missing values."""
    absent: str = "nan"
    """What NaN in a number slot stands for where scikit-learn sees Python objects:
    ``nan``, ``none``, ``either`` where the reference shows none, or ``both`` where it
    shows both, which a number slot cannot tell apart."""

    @property
    def is_loaded(self) -> bool:
        return self.slot != NOWHERE

    @property
    def is_string(self) -> bool:
        return self.dtype == STRING


@dataclass(frozen=True)
class Table:
    """What flows from one step of the source model to the next."""

    columns: tuple[Column, ...]
    sample: Any

    @property
    def is_sparse(self) -> bool:
        return sparse.issparse(self.sample)

    @property
    def is_frame(self) -> bool:
        return hasattr(self.sample, "columns")

    def select(self, positions: Sequence[int]) -> Table:
        """Some of the columns, as scikit-learn selects them."""
        positions = [int(position) for position in positions]
        rows = self.sample.iloc if hasattr(self.sample, "iloc") else self.sample
        return Table(tuple(self.columns[p] for p in positions), rows[:, positions])

    def column_dtype(self, position: int) -> np.dtype:
        """The dtype that scikit-learn sees when it looks at one column alone."""
        if hasattr(self.sample, "iloc"):
            return np.asarray(self.sample.iloc[:, position]).dtype
        return np.dtype(self.sample.dtype) if not self.is_frame else np.asarray(self.sample).dtype


class Recipe:
    """Collects steps. Every method appends what is needed and returns the new columns."""

    def __init__(self, packer: Any, fields: Sequence[Field]) -> None:
        self.steps: list[dict[str, Any]] = []
        self.fields = fields
        self.categories: dict[int, list[Any]] = {}
        """Input fields that an encoder reads, with the categories that it knows."""
        self.closed: set[int] = set()
        """Those of them in which another category is refused, whatever the source does."""
        self._packer = packer
        self._slots = 0
        self._loaded: dict[tuple[int, str], int] = {}
        self._checked: dict[int, str] = {}

    def numbers(self, values: Iterable[float]) -> dict[str, Any]:
        """Numbers stored outside JSON, as float64."""
        return self._packer.numbers(np.ascontiguousarray(values, dtype=np.float64))

    def codes(self, values: Iterable[int]) -> dict[str, Any]:
        """Numbers stored outside JSON, as int32."""
        return self._packer.numbers(np.ascontiguousarray(values, dtype=np.int32))

    def vocabulary(self, categories: list[Any]) -> dict[str, Any]:
        """A set of categories; their indices are their positions."""
        return self._packer.vocabulary(categories)

    def step(
        self, kind: str, path: str, inputs: Sequence[int], outputs: int, **details: Any
    ) -> list[int]:
        """Append a step and return the numbers of its output slots."""
        self.steps.append({"step": kind, "path": path, "inputs": list(inputs), **details})
        first, self._slots = self._slots, self._slots + outputs
        return list(range(first, self._slots))

    def load(self, columns: Sequence[Column], path: str) -> list[Column]:
        """Columns in slots: fields that were untouched are read in their own dtype."""
        return self._load([(column, column.dtype) for column in columns], path)

    def floats(
        self, table: Table, dtype: np.dtype, path: str, owner: Any, entry: str | None = None
    ) -> list[Column]:
        """The table's columns as numbers of one floating-point dtype.

        `entry` is how untouched fields are read, where not in that dtype.
        """
        name = np.dtype(dtype).name
        if name not in (FLOAT64, FLOAT32):
            refuse(owner, path, f"it computes in {name}", "float64 and float32")
        for position, column in enumerate(table.columns):
            if column.is_string:
                refuse(
                    owner,
                    path,
                    f"column {self.column_name(table, position)} holds strings, which reach "
                    "a numeric step here",
                    "encode string columns, or convert the column of the reference to numbers",
                )
        wanted = [(column, self._entry_dtype(column, entry or name)) for column in table.columns]
        loaded = [
            replace(
                column, absent="nan", dtype=FLOAT64 if column.dtype == INTEGER else column.dtype
            )
            for column in self._load(wanted, path)
        ]
        return self._cast(loaded, name, path)

    def check_finite(self, columns: Sequence[Column], path: str, *, nan: bool) -> None:
        """Refuse rows with infinities here, and with NaN unless `nan` is true."""
        policy = "accept" if nan else "refuse"
        slots = [
            column.slot
            for column in columns
            if column.is_loaded and self._checked.get(column.slot) not in (policy, "refuse")
        ]
        if slots:
            self.step("check_finite", path, slots, 0, nan=policy)
            self._checked.update(dict.fromkeys(slots, policy))

    def check_objects(self, columns: Sequence[Column], path: str) -> None:
        """Refuse rows with NaN here. Among Python objects scikit-learn looks for no more."""
        slots = [column.slot for column in columns]
        if slots:
            self.step("check_finite", path, slots, 0, nan="refuse", infinite="accept")

    def vouch(self, slots: Sequence[int], *, nan: bool) -> None:
        """These slots hold no infinities by how they came about, and no NaN unless `nan`."""
        self._checked.update(dict.fromkeys(slots, "accept" if nan else "refuse"))

    def is_finite(self, column: Column) -> bool:
        """Whether this slot is known to hold no infinities."""
        return column.slot in self._checked

    def to_sparse(self, columns: Sequence[Column], path: str) -> list[Column]:
        """Columns where scikit-learn turns dense data into sparse."""
        if not columns:
            return []
        slots = self.step("to_sparse", path, [column.slot for column in columns], len(columns))
        return [replace(column, slot=slot) for column, slot in zip(columns, slots, strict=True)]

    def column_name(self, table: Table, position: int) -> str:
        """A name for messages."""
        column = table.columns[position]
        if column.field is not None:
            return repr(self.fields[column.field].name)
        if table.is_frame:
            return repr(str(table.sample.columns[position]))
        return str(position)

    def _entry_dtype(self, column: Column, target: str) -> str:
        """The dtype in which an untouched field is read on its way to `target`.

        Fields of other dtypes are read as `target`, which rounds them once, as NumPy
        does; float32 fields keep their own dtype.
        """
        if column.is_loaded or column.dtype == FLOAT32:
            return column.dtype
        return target

    def _load(self, wanted: Sequence[tuple[Column, str]], path: str) -> list[Column]:
        missing: dict[str, list[int]] = {}
        for column, dtype in wanted:
            field = column.field
            if not column.is_loaded and field is not None and (field, dtype) not in self._loaded:
                fields = missing.setdefault(dtype, [])
                if field not in fields:
                    fields.append(field)
        for dtype, fields in missing.items():
            first = self._slots
            self.steps.append({"step": "input", "path": path, "fields": fields, "dtype": dtype})
            self._slots += len(fields)
            self._loaded.update({(f, dtype): first + i for i, f in enumerate(fields)})
        return [
            column
            if column.is_loaded or column.field is None
            else replace(column, slot=self._loaded[column.field, dtype], dtype=dtype)
            for column, dtype in wanted
        ]

    def _cast(self, columns: list[Column], dtype: str, path: str) -> list[Column]:
        changing = [i for i, column in enumerate(columns) if column.dtype != dtype]
        if not changing:
            return columns
        slots = self.step(
            "cast", path, [columns[i].slot for i in changing], len(changing), dtype=dtype
        )
        for i, slot in zip(changing, slots, strict=True):
            columns[i] = replace(columns[i], slot=slot, dtype=dtype)
        return columns
