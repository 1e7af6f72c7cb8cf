"""The alerting rules of the FastAPI example."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pytest
import yaml
from conftest import Credit
from exposition import promtool, scrape
from services import FASTAPI

ALERTS = FASTAPI / "alerts.yaml"


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(ALERTS.read_text())["groups"]
    return group["rules"]


def test_rules_are_of_metrics_that_there_are(credit: Credit) -> None:
    engine = monobloc.load(credit.bloc)
    engine.run(credit.frame)
    samples = [s for family in scrape(engine).families.values() for s in family.samples]
    labels: dict[str, set[str]] = {sample.name: set(sample.labels) for sample in samples}
    for rule in rules():
        names = re.findall(r"monobloc_\w+", rule["expr"])
        assert names, rule
        assert set(names) <= set(labels), rule
        told = " ".join(rule["annotations"].values())
        used = set(re.findall(r"\$labels\.(\w+)", told))
        assert used <= labels[names[0]], rule


def test_promtool_takes_the_rules() -> None:
    promtool("check", "rules", str(ALERTS))


HEALTHY = {
    'monobloc_column_mean_shift_standard_deviations{model="m",column="age"}': "0.1x60",
    'monobloc_drift_judged{model="m"}': "1x60",
    'monobloc_column_drifted{model="m",column="age"}': "0x60",
    'monobloc_output_drifted{model="m",output="label"}': "0x60",
    'monobloc_window_out_of_distribution_ratio{model="m"}': "0.01x60",
    'monobloc_window_rejected_ratio{model="m"}': "0x60",
    'monobloc_window_rows{model="m"}': "1000x60",
    'monobloc_errors_total{model="m",code="schema"}': "0+0x60",
    'monobloc_requests_total{model="m"}': "0+100x60",
    'monobloc_request_duration_seconds_bucket{model="m",le="0.05"}': "0+100x60",
    'monobloc_request_duration_seconds_bucket{model="m",le="0.25"}': "0+100x60",
    'monobloc_request_duration_seconds_bucket{model="m",le="+Inf"}': "0+100x60",
    'monobloc_file_changed{model="m"}': "0x60",
    'monobloc_rows_total{model="m",status="ok"}': "0+100x60",
}
FAULTS = {
    "ModelColumnMeanShifted": ("monobloc_column_mean_shift_standard_deviations", "-2.5x60"),
    "ModelColumnDrifted": ("monobloc_column_drifted", "1x60"),
    "ModelOutputDrifted": ("monobloc_output_drifted", "1x60"),
    "ModelRowsUnlikeReference": ("monobloc_window_out_of_distribution_ratio", "0.2x60"),
    "ModelRowsRejected": ("monobloc_window_rejected_ratio", "0.02x60"),
    "ModelCallsFail": ("monobloc_errors_total", "0+5x60"),
    "ModelSlow": ('monobloc_request_duration_seconds_bucket{model="m",le="0.05"}', "0+90x60"),
    "ModelFileChanged": ("monobloc_file_changed", "1x60"),
    "ModelAnswersNoRows": ("monobloc_rows_total", "7x60"),
}


def test_each_rule_has_a_fault() -> None:
    assert [rule["alert"] for rule in rules()] == list(FAULTS)


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_a_fault_fires_its_alert_alone(fault: str | None, tmp_path: Path) -> None:
    series = dict(HEALTHY)
    if fault:
        name, values = FAULTS[fault]
        [changed] = [one for one in series if one.startswith(name)]
        series[changed] = values
    firing = 'count(ALERTS{{alertname="{}",alertstate="firing"}}) or vector(0)'
    expressions = [
        {
            "expr": firing.format(rule["alert"]),
            "eval_time": "50m",
            "exp_samples": [{"labels": "{}", "value": int(rule["alert"] == fault)}],
        }
        for rule in rules()
    ]
    test = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": s, "values": v} for s, v in series.items()],
                "promql_expr_test": expressions,
            }
        ],
    }
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump(test))
    promtool("test", "rules", str(path))


def test_a_shifted_column_reaches_the_rule(credit: Credit) -> None:
    engine = monobloc.load(credit.bloc)
    numbers = credit.frame.select_dtypes(np.number).columns
    frame = credit.frame.copy()
    frame[numbers[0]] += 10 * frame[numbers[0]].std()
    engine.run(frame)
    shift = "monobloc_column_mean_shift_standard_deviations"
    assert scrape(engine).value(shift, column=numbers[0]) > 2
    assert scrape(engine).value("monobloc_drift_judged") == 1
