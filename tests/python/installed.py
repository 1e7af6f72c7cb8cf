"""The C and C++ libraries, installed by `make install`, and compilers to use them with."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT

SOURCES = ROOT / "tests" / "install"
SAMPLE = ROOT / "crates" / "core" / "tests" / "data" / "sample.bloc"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-pedantic"]


@dataclass(frozen=True)
class Installed:
    prefix: Path

    @property
    def environment(self) -> dict[str, str]:
        """Where pkg-config, CMake and the loader of programs look for it."""
        return os.environ | {
            "CMAKE_PREFIX_PATH": str(self.prefix),
            "PKG_CONFIG_PATH": str(self.prefix / "lib" / "pkgconfig"),
            "LD_LIBRARY_PATH": str(self.prefix / "lib"),
        }

    def run(self, *command: str | Path, folder: Path) -> str:
        """What a command prints; it must end with 0."""
        done = subprocess.run(
            command,
            cwd=folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def compile(self, compiler: str, source: Path, program: Path, *flags: str) -> Path:
        """A program that is linked with the shared library."""
        need("pkg-config", compiler)
        found = self.run("pkg-config", "--cflags", "--libs", "monobloc", folder=program.parent)
        arguments = [*flags, *WARNINGS, "-o", str(program), str(source), *found.split()]
        self.run(compiler, *arguments, folder=program.parent)
        return program


def need(*tools: str) -> None:
    """Skips the test where one of these is not installed."""
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


@contextlib.contextmanager
def staged() -> Iterator[Installed]:
    """Installed below another folder, so that nothing in it can name the place where it lies."""
    environment = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    with tempfile.TemporaryDirectory(prefix="monobloc-install-") as folder:
        stage = Path(folder) / "stage"
        install = ["make", "install", "PREFIX=/opt/monobloc", f"DESTDIR={stage}"]
        done = subprocess.run(install, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        yield Installed(stage / "opt" / "monobloc")
