"""`monobloc predict`: files of rows in, the model's own answers out."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import time
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, Credit

COMMAND = ROOT / "target" / "release" / "monobloc"
PROBABILITIES = ["probability_no", "probability_yes"]


def predict(*arguments: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [COMMAND, "predict", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=120, **options)


def answers(*arguments: Any, **options: Any) -> bytes:
    run = predict(*arguments, **options)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


@pytest.fixture(scope="module")
def live(credit: Credit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The live rows as CSV, with their numbers."""
    path = tmp_path_factory.mktemp("live") / "live.csv"
    credit.frame.to_csv(path, index_label="number")
    return path


def test_answers_are_those_of_pandas_and_scikit_learn(credit: Credit, live: Path) -> None:
    out = live.with_name("answers.csv")
    said = predict(credit.bloc, live, "--id", "number", "--out", out)
    assert said.returncode == 0, said.stderr
    assert said.stdout == b""
    assert said.stderr.startswith(b"monobloc: 1000 rows: ")
    read = pd.read_csv(live)
    found = pd.read_csv(out)
    assert list(found) == ["number", "label", *PROBABILITIES]
    assert found["number"].tolist() == list(range(len(read)))
    assert found["label"].tolist() == credit.model.predict(read).tolist()
    assert np.array_equal(found[PROBABILITIES].to_numpy(), credit.model.predict_proba(read))


