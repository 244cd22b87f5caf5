"""Documents that are saved whole, each over the revision that it was read as."""

from __future__ import annotations

from collections.abc import Iterable

from pymongo.errors import DuplicateKeyError, OperationFailure

from livectl.adapters.mongo.connection import Document, is_taken
from livectl.adapters.mongo.log import IN_FORCE, LIFTED, replacing
from livectl.adapters.mongo.streams import StreamsPart
from livectl.domain.event import Event
from livectl.errors import Conflict


class RevisedPart(StreamsPart):
    """For recordings and ingress keys: `taken` is what is raised where a unique field is another's.
    A stream has one in each `slot`."""

    async def _add_revised(
        self, collection: str, raw: Document, event: Event, *, taken: Conflict
    ) -> None:
        try:
            await self._add(collection, raw, event)
        except DuplicateKeyError as error:
            raise taken from error

    async def _save_revised(
        self,
        collection: str,
        raw: Document,
        event: Event | None,
        *,
        names: Iterable[str],
        taken: Conflict,
    ) -> bool:
        """As the next revision, `names` being all fields that it could have; False where another
        came in between."""
        fields = {name: value for name, value in raw.items() if name != "_id"}
        way = ({**IN_FORCE, "rev": raw["rev"] - 1}, replacing(fields, names))
        try:
            return await self._change(collection, raw["_id"], event, way) is not None
        except OperationFailure as error:
            if is_taken(error):
                raise taken from error
            raise

    async def _remove_revised(self, collection: str, id_: str, rev: int, event: Event) -> bool:
        """False where another came in between. Its slot is free at once."""
        return await self._lift(
            collection, id_, event, {**IN_FORCE, "rev": rev}, {**LIFTED, "slot": id_}
        )
