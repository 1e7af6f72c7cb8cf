"""Code blocks of the documentation, and running them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from conftest import ROOT

_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str, str]]:
    """Language, mark and text of the page's code blocks."""
    found = _BLOCK.findall((ROOT / page).read_text())
    return [(language, mark.strip(), text) for language, mark, text in found]


def run(python: Path, folder: Path, *arguments: str, **variables: str) -> str:
    """What the interpreter prints; it must end with 0."""
    done = subprocess.run(
        [str(python), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | variables,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
