from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from livectl.server.logs import configure


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root, driver = logging.getLogger(), logging.getLogger("pymongo")
    kept = root.handlers[:], root.level, driver.level
    yield
    root.handlers[:] = kept[0]
    root.setLevel(kept[1])
    driver.setLevel(kept[2])


@pytest.mark.parametrize(("level", "told"), [("debug", "INFO"), ("warning", "WARNING")])
def test_the_database_driver_never_writes_its_commands_which_hold_stream_keys(
    level: str, told: str
) -> None:
    configure(level=level, as_json=True)
    driver = logging.getLogger("pymongo.command")
    assert logging.getLevelName(driver.getEffectiveLevel()) == told
