from __future__ import annotations

from typing import Any

from livectl.ports.objects import Objects, StoredObject
from livectl.services.bucket import find_objects
from tests.services.conftest import NOON


class Counted:
    """The bucket, which counts its calls."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.heads = self.listed = 0

    async def head(self, path: str) -> Any:
        self.heads += 1
        return await self._objects.head(path)

    async def pages(self, prefix: str, *, after: str | None = None) -> Any:
        async for page in self._objects.pages(prefix, after=after):
            self.listed += 1
            yield page


async def put(objects: Objects, *paths: str) -> None:
    for path in paths:
        await objects.put(path, b"x", content_type="video/mp4")


async def test_objects_are_found_by_listing_the_stretch_they_lie_in(objects: Objects) -> None:
    there = [f"rec/2026/0{month}/s{number}/a.mp4" for month in (1, 2) for number in range(5)]
    await put(objects, "before/a.mp4", *there, "rec/2026/03/z.mp4")
    counted: Any = Counted(objects)
    asked = [*there[2:8], "rec/2026/01/s2/b.mp4", "rec/2026/02/s2/"]
    found = await find_objects(counted, asked)
    assert sorted(found) == sorted(there[2:8])
    assert (counted.heads, counted.listed) == (0, 1)
    assert await find_objects(counted, []) == {}
    assert sorted(await find_objects(counted, ["rec/2026/03/z.mp4"])) == ["rec/2026/03/z.mp4"]
    assert await find_objects(counted, ["nowhere/a.mp4"]) == {}


async def test_where_many_others_lie_between_them_each_is_asked_for() -> None:
    class Full:
        """A bucket with a million objects between two."""

        def __init__(self) -> None:
            self.pages_given = 0

        async def head(self, path: str) -> Any:
            return StoredObject(path=path, size=1, modified_at=NOON)

        async def pages(self, prefix: str, *, after: str | None = None) -> Any:
            for page in range(1000):
                self.pages_given += 1
                yield [
                    StoredObject(path=f"rec/m{page:04}{number:04}", size=1, modified_at=NOON)
                    for number in range(1000)
                ]

    full: Any = Full()
    found = await find_objects(full, ["rec/a.mp4", "rec/z.mp4"])
    assert sorted(found) == ["rec/z.mp4"]
    assert full.pages_given < 5
