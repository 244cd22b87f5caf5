from __future__ import annotations

import numpy as np
import pytest

from livectl.adapters.recorder.picture import Picture, Size, film_size, frame_of


def picture(width: int, height: int, *, turned: int = 0, full: Size = (0, 0)) -> Picture:
    """Bright in its upper left quarter, dark elsewhere."""
    luma = np.full((height, width), 40, np.uint8)
    luma[: height // 2, : width // 2] = 200
    chroma = np.full(((width + 1) // 2) * ((height + 1) // 2) * 2, 128, np.uint8)
    data = memoryview(luma.tobytes() + chroma.tobytes())
    return Picture(width=width, height=height, data=data, turned=turned, full=full)


def luma_of(shown: Picture, size: Size) -> np.ndarray:
    frame = frame_of(shown, size)
    assert (frame.width, frame.height) == size
    return frame.to_ndarray()[: size[1]]


@pytest.mark.parametrize(
    ("first", "size"),
    [
        (picture(640, 360), (640, 360)),
        (picture(641, 359), (640, 360)),
        (picture(320, 180, full=(1280, 720)), (1280, 720)),
        (picture(320, 180, turned=90, full=(1280, 720)), (720, 1280)),
        (picture(180, 320, full=(1280, 720)), (720, 1280)),
        (picture(3840, 2160), (1920, 1080)),
        (picture(2160, 3840), (1080, 1920)),
        (picture(1280, 960, full=(640, 480)), (1280, 960)),
    ],
)
def test_a_film_has_the_shape_of_its_first_picture_and_the_size_of_its_track(
    first: Picture, size: Size
) -> None:
    assert film_size(first) == size


def test_a_picture_of_the_films_size_is_shown_as_it_is() -> None:
    luma = luma_of(picture(64, 48), (64, 48))

    assert (luma[:24, :32] == 200).all()
    assert (luma[24:] == 40).all()


def test_a_picture_of_another_shape_is_in_the_middle_with_black_beside_it() -> None:
    luma = luma_of(picture(60, 120), (160, 80))

    assert (luma[:, :58] == 16).all()
    assert (luma[:, 102:] == 16).all()
    assert luma[20, 65] == pytest.approx(200, abs=3)
    assert luma[60, 90] == pytest.approx(40, abs=3)


@pytest.mark.parametrize(
    ("turned", "bright"), [(90, (0, 1)), (180, (1, 1)), (270, (1, 0)), (0, (0, 0))]
)
def test_a_picture_is_turned_upright(turned: int, bright: tuple[int, int]) -> None:
    size = (48, 64) if turned % 180 else (64, 48)
    luma = luma_of(picture(64, 48, turned=turned), size)

    rows, columns = size[1] // 2, size[0] // 2
    corner = luma[bright[0] * rows :, bright[1] * columns :][:rows, :columns]
    assert (corner == 200).all()


def test_an_odd_picture_loses_its_last_row_and_column() -> None:
    luma = luma_of(picture(65, 49), (64, 48))

    assert (luma[:24, :32] == 200).all()
