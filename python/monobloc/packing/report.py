"""What `pack` hands back."""

from __future__ import annotations

import html
from dataclasses import dataclass

UNJUDGED = (
    "on rows of the reference: shown, never an alarm, since a model answers rows that it was "
    "fitted on unlike others; validation= takes rows that it did not see"
)


@dataclass(frozen=True)
class PackReport:
    """A bloc that was written, loaded again and held against its source."""

    path: str
    digest: str
    """``sha256:`` and the SHA-256 of the bloc's manifest, which holds every member's."""
    size_bytes: int
    golden_rows: int
    """How many rows the bloc and the source model were compared on."""
    exact: bool
    """Whether all outputs had the same bytes. Raw scores and labels always have."""
    max_abs_diff: float
    max_rel_diff: float = 0.0
    """The greatest difference relative to the greatest magnitude of its output."""
    max_ulp_diff: int = 0
    """The greatest difference of a tree ensemble's outputs in units in the last place of
    their type: at most 2 (3 of XGBoost's logistic, 6 of a softmax in float64, and more of
    CatBoost's own exponential, see `docs/trees.md`), and 0 wherever no exponential makes
    them."""
    compared_with: str = "the source model"
    """What gave the answers that the bloc was compared with."""
    batch: str | None = None
    """How a network's rows run: ``rows`` (one by one), ``symbolic`` (together, independent of
    each other), ``coupled`` (together, may depend on each other) or ``fixed``."""
    notes: tuple[str, ...] = ()
    """What a user should know of a network, a sentence each."""
    reference_rows: int = 0
    """Rows of the reference."""
    reference_bytes: int = 0
    """The size of reference.json, which says what they look like."""
    validation_rows: int = 0
    """Rows of `validation` whose answers say what the model's answers look like. Where there
    are none, its answers on rows of the reference are shown, and never judged."""
    unanswered_rows: int = 0
    """Rows that the source model refused, of those whose answers were to be kept."""

    def _rows(self) -> list[tuple[str, str]]:
        return [
            ("path", self.path),
            ("digest", self.digest),
            ("size", f"{self.size_bytes:,} bytes"),
            ("golden rows", f"{self.golden_rows:,}"),
            ("exact", "yes" if self.exact else "no"),
            ("max abs diff", f"{self.max_abs_diff:g}"),
            *([("max ulp diff", f"{self.max_ulp_diff}")] if self.max_ulp_diff else []),
            *self._reference_rows(),
            *self._network_rows(),
        ]

    def _reference_rows(self) -> list[tuple[str, str]]:
        if not self.reference_rows:
            return []
        rows = [("reference", f"{self.reference_rows:,} rows in {self.reference_bytes:,} bytes")]
        refused = f"; {self.unanswered_rows:,} refused" if self.unanswered_rows else ""
        if self.validation_rows:
            rows.append(("outputs", f"on {self.validation_rows:,} validation rows{refused}"))
        elif self.batch is None:
            rows.append(("outputs", f"{UNJUDGED}{refused}"))
        return rows

    def _network_rows(self) -> list[tuple[str, str]]:
        if self.batch is None:
            return []
        return [
            ("max rel diff", f"{self.max_rel_diff:g}"),
            ("compared with", self.compared_with),
            ("batch", self.batch),
            *(("note", note) for note in self.notes),
        ]

    def __str__(self) -> str:
        rows = self._rows()
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
            for name, value in self._rows()
        )
        return f"<table><tbody>{rows}</tbody></table>"
