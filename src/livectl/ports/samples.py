"""Numbers over time, as the store keeps them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from livectl.domain.sample import Sample


class SampleStore(Protocol):
    """The product's numbers over time."""

    async def add_sample(self, sample: Sample) -> None: ...

    async def samples(self, *, since: datetime) -> list[Sample]:
        """Oldest first."""
        ...

    async def prune_samples(self, *, before: datetime) -> int: ...
