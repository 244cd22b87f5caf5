from __future__ import annotations

import pytest

from tests.commands.test_streams import go_live
from tests.shell import Shell


@pytest.fixture
def stream(shell: Shell) -> str:
    """A live stream of anna."""
    return go_live(shell, "anna", "--title", "Evening")