def test_json_lines_have_the_answers_of_run_json(
    credit: Credit, live: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    answers(credit.bloc, live, "--id", "number", "--out", out)
    found = [json.loads(line) for line in out.read_text().splitlines()]
    body = json.dumps({"rows": credit.rows}).encode()
    expected = json.loads(monobloc.load(credit.bloc).run_json(body))["outputs"]
    assert [row["number"] for row in found] == [str(at) for at in range(len(credit.rows))]
    for name in ("label", "probabilities"):
        assert [row[name] for row in found] == expected[name]


def test_many_blocks_come_out_in_order_whatever_the_threads(credit: Credit, live: Path) -> None:
    head, *rows = live.read_text().splitlines()
    rows *= 20
    text = "\n".join([head, *(f"{at},{row.split(',', 1)[1]}" for at, row in enumerate(rows))])
    options = ("--id", "number", "--threads")
    one = answers(credit.bloc, "-", *options, "1", input=text.encode())
    assert answers(credit.bloc, "-", *options, "5", input=text.encode()) == one
    lines = one.decode().splitlines()[1:]
    assert [int(line.split(",", 1)[0]) for line in lines] == list(range(len(rows)))
    assert [line.split(",", 1)[1] for line in lines[:1000]] == [
        line.split(",", 1)[1] for line in lines[-1000:]
    ]


def first(live: Path, rows: int = 3) -> list[str]:
    """The header and some rows."""
    return live.read_text().splitlines()[: rows + 1]


SAME = {
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "CRLF": lambda text: text.replace(b"\n", b"\r\n"),
    "CR": lambda text: text.replace(b"\n", b"\r"),
    "empty lines": lambda text: b"\n\n" + text.replace(b"\n", b"\n\n"),
    "no last line end": lambda text: text.rstrip(b"\n"),
    "quotes": lambda text: b"\n".join(
        b",".join(b'"%b"' % cell for cell in line.split(b",")) for line in text.splitlines()
    ),
    "other order": lambda text: b"\n".join(
        b",".join(reversed(line.split(b","))) for line in text.splitlines()
    ),
    "another column": lambda text: b"".join(
        b'"a ""quoted""\nline",' + line for line in text.splitlines(keepends=True)
    ),
    "missing by name": lambda text: text.replace(b",,", b",NA,"),
    "spaces around numbers": lambda text: b"\n".join(
        [
            text.splitlines()[0],
            *(b" " + line.replace(b",", b" ,", 1) for line in text.splitlines()[1:]),
        ]
    ),
}


@pytest.mark.parametrize("change", SAME)
def test_the_same_rows_written_otherwise(credit: Credit, live: Path, change: str) -> None:
    text = "".join(line + "\n" for line in first(live, 200)).encode()
    changed = SAME[change](text)
    assert changed != text
    assert answers(credit.bloc, "-", input=changed) == answers(credit.bloc, "-", input=text)


@pytest.mark.parametrize(("separator", "name"), [(";", ";"), ("\t", "tab"), ("|", "|")])
def test_delimiters(credit: Credit, live: Path, tmp_path: Path, separator: str, name: str) -> None:
    frame = pd.read_csv(live, nrows=50, dtype=str)
    frame.to_csv(tmp_path / "rows.tsv", sep=separator, index=False)
    expected = answers(credit.bloc, "-", input=frame.to_csv(index=False).encode())
    given = (tmp_path / "rows.tsv", "--delimiter", name, "--out-format", "csv")
    assert answers(credit.bloc, *given) == expected
    if name == "tab":
        assert answers(credit.bloc, given[0]) == expected.replace(b",", b"\t")
        return
    refused = predict(credit.bloc, "-", input=(tmp_path / "rows.tsv").read_bytes())
    assert refused.returncode == 1
    hint = f"with the delimiter '{separator}' in place of ',' it would have some"
    assert hint in refused.stderr.decode()


def test_missing_values_are_those_of_pandas(credit: Credit, live: Path) -> None:
    from pandas._libs.parsers import STR_NA_VALUES

    head, row, *_ = first(live)
    cells = row.split(",")
    at = head.split(",").index("income")

    def text(values: list[str]) -> bytes:
        rows = [",".join([*cells[:at], value, *cells[at + 1 :]]) for value in values]
        return "\n".join([head, *rows]).encode()

    empty, *others = answers(credit.bloc, "-", input=text(["", *sorted(STR_NA_VALUES)])).split()[1:]
    assert set(others) == {empty}
    named = ("--na", "-999", "--na", "?")
    found = answers(credit.bloc, "-", *named, input=text(["", "-999", "?"])).split()[1:]
    assert set(found) == {empty}
    with_number = answers(credit.bloc, "-", input=text(["-999"])).split()[1]
    assert with_number != empty, "the model tells -999 from a missing value"


def test_rejected_rows_have_no_answer_and_a_verdict(tmp_path: Path) -> None:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = pd.DataFrame({"colour": ["red", "green", "blue"] * 10})
    model = make_pipeline(OneHotEncoder(), RandomForestClassifier(3, random_state=0))
    model.fit(frame, [1, 0, 1] * 10)
    bloc, rejects = tmp_path / "m.bloc", tmp_path / "rejects.jsonl"
    monobloc.pack(model, bloc, reference=frame)
    rows = 60_000 * ["red"]
    rows[4], rows[50_000] = "mauve", "black"
    text = "\n".join(["number,colour", *(f"{at},{colour}" for at, colour in enumerate(rows))])
    given = (bloc, "-", "--id", "number", "--rejects", rejects, "--threads", "3")
    run = predict(*given, input=text.encode())
    assert run.returncode == 0
    assert run.stderr.decode() == f"monobloc: 60000 rows: 2 rejected ({rejects})\n"
    lines = run.stdout.decode().splitlines()
    assert len(lines) == 60_001
    assert [line for line in lines if line.endswith(",,,")] == ["4,,,", "50000,,,"]
    told = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(one["row"], one["status"]) for one in told] == [(4, "rejected"), (50_000, "rejected")]
    assert [one["findings"][0]["seen"] for one in told] == ["mauve", "black"]
    run = predict(bloc, "-", input=text.encode())
    assert b"2 rejected (--rejects FILE tells which and why)" in run.stderr


