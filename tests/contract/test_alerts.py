"""The alert rules: well-formed, about metrics and labels that there are, and each says what to do."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from chassis import telemetry
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy" / "alerts.yaml"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(FILE.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
]
each_rule = pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
NAME = re.compile(r"\bjointly_[a-z_]+\b")
#: A selector, and what is picked or grouped by.
SELECTOR = re.compile(r"\b(?P<name>[a-z_]+)\{(?P<labels>[^}]*)\}")
GROUPED = re.compile(r"\b(?:by|on) \((?P<labels>[^)]*)\)")
ENDINGS = {Counter: ("_total",), Gauge: ("",), Histogram: ("_bucket", "_sum", "_count")}


def metrics() -> dict[str, set[str]]:
    """Every series that a process shows, with its labels."""
    found: dict[str, set[str]] = {}
    for metric in vars(telemetry).values():
        if isinstance(metric, MetricWrapperBase):
            own = set(metric._labelnames)  # noqa: SLF001  the library says it nowhere else
            name = metric._name  # noqa: SLF001
            for ending in ENDINGS[type(metric)]:
                found[f"{name}{ending}"] = own | ({"le"} if ending == "_bucket" else set())
    return found


METRICS = metrics()


def test_there_are_metrics_to_watch() -> None:
    assert "jointly_parked_events" in METRICS
    assert METRICS["jointly_request_seconds_bucket"] >= {"service", "le"}


@each_rule
def test_a_rule_watches_metrics_that_there_are_by_labels_that_they_have(rule: dict[str, Any]) -> None:
    expression = rule["expr"]
    named = set(NAME.findall(expression))
    assert named or expression.startswith("up{")
    assert named <= METRICS.keys()
    for found in SELECTOR.finditer(expression):
        labels = set(re.findall(r"([a-z_]+)\s*=", found["labels"]))
        assert labels <= METRICS.get(found["name"], {"job", "instance"})
    for found in GROUPED.finditer(expression):
        assert all(set(found["labels"].split(", ")) <= METRICS[name] for name in named)


@each_rule
def test_a_rule_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"].keys() == {"summary", "todo"}
    told = set(re.findall(r"\$labels\.([a-z_]+)", rule["annotations"]["summary"]))
    kept = {"instance"}.union(*(METRICS[name] for name in NAME.findall(rule["expr"])))
    assert told <= kept


@each_rule
def test_a_rule_names_commands_that_there_are(rule: dict[str, Any]) -> None:
    for command in re.findall(r"`jointly ([a-z-]+) ([a-z-]+)`", rule["annotations"]["todo"]):
        assert command in {("dead-letters", "list"), ("dead-letters", "put-back")}


@each_rule
def test_a_log_line_that_a_rule_names_is_one_that_is_written(rule: dict[str, Any]) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "services/chassis/src").rglob("*.py"))
    for line in re.findall(r"\b(?:request|relay|consumer|event-log)\.[a-z-]+", rule["annotations"]["todo"]):
        assert f'"{line}"' in text


def test_every_metric_that_says_trouble_is_watched() -> None:
    watched = {name for rule in RULES for name in NAME.findall(rule["expr"])}
    trouble = {"jointly_outbox_lag_rows", "jointly_consumer_lag_records", "jointly_parked_events"}
    assert trouble | {"jointly_gaps_given_up_total", "jointly_requests_total"} <= watched
