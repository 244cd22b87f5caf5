from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from livectl.adapters.mongo.store import MongoStore
from tests.adapters.mongo.documents import Raw
from tests.parts.ferretdb import Databases


@pytest.fixture
def uri(mongodb: Databases) -> str:
    return mongodb.fresh_uri()


@pytest.fixture
def database(uri: str) -> Iterator[Database[Raw]]:
    """The store's database, as another program sees it."""
    with MongoClient[Raw](uri, tz_aware=True) as client:
        yield client.get_default_database()


@pytest.fixture
async def store(uri: str) -> AsyncIterator[MongoStore]:
    store = MongoStore(uri)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def twin(store: MongoStore, uri: str) -> AsyncIterator[MongoStore]:
    twin = MongoStore(uri)
    await twin.open()
    yield twin
    await twin.close()
