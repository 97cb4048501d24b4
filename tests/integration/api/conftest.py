import pytest

from tests.support.doors import World, make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two tenants and their tokens, made once per file."""
    made = make_world(tmp_path_factory.mktemp("world"))
    made.sign_in()
    return made


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world of its own, for tests that break it."""
    made = make_world(tmp_path_factory.mktemp("fresh"))
    made.sign_in()
    return made
