from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from livectl.adapters.recorder.picture import Picture
from livectl.adapters.recorder.reel import Reel
from livectl.adapters.recorder.sound import CHANNELS, RATE
from tests.adapters.recorder.clapper import watch

TONE = np.full((RATE // 100, CHANNELS), 9000, np.int16)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "film.mp4"


def picture(width: int = 160, height: int = 90) -> Picture:
    return Picture(width=width, height=height, data=memoryview(bytes(width * height * 3 // 2)))


def test_nothing_that_came_is_no_film_and_no_error(file: Path) -> None:
    reel = Reel(file)
    reel.start()
    reel.tick(time.monotonic())
    reel.finish()

    assert (reel.began_at, reel.error, reel.whole) == (None, None, False)
    assert not file.exists()


def test_a_host_who_only_speaks_is_a_film_of_black_pictures(file: Path) -> None:
    reel = Reel(file)
    reel.start()
    begin = time.monotonic() - 4
    for number in range(400):
        reel.sound(begin + number / 100 + 0.01, TONE)
        reel.tick(begin + number / 100)
    reel.finish()

    assert reel.whole
    film = watch(file)
    assert film.size == (1280, 720)
    assert film.seconds == pytest.approx((4, 4), abs=0.2)
    assert max(film.lights) < 30


def test_the_first_picture_gives_a_film_its_size_though_sound_came_before(file: Path) -> None:
    reel = Reel(file)
    reel.start()
    begin = time.monotonic() - 2
    for number in range(200):
        reel.sound(begin + number / 100 + 0.01, TONE)
        if number >= 100 and number % 4 == 0:
            reel.picture(begin + number / 100, picture(640, 360))
    reel.finish()

    film = watch(file)
    assert film.size == (640, 360)
    assert film.pictures[0] == 0
    assert film.seconds == pytest.approx((2, 2), abs=0.2)


def test_when_the_encoder_cannot_keep_up_pictures_are_left_out_and_sound_is_not(
    file: Path,
) -> None:
    reel = Reel(file)
    begin = time.monotonic()
    for number in range(200):
        reel.sound(begin + number / 100 + 0.01, TONE)
        if number % 4 == 0:
            reel.picture(begin + number / 100, picture())
    reel.start()  # as if it had been held up until now
    reel.finish()

    assert reel.dropped == 50 - 8
    assert min(watch(file).loud[10:190]) > 1000


def test_an_encoder_that_is_late_catches_up_by_skipping_pictures(file: Path) -> None:
    reel = Reel(file)
    reel.start()
    begin = time.monotonic() - 4
    for number in range(400):
        reel.sound(begin + number / 100 + 0.01, TONE)
        if number % 4 == 0:
            reel.picture(begin + number / 100, picture())
        if number % 5 == 0:
            reel.tick(begin + number / 100)
    reel.finish()

    film = watch(file)
    assert 0 < len(film.pictures) < 50
    assert film.seconds == pytest.approx((4, 4), abs=0.2)
    assert min(film.loud[10:390]) > 1000


def test_a_film_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    reel = Reel(tmp_path / "no-such-folder" / "film.mp4")
    reel.start()
    reel.picture(time.monotonic(), picture())
    reel.finish()

    assert reel.error is not None
    assert "No such file" in reel.error
    assert not reel.whole
