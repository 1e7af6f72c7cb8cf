"""The examples in docstrings run as they stand there, in a folder with the bloc `credit.bloc`."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from typing import Any

import monobloc
import pytest
from conftest import Credit


def documented() -> Iterator[tuple[str, str]]:
    """Every public name with its docstring: the module's, its functions', classes' and methods'."""
    yield "monobloc", monobloc.__doc__ or ""
    for name in monobloc.__all__:
        item: Any = getattr(monobloc, name)
        yield name, inspect.getdoc(item) or ""
        if inspect.isclass(item):
            for member, value in vars(item).items():
                tells = inspect.isroutine(value) or inspect.isdatadescriptor(value)
                if tells and not member.startswith("_"):
                    yield f"{name}.{member}", inspect.getdoc(getattr(item, member)) or ""


def test_examples(
    credit: Credit,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(credit.folder)
    names = {"monobloc": monobloc, "model": credit.model, "X": credit.frame}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for name, text in documented():
        runner.run(doctest.DocTestParser().get_doctest(text, dict(names), name, None, 0))
    assert runner.tries > 0
    assert runner.failures == 0, capsys.readouterr().out


def test_every_public_name_is_documented() -> None:
    assert [name for name, text in documented() if not text and name != "__version__"] == []
