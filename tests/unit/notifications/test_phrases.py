"""Every message the platform writes by itself reads in Chinese, with the same figures; what people typed stays."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.bots.restart_rules import FATAL
from backend.execution.apply import CLOSE_WORDS
from backend.monitoring.watch_rules import LIMITS, NAMES, with_unit
from backend.notifications.phrases import in_chinese, said
from backend.risk.switches import WORDS

# The functions that write a message, and where its words stand among their arguments.
WRITERS = {"Notification": (), "notify_agent": (4,), "_notify": (3, 4), "_tell": (2, 3), "_tell_tenant": (2, 3)}
NAMED = ("title", "message")
# What these become when they are written: the rest comes from elsewhere.
WHOLE = {
    "Opened 7": "Opened SOL/USDT LONG", "Closed 7": "Closed SOL/USDT LONG", "7 for 7": "Trading goes on for the platform",
    "Trading is stopped": "Trading is stopped for this tenant", "Trading goes on": "Trading goes on for this account", "7: 7": "You: 7",
}  # fmt: skip


def _samples(node: ast.expr) -> Iterator[str]:
    """Texts an expression can give, a word in each hole; nothing for what is not written here."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "7" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from _samples(node.body)
        yield from _samples(node.orelse)
    elif isinstance(node, ast.Subscript):
        yield from _samples(node.value)


def _written() -> Iterator[tuple[str, str]]:
    for path in sorted(Path("backend").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name not in WRITERS:
                continue
            given = [node.args[n] for n in WRITERS[name] if n < len(node.args)]
            given += [word.value for word in node.keywords if word.arg in NAMED]
            for one in given:
                yield from ((str(path), text) for text in _samples(one) if re.search(r"[a-z]{3}", text))


@pytest.mark.parametrize(("where", "text"), sorted(set(_written())))
def test_every_written_message_has_its_chinese(where: str, text: str) -> None:
    assert re.search(r"[\u4e00-\u9fff]", in_chinese(WHOLE.get(text, text))), f"{where}: add a phrase for {text!r}"


def test_figures_and_words_are_kept() -> None:
    assert in_chinese("Opened SOL/USDT SHORT") == "已开仓 SOL/USDT 做空"
    assert in_chinese("12.5 at 143.02") == "12.5，价格 143.02"
    text = in_chinese("Trailing stop. Realised PnL -8.42 USDT before fees of 1.01.")
    assert text == "移动止损。已实现盈亏 -8.42 USDT，未计手续费 1.01。"
    assert in_chinese("Profit share for November 2026: 12.50 USDT. The statement shows every trade.").startswith("2026 年 11 月利润分成：12.50 USDT")
    assert in_chinese("It was sent by node hk-1: its node is silent.") == "由节点 hk-1发送：节点没有响应。"


def test_every_word_of_a_hole_is_known() -> None:
    for word in CLOSE_WORDS.values():
        assert word not in in_chinese(f"{word}. Realised PnL +1.00 USDT before fees of 0.10.")
    for whom in WORDS.values():
        assert whom not in in_chinese(f"Trading is stopped for {whom}")
    for cause in FATAL.values():
        assert "。" in in_chinese(f"Bot of user 12: {cause}") and cause not in in_chinese(f"Bot of user 12: {cause}")


def test_what_people_typed_stays_as_they_typed_it() -> None:
    assert in_chinese("You: exchange maintenance until noon") == "你：exchange maintenance until noon"
    assert in_chinese("Maintenance tonight: we are back at nine") == "Maintenance tonight: we are back at nine"
    assert in_chinese("") == ""


def test_only_chinese_readers_get_chinese() -> None:
    assert said("Withdrawal paid", "en") == "Withdrawal paid"
    assert said("Withdrawal paid", "zh-CN") == said("Withdrawal paid", "zh") == "提现已支付"


@pytest.mark.parametrize("limit", sorted(LIMITS))
def test_every_measurement_is_told_in_words(limit: str) -> None:
    told = f"{NAMES[limit]}: {with_unit(limit, 3_641)}, the limit is {with_unit(limit, 2_000)}."
    chinese = in_chinese(told)
    assert NAMES[limit] not in chinese and "3,641" in chinese and "上限为 2,000" in chinese
    assert in_chinese(f"{NAMES[limit]}: {with_unit(limit, 90)} / {with_unit(limit, 60)}").startswith(in_chinese(NAMES[limit]) + "：90")


def test_what_the_monitor_names_has_a_word() -> None:
    assert in_chinese("Monitor: node hk-1") == "监控：节点 hk-1"
    assert in_chinese("Monitor: queue orders waiting") == "监控：待发送订单队列"
    assert in_chinese("Monitor, recovered: database") == "监控，已恢复：数据库"
