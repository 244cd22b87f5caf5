"""Pictures of any size and direction, as frames of one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import av
import numpy as np

LONG_MAX: Final = 1920
SHORT_MAX: Final = 1080

_BLACK: Final = (16, 128, 128)  # Y, Cb, Cr

Plane = np.ndarray[Any, np.dtype[np.uint8]]
Size = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture as it came, `data` being I420, to be turned by `turned` degrees clockwise. `full`
    is the size that its track is said to have: the first pictures are often smaller."""

    width: int
    height: int
    data: memoryview
    turned: int = 0
    full: Size = (0, 0)


def film_size(first: Picture) -> Size:
    """The size of a film that begins with this picture: its shape, as large as its track will be,
    1920x1080 or 1080x1920 at the most, and even."""
    width, height = first.width, first.height
    if first.turned % 180:
        width, height = height, width
    scale = max(1.0, max(first.full) / max(width, height))
    scale = min(scale, LONG_MAX / max(width, height), SHORT_MAX / min(width, height))
    return _even(width * scale), _even(height * scale)


def black(size: Size) -> av.VideoFrame:
    return _frame(_ground(size), size)


def frame_of(picture: Picture, size: Size) -> av.VideoFrame:
    """The picture, upright, in the middle of a frame of this size, with black beside it where its
    shape is another."""
    frame = _upright(picture)
    scale = min(size[0] / frame.width, size[1] / frame.height)
    inner = (_even(frame.width * scale), _even(frame.height * scale))
    if (frame.width, frame.height) != inner:
        frame = frame.reformat(width=inner[0], height=inner[1], interpolation="BILINEAR")
    return frame if inner == size else _framed(frame, size)


def _upright(picture: Picture) -> av.VideoFrame:
    flat = np.frombuffer(picture.data, np.uint8)
    size = (picture.width, picture.height)
    if not (picture.turned or picture.width % 2 or picture.height % 2):
        return _frame(flat, size)
    planes = [np.rot90(plane, -picture.turned // 90) for plane in _planes(flat, size)]
    height, width = (length // 2 * 2 for length in planes[0].shape)
    sizes = ((height, width), *[(height // 2, width // 2)] * 2)
    cut = [plane[:rows, :columns] for plane, (rows, columns) in zip(planes, sizes, strict=True)]
    return _frame(np.concatenate([plane.ravel() for plane in cut]), (width, height))


def _framed(frame: av.VideoFrame, size: Size) -> av.VideoFrame:
    ground = _ground(size)
    inner = np.asarray(frame.to_ndarray(), np.uint8).reshape(-1)
    left, top = ((size[0] - frame.width) // 4 * 2, (size[1] - frame.height) // 4 * 2)
    there = zip(_planes(ground, size), _planes(inner, (frame.width, frame.height)), strict=True)
    for number, (plane, part) in enumerate(there):
        row, column = (top, left) if number == 0 else (top // 2, left // 2)
        plane[row : row + part.shape[0], column : column + part.shape[1]] = part
    return _frame(ground, size)


def _ground(size: Size) -> Plane:
    luma = size[0] * size[1]
    return np.repeat(np.array(_BLACK, np.uint8), (luma, luma // 4, luma // 4))


def _planes(flat: Plane, size: Size) -> list[Plane]:
    """The three planes of an I420 picture, as views."""
    width, height = size
    half = ((height + 1) // 2, (width + 1) // 2)
    shapes = ((height, width), half, half)
    ends = np.cumsum([rows * columns for rows, columns in shapes])
    parts = np.split(flat[: ends[-1]], ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def _frame(flat: Plane, size: Size) -> av.VideoFrame:
    width, height = size
    return av.VideoFrame.from_ndarray(flat.reshape(height * 3 // 2, width), format="yuv420p")


def _even(length: float) -> int:
    return max(2, round(length / 2) * 2)
