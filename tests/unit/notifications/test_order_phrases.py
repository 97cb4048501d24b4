"""What an order, a stop of a bot or a precondition says is there in Chinese, too: no sentence of the executor is left out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from backend.bots.preconditions import SENTENCES
from backend.bots.restart_rules import FATAL
from backend.execution.resting import WHY
from backend.notifications.phrases import in_chinese
from pages.agent.parts import CANNOT

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def _of_the_executor() -> set[str]:
    """Sentences given to an error of the node's code, figures in their holes."""
    found: set[str] = set()
    for path in (*Path("node_service").glob("*.py"),):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if name not in {"VenueError", "_Row", "_not_isolated"}:
                continue
            for given in node.args:
                if isinstance(given, ast.Constant) and isinstance(given.value, str) and " " in given.value:
                    found.add(given.value)
                elif isinstance(given, ast.JoinedStr):
                    found.add("".join(p.value if isinstance(p, ast.Constant) else "7" for p in given.values))
    return found


@pytest.mark.parametrize("sentence", sorted(_of_the_executor()))
def test_the_executors_sentences(sentence: str) -> None:
    assert CHINESE.search(in_chinese(sentence)), f"add a phrase for {sentence!r}"


@pytest.mark.parametrize("sentence", [*FATAL.values(), *WHY.values(), *(one.sentence for one in SENTENCES.values())])
def test_what_bots_and_entries_say(sentence: str) -> None:
    assert CHINESE.search(in_chinese(sentence))


def test_every_precondition_has_its_words_on_the_page() -> None:
    assert set(CANNOT) == set(SENTENCES)
