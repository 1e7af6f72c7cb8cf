"""What the reference data and the model's answers look like: reference.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .batches import Batches, EvenSample
from .models import Answers
from .reference import Field, Reference, is_missing, like
from .refusal import invalid_argument
from .source import answers, complaint, sequential

ANSWERED_ROWS = 10_000
"""Rows of the reference that the source model is asked about, and rows that it is asked at once."""
MOST_QUESTIONS = 500
"""How often the source is asked to find the rows that it refuses."""


@dataclass
class Described:
    """The reference: rows for asking the source model, and what all of its rows look like."""

    rows: Reference
    """All rows, or an even sample of those that came in batches."""
    builder: Any
    source: str | None
    validation_rows: int = 0
    """Rows of `validation` that the source model answered."""
    unanswered: int = 0
    """Rows that it refuses, of those that it was asked about."""
    json: str = ""
    """reference.json, once it is made."""

    @classmethod
    def read(
        cls, batches: Batches, names: Sequence[str] | None, schema: Mapping[str, str] | None
    ) -> Described:
        """Read all rows, each once."""
        from .._native import ReferenceBuilder

        first = Reference.read(batches.first, names, schema)
        builder = ReferenceBuilder(first.schema())
        builder.add(first.columns())
        if batches.is_whole:
            return cls(first, builder, batches.source)
        sample = EvenSample()
        sample.add([field.values for field in first.fields])
        fields = [field.name for field in first.fields]
        seen = [{field.missing_as} for field in first.fields]
        batches.first = None
        for number, batch in enumerate(batches.rest, 2):
            what = f"batch {number} of the reference"
            given = first.read_like(batch, what, schema)
            columns = _of_same_type(first, given, what)
            builder.add(dict(zip(fields, columns, strict=True)))
            sample.add(columns)
            for marks, field in zip(seen, given.fields, strict=True):
                marks.add(field.missing_as)
        sampled = [
            field.with_values(values, marks)
            for field, values, marks in zip(first.fields, sample.columns(), seen, strict=True)
        ]
        return cls(first.with_fields(sampled), builder, batches.source)

    def add_outputs(self, model: Any, description: Mapping[str, Any], validation: Any) -> None:
        """Ask the source model about the rows of `validation`, or about some of the reference."""
        source = sequential(model)
        if validation is None:
            count = min(self.rows.rows, ANSWERED_ROWS)
            rows = np.linspace(0, self.rows.rows - 1, count).astype(np.int64)
            columns = [field.values[rows] for field in self.rows.fields]
        else:
            columns = _validation_columns(self.rows, validation)
        total = len(columns[0])
        answered = 0
        for start in range(0, total, ANSWERED_ROWS):
            block = [column[start : start + ANSWERED_ROWS] for column in columns]
            for found in _answers(source, self.rows, block):
                answered += len(found.outputs)
                self.builder.add_outputs(
                    json.dumps(description),
                    len(found.outputs),
                    found.outputs,
                    found.raw_scores,
                    found.classes,
                    validation=validation is not None,
                )
        self.unanswered = total - answered
        self.validation_rows = 0 if validation is None else answered
        if validation is not None and not answered:
            said = complaint(source, self.rows.build([column[:1] for column in columns]))
            raise invalid_argument(f"the model refuses all rows of validation: {said}")

    def finish(self, provenance: Mapping[str, str]) -> dict[str, str]:
        """Make reference.json; gives what the manifest says of where it came from."""
        read = {"reference_digest": self.builder.digest, "reference_rows": str(self.builder.rows)}
        source = {} if self.source is None else {"reference_source": self.source}
        self.json = self.builder.finish()
        return {**source, **provenance, **read}

    def missing_rates(self) -> list[float]:
        """The share of missing values in each field, of all rows."""
        fields = json.loads(self.json)["fields"]
        return [field["missing"] / field["rows"] for field in fields]

    def report(self) -> dict[str, Any]:
        """What the report says of the reference."""
        return {
            "reference_rows": json.loads(self.json)["fields"][0]["rows"],
            "reference_bytes": len(self.json.encode()),
            "validation_rows": self.validation_rows,
            "unanswered_rows": self.unanswered,
        }


def _of_same_type(first: Reference, given: Reference, what: str) -> list[np.ndarray]:
    """The columns of a batch in the types of the first one."""
    columns = []
    for place, (wanted, field) in enumerate(zip(first.fields, given.fields, strict=True)):
        known, found = first.categories(place), given.categories(place)
        values = field.values if _are_objects(wanted, field) else like(wanted, field)
        same = known == found or known is None or found is None
        same = same and (wanted.kind == "boolean") == (field.kind == "boolean")
        present = ~field.missing
        unchanged = field.is_string or (values[present] == field.values[present]).all()
        if not field.missing.all() and not (same and unchanged):
            categories = "" if known == found else ", of other categories"
            raise invalid_argument(
                f"{what} holds {field.kind} values of type {field.dtype}{categories} in field "
                f"{field.name!r}; the first batch has {wanted.kind} ones of type {wanted.dtype}: "
                "give all batches the type that can hold all values"
            )
        columns.append(values)
    return columns


def _are_objects(wanted: Field, given: Field) -> bool:
    return wanted.values.dtype.kind == "O" and given.values.dtype.kind == "O"


def _validation_columns(reference: Reference, validation: Any) -> list[np.ndarray]:
    """Rows of `validation` in the reference's types: all, or an even sample of many."""
    sample = EvenSample()
    for batch in Batches.of(validation, "validation"):
        given = reference.read_like(batch, "validation")
        sample.add([like(*pair) for pair in zip(reference.fields, given.fields, strict=True)])
    return sample.columns()


def _answers(source: Any, reference: Reference, columns: list[np.ndarray]) -> Iterator[Answers]:
    """The source's answers on the rows that it does not refuse."""
    # Missing and infinite values are what sources refuse; such rows come last.
    odd = np.zeros(len(columns[0]), dtype=bool)
    for column in columns:
        odd |= is_missing(column)
        if column.dtype.kind == "f":
            odd |= np.isinf(column)
    order = np.argsort(odd, kind="stable")
    questions = MOST_QUESTIONS
    blocks = [order]
    while blocks and questions > 0:
        rows = blocks.pop(0)
        questions -= 1
        try:
            yield answers(source, reference.build([column[rows] for column in columns]))
        except Exception:  # scikit-learn's steps raise what they like
            middle = int((~odd[rows]).sum())
            middle = middle if 0 < middle < len(rows) else len(rows) // 2
            if len(rows) > 1:
                blocks += [rows[:middle], rows[middle:]]
