"""Making a whole file of what a killed recorder left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import av

_FREE = 8 + 8  # bytes: a header with a 64-bit length


def mend(file: Path) -> float | None:
    """Cut the torn end off and make a plain MP4 of the rest, as it would have been; its length in
    seconds, None where nothing in it plays. A file that is whole stays as it is.

    Where the disk has no room for the copy, the fragmented file stays, which plays as well. Safe
    to repeat, and to be killed in.
    """
    if not file.exists():
        return None
    with file.open("r+b") as content:
        boxes = list(_boxes(content, file.stat().st_size))
        kinds = [kind for kind, _ in boxes]
        if "moov" not in kinds or "mdat" not in kinds:
            return None
        if "moof" in kinds or kinds.index("moov") < kinds.index("mdat"):
            content.truncate(max(end for kind, end in boxes if kind == "mdat"))
            _make_plain(file)
    return _length(file)


def _make_plain(file: Path) -> None:
    aside = file.with_suffix(".mended")
    with suppress(OSError):
        _copy(file, aside)
        aside.replace(file)
        _synced(file.parent)
    aside.unlink(missing_ok=True)


def _boxes(content: BinaryIO, size: int) -> Iterator[tuple[str, int]]:
    """The whole boxes of the file, each with where it ends."""
    start = 0
    while start + _FREE <= size:
        content.seek(start)
        head = content.read(_FREE)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8 or start + length > size:
            return
        start += length
        yield head[4:8].decode("latin-1"), start


def _copy(file: Path, to: Path) -> None:
    """The same packets in a plain MP4. Raises OSError, e.g. where the disk is full."""
    with av.open(str(file)) as source, av.open(str(to), "w", format="mp4") as target:
        streams = {
            stream.index: target.add_stream_from_template(stream) for stream in source.streams
        }
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    _synced(to)


def _length(file: Path) -> float | None:
    with av.open(str(file)) as source:
        return source.duration / 1_000_000 if source.duration else None


def _synced(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
