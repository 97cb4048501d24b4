"""The Grafana dashboard and the Prometheus rules name metrics that exist, with labels that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Histogram

from backend.monitoring import metrics
from backend.monitoring.watch_rules import LIMITS

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana").glob("*.json"))
_NAME = re.compile(r"\bironbull_[a-z_]+")
_SELECTOR = re.compile(r"(ironbull_[a-z_]+)\{([^}]*)\}")


def exposed() -> dict[str, set[str]]:
    """Every series name of /metrics with its labels, whether or not it has a value yet."""
    found: dict[str, set[str]] = {}
    for one in vars(metrics).values():
        name, labels = getattr(one, "_name", None), set(getattr(one, "_labelnames", ()))
        if not isinstance(name, str) or not name.startswith("ironbull_"):
            continue
        if isinstance(one, Counter):
            found[f"{name}_total"] = labels
        elif isinstance(one, Histogram):
            found |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            found[name] = labels
    return found


def expressions() -> list[str]:
    rules: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
    found = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    for path in DASHBOARDS:
        found += [target["expr"] for panel in json.loads(path.read_text())["panels"] for target in panel["targets"]]
    return found


def test_there_is_a_dashboard_and_rules() -> None:
    assert DASHBOARDS and len(expressions()) > 25


@pytest.mark.parametrize("expression", expressions())
def test_every_metric_and_label_exists(expression: str) -> None:
    known = exposed()
    for name in _NAME.findall(expression):
        assert name in known, f"{name} is not in /metrics"
    for name, inside in _SELECTOR.findall(expression):
        for part in re.findall(r"([a-z_]+)\s*(?:=~|!=|=|!~)\s*\"([^\"]*)\"", inside):
            assert part[0] in known[name], f"{name} has no label {part[0]}"
            if part[0] == "limit":
                assert set(part[1].split("|")) <= set(LIMITS)
    assert expression.count("(") == expression.count(")") and expression.count("{") == expression.count("}")


def test_every_metric_stands_somewhere() -> None:
    text = " ".join(expressions())
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed()}
    assert [name for name in sorted(families) if not re.search(rf"\b{name}(_bucket)?\b", text)] == []


def test_the_files_have_the_shape_their_readers_want() -> None:
    prometheus = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    assert prometheus["scrape_configs"][0]["metrics_path"] == "/metrics" and prometheus["rule_files"] == ["alerts.yml"]
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("warning", "critical") and rule["annotations"]["summary"]
    for path in DASHBOARDS:
        panels = json.loads(path.read_text())["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        cells = [(x, y) for p in panels for x in range(p["gridPos"]["x"], p["gridPos"]["x"] + p["gridPos"]["w"])
                 for y in range(p["gridPos"]["y"], p["gridPos"]["y"] + p["gridPos"]["h"])]  # fmt: skip
        assert len(cells) == len(set(cells)) and max(x for x, _ in cells) < 24, "panels lie on each other"
