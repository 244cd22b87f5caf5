"""`api` is a running application on SQLite and the session's LiveKit, without webhooks from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from livectl.app import create_app
from livectl.config import Settings, load
from tests.parts.livekit import LiveKit
from tests.server.api import JWT_SECRET, METRICS_TOKEN, Api, entered

NewApi = Callable[..., Awaitable[Api]]


def settings_for(tmp_path: Path, livekit: LiveKit, **changed: str) -> Settings:
    options = {
        "LIVECTL_DATA_DIR": str(tmp_path),
        "LIVEKIT_URL": livekit.url,
        "LIVEKIT_API_KEY": livekit.key,
        "LIVEKIT_API_SECRET": livekit.secret,
        "JWT_SECRET": JWT_SECRET,
        "LIVECTL_METRICS_TOKEN": METRICS_TOKEN,
        **changed,
    }
    return load(options, environ={}, cwd=tmp_path)


@pytest.fixture
async def new_api(tmp_path: Path, livekit: LiveKit) -> AsyncIterator[NewApi]:
    """Applications with settings of the test's own: `await new_api(FEATURE_GO_LIVE="false")`.
    Those of one test share their store."""
    async with AsyncExitStack() as stack:

        async def start(**changed: str) -> Api:
            settings = settings_for(tmp_path, livekit, **changed)
            return await stack.enter_async_context(entered(create_app(settings, background=True)))

        yield start


@pytest.fixture
async def api(new_api: NewApi) -> Api:
    return await new_api()
