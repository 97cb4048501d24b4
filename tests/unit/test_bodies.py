"""What a body says is taken at its word: no text and no true becomes a number, no number a yes."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import backend.api


def bodies() -> Iterator[type[BaseModel]]:
    """The models of all JSON doors but the merchants', whose forms hold texts only."""
    for module in pkgutil.walk_packages(backend.api.__path__, "backend.api."):
        if ".merchant" in module.name:
            continue
        for found in vars(importlib.import_module(module.name)).values():
            if isinstance(found, type) and issubclass(found, BaseModel) and found.__module__ == module.name:
                yield found


@pytest.mark.parametrize("model", list(bodies()), ids=lambda model: f"{model.__module__}.{model.__name__}")
@pytest.mark.parametrize("given", [True, "1", "yes", 1], ids=repr)
def test_a_body_is_taken_at_its_word(model: type[BaseModel], given: Any) -> None:
    for name, field in model.model_fields.items():
        takes: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
        for value in (given, [given]):
            try:
                read = takes.validate_python(value)
            except ValidationError:
                continue
            found = read[0] if isinstance(value, list) else read
            assert type(found) is type(given) or not isinstance(found, int | float), f"{name}: {value!r} is read as {read!r}"
