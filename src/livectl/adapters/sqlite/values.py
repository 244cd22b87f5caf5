"""How values stand in the embedded database: times as whole milliseconds, documents as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from livectl.domain.clock import epoch_ms, from_epoch_ms, iso


def encode(value: Any) -> str:
    return msgspec.json.encode(plain(value)).decode()


def decode(text: str) -> Any:
    return msgspec.json.decode(text)


def plain(value: Any) -> Any:
    """The same with every time as ISO text: what JSON can say."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


def tagged(value: Any) -> Any:
    """The same with every time marked as one, for fields of which the type is not known: another
    store can make the time of it again."""
    if isinstance(value, datetime):
        return {"$date": iso(value)}
    if isinstance(value, dict):
        return {key: tagged(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [tagged(part) for part in value]
    return value


def record_document(struct: msgspec.Struct) -> dict[str, Any]:
    """A struct as an export has it: fields without a value are left out."""
    fields = msgspec.to_builtins(struct, builtin_types=(datetime,))
    return {key: plain(value) for key, value in fields.items() if value is not None}


def whole_document(struct: msgspec.Struct) -> dict[str, Any]:
    """The same for a struct of structs, in which nothing has fields of a free form: they are left
    out in its parts as well."""
    document: dict[str, Any] = _without_nothing(record_document(struct))
    return document


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nothing(part) for key, part in value.items() if part is not None}
    return [_without_nothing(part) for part in value] if isinstance(value, list) else value


def millis(at: datetime | None) -> int | None:
    return None if at is None else epoch_ms(at)


def moment(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else from_epoch_ms(at_ms)