REFUSED = {
    "ragged": (lambda lines: [*lines[:3], lines[3] + ",1"], "line 4: 19 fields; the header has 18"),
    "too short": (lambda lines: [*lines[:2], "1,2"], "line 3: 2 fields; the header has 18"),
    "no column": (
        lambda lines: [lines[0].replace("income", "earnings"), *lines[1:]],
        'the model reads columns that are absent: "income"; found "number", "age", "earnings"',
    ),
    "column twice": (
        lambda lines: [lines[0].replace("number", "income"), *lines[1:]],
        'the column "income" is there twice',
    ),
    "no header": (lambda lines: lines[1:], "the model reads columns that are absent"),
    "open quote": (
        lambda lines: [*lines[:2], '"' + lines[2], *lines[3:]],
        "line 3: a quoted field that begins here has no closing quote",
    ),
    "open quote in the header": (lambda lines: ['"' + lines[0]], "the header has a quoted name"),
    "nothing": (lambda lines: [], "it is empty; expected a header"),
    "Latin-1": (
        lambda lines: [*lines[:3], lines[3].replace("web", "caf\xe9").replace("branch", "caf\xe9")],
        "line 4: the byte 0xE9 is not UTF-8",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_input_is_one_line_and_leaves_nothing(
    credit: Credit, live: Path, tmp_path: Path, case: str
) -> None:
    change, expected = REFUSED[case]
    lines = [
        first(live)[0],
        *(line for line in live.read_text().splitlines() if line.endswith("web")),
    ]
    (tmp_path / "rows.csv").write_bytes("\n".join(change(lines[:4])).encode("latin-1"))
    run = predict(credit.bloc, tmp_path / "rows.csv", "--out", tmp_path / "out.csv")
    assert (run.returncode, run.stdout) == (1, b"")
    said = run.stderr.decode()
    assert said.startswith(f"monobloc: {tmp_path / 'rows.csv'}: ")
    assert expected in said
    assert said.count("\n") == 1
    assert os.listdir(tmp_path) == ["rows.csv"]


def test_wrong_places(credit: Credit, live: Path, tmp_path: Path) -> None:
    no_bloc = tmp_path / "no.bloc"
    no_bloc.write_text("x")
    (tmp_path / "kept.csv").write_text("kept")
    cases: list[tuple[list[Any], str]] = [
        ([credit.bloc, tmp_path / "absent.csv"], "opening"),
        ([credit.bloc, tmp_path, "--format", "csv"], "Is a directory"),
        ([no_bloc, live], "not_a_bloc"),
        ([credit.bloc, live, "--out", tmp_path, "--out-format", "csv"], "is a directory"),
        ([credit.bloc, live, "--out", tmp_path / "no" / "out.csv"], "creating a temporary file"),
        ([credit.bloc, live, "--out", tmp_path / "out.xlsx"], "expected one of .csv, .tsv"),
        ([credit.bloc, live, "--id", "nobody"], 'the column "nobody"'),
        ([credit.bloc, live, "--id", "number", "--id", "number"], "carried over twice"),
        ([credit.bloc, live, "--out", "/dev/full", "--out-format", "csv"], "No space left"),
        ([credit.bloc, live, "--rejects", tmp_path, "--out", tmp_path / "kept.csv"], "directory"),
    ]
    for arguments, expected in cases:
        run = predict(*arguments)
        said = run.stderr.decode()
        assert (run.returncode, run.stdout, said.count("\n")) == (1, b"", 1), said
        assert expected in said
    with open("/dev/full", "wb") as full:
        run = subprocess.run(
            [COMMAND, "predict", credit.bloc, live], stdout=full, stderr=subprocess.PIPE
        )
    assert run.returncode == 1
    assert b"writing standard output: No space left on device" in run.stderr
    assert sorted(os.listdir(tmp_path)) == ["kept.csv", "no.bloc"]
    assert (tmp_path / "kept.csv").read_text() == "kept"


def test_a_full_disk_leaves_nothing(credit: Credit, live: Path, tmp_path: Path) -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    run = predict(credit.bloc, live, "--out", tmp_path / "out.csv", preexec_fn=limited)
    assert run.returncode == 1
    assert b"File too large" in run.stderr
    assert os.listdir(tmp_path) == []


def test_who_reads_may_go_away(credit: Credit, live: Path) -> None:
    text = live.read_text()
    body = text.split("\n", 1)[1]
    with subprocess.Popen(
        [COMMAND, "predict", credit.bloc, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.close()
        try:
            process.stdin.write(text.encode())
            for _ in range(100):
                process.stdin.write(body.encode())
        except BrokenPipeError:
            pass
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said == b""


def test_a_file_is_replaced_whole_and_keeps_its_mode(
    credit: Credit, live: Path, tmp_path: Path
) -> None:
    out, link = tmp_path / "out.csv", tmp_path / "link.csv"
    out.write_text("old")
    out.chmod(0o640)
    link.symlink_to(out)
    answers(credit.bloc, live, "--out", link)
    assert link.is_symlink()
    assert out.read_bytes() == answers(credit.bloc, live)
    assert out.stat().st_mode & 0o777 == 0o640


def test_rows_may_be_the_file_that_is_replaced(credit: Credit, live: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_bytes(live.read_bytes())
    expected = answers(credit.bloc, live)
    answers(credit.bloc, rows, "--out", rows)
    assert rows.read_bytes() == expected


def test_a_header_alone_has_no_rows(credit: Credit, live: Path) -> None:
    head = first(live)[0].encode()
    assert answers(credit.bloc, "-", input=head) == b"label,probability_no,probability_yes\n"


def test_memory_does_not_grow_with_the_rows(credit: Credit, live: Path, tmp_path: Path) -> None:
    head, body = live.read_bytes().split(b"\n", 1)

    def peak(megabytes: int) -> tuple[int, int]:
        """The most private memory, and the rows."""
        times = megabytes * 1_000_000 // len(body)
        rows = tmp_path / "rows.csv"
        with rows.open("wb") as file:
            file.write(head + b"\n")
            for _ in range(times):
                file.write(body)
        command = [
            COMMAND,
            "predict",
            credit.bloc,
            rows,
            "--out",
            tmp_path / "out.csv",
            "--threads",
            "4",
        ]
        most = 0
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None:
                status = Path(f"/proc/{process.pid}/status").read_text()
                if held := re.search(r"^RssAnon:\s+(\d+) kB$", status, re.MULTILINE):
                    most = max(most, 1024 * int(held[1]))
                time.sleep(0.005)
        assert process.returncode == 0
        return most, times * 1000

    (small, _), (large, rows) = peak(20), peak(200)
    with (tmp_path / "out.csv").open() as out:
        assert sum(1 for _ in out) == rows + 1
    assert 0 < large < 60e6
    assert large < small + 20e6


def test_regression_and_text_labels(tmp_path: Path) -> None:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.normal(size=(300, 3)), columns=["a", "b", "c"])
    frame["a"] = rng.integers(-5, 5, 300)
    frame["c"] = rng.random(300) < 0.5
    frame.to_csv(tmp_path / "rows.csv", index=False)
    number = RandomForestRegressor(5, random_state=0).fit(frame, frame["b"] ** 2)
    classes = np.where(frame["b"] > 0, 'a "quoted", label', np.where(frame["c"], "x\ny", "z"))
    text = RandomForestClassifier(5, random_state=0).fit(frame, classes)
    monobloc.pack(number, tmp_path / "m.bloc", reference=frame)
    answers(tmp_path / "m.bloc", tmp_path / "rows.csv", "--out", tmp_path / "out.csv")
    found = pd.read_csv(tmp_path / "out.csv")
    assert list(found) == ["prediction"]
    assert np.array_equal(found["prediction"], number.predict(frame))
    monobloc.pack(text, tmp_path / "m.bloc", reference=frame)
    answers(tmp_path / "m.bloc", tmp_path / "rows.csv", "--out", tmp_path / "out.csv")
    found = pd.read_csv(tmp_path / "out.csv")
    assert list(found) == ["label", *(f"probability_{name}" for name in text.classes_)]
    assert found["label"].tolist() == text.predict(frame).tolist()
    assert np.array_equal(found.iloc[:, 1:].to_numpy(), text.predict_proba(frame))


def test_answers_and_rejects_are_two_files(credit: Credit, live: Path, tmp_path: Path) -> None:
    out = tmp_path / "both"
    for rejects in (out, tmp_path / "." / "both"):
        said = predict(credit.bloc, live, "--out", out, "--out-format", "csv", "--rejects", rejects)
        assert said.returncode == 1
        assert b"expected two files [invalid_argument]" in said.stderr
    assert not list(tmp_path.iterdir())
