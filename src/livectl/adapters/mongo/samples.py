"""The product's numbers over time."""

from __future__ import annotations

from datetime import datetime

import msgspec

from livectl.adapters.mongo.connection import SAMPLES, Connected, call
from livectl.adapters.mongo.documents import struct_document
from livectl.domain.sample import Sample


class SamplesPart(Connected):
    @call
    async def add_sample(self, sample: Sample) -> None:
        document = struct_document(sample)
        await self._in(SAMPLES).replace_one({"_id": sample.at}, document, upsert=True)

    @call
    async def samples(self, *, since: datetime) -> list[Sample]:
        found = self._in(SAMPLES).find({"_id": {"$gte": since}}).sort("_id", 1)
        return [msgspec.convert(raw, Sample) async for raw in found]

    @call
    async def prune_samples(self, *, before: datetime) -> int:
        return (await self._in(SAMPLES).delete_many({"_id": {"$lt": before}})).deleted_count
