"""What `pack` hands back."""

from __future__ import annotations

import html
from dataclasses import dataclass


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
    """Whether all outputs had the same bytes."""
    max_abs_diff: float

    def _rows(self) -> list[tuple[str, str]]:
        return [
            ("path", self.path),
            ("digest", self.digest),
            ("size", f"{self.size_bytes:,} bytes"),
            ("golden rows", f"{self.golden_rows:,}"),
            ("exact", "yes" if self.exact else "no"),
            ("max abs diff", f"{self.max_abs_diff:g}"),
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
