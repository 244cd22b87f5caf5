from __future__ import annotations

import os
import shutil
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from livectl.adapters.recorder.film import Film
from livectl.adapters.recorder.mend import mend
from livectl.adapters.recorder.picture import Picture
from livectl.adapters.recorder.sound import CHANNELS, RATE
from tests.adapters.recorder.clapper import CLAP_S, watch

SIZE = (160, 90)
_WAVE = (np.sin(2 * np.pi * 1000 * np.arange(RATE // 100) / RATE) * 12_000).astype(np.int16)


def _picture(light: int) -> Picture:
    data = bytes([light]) * (160 * 90) + bytes([128]) * (160 * 90 // 2)
    return Picture(width=160, height=90, data=memoryview(data))


def play(
    film: Film, begin: float, end: float, *, pictures: bool = True, sound: bool = True
) -> None:
    """A clap each second, as things come: sound each 10 ms, a picture each 40, a tick each 50."""
    for number in range(round(begin * 100), round(end * 100)):
        at = number / 100
        clap = at % 1 < CLAP_S
        if pictures and number % 4 == 0:
            film.picture(at, _picture(235 if clap else 50))
        if sound:
            piece = np.repeat((_WAVE if clap else 0 * _WAVE)[:, None], CHANNELS, axis=1)
            film.sound(at + 0.01, piece)
        if number % 5 == 0:
            film.tick(at)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "film.mp4"


def test_a_film_is_a_plain_mp4_with_picture_and_sound_in_step(file: Path) -> None:
    film = Film(file, SIZE)
    play(film, 0, 5)
    film.close(5)

    seen = watch(file)
    assert seen.size == SIZE
    assert seen.seconds == pytest.approx((5, 5), abs=0.06)
    assert len(seen.steps) == 5
    assert all(abs(step) <= 0.03 for step in seen.steps)
    with av.open(str(file)) as container:
        assert container.duration == pytest.approx(5_000_000, abs=60_000)
    assert b"moof" not in _kinds(file)


def test_the_last_picture_stays_while_none_comes_and_silence_while_no_sound_does(
    file: Path,
) -> None:
    film = Film(file, SIZE)
    play(film, 0, 1.5)
    play(film, 1.5, 4.5, pictures=False, sound=False)
    play(film, 4.5, 6)
    film.close(6)

    seen = watch(file)
    assert seen.seconds == pytest.approx((6, 6), abs=0.06)
    assert max(b - a for a, b in pairwise(seen.pictures)) < 0.35
    assert max(seen.loud[160:440]) < 100
    assert [round(flash) for flash in seen.flashes] == [0, 1, 5]
    assert [round(beep) for beep in seen.beeps] == [0, 1, 5]
    assert all(abs(step) <= 0.03 for step in seen.steps)


def test_a_film_is_black_before_its_first_picture(file: Path) -> None:
    film = Film(file, SIZE)
    play(film, 0, 1, pictures=False)
    play(film, 1, 2)
    film.close(2)

    seen = watch(file)
    assert seen.pictures[0] == 0
    assert all(
        light < 30 for at, light in zip(seen.pictures, seen.lights, strict=True) if at < 0.95
    )


def test_there_are_never_more_than_two_seconds_between_keyframes(file: Path) -> None:
    film = Film(file, SIZE)
    play(film, 0, 5)
    film.close(5)

    with av.open(str(file)) as container:
        keys = [
            float(packet.pts * packet.time_base)
            for packet in container.demux(video=0)
            if packet.is_keyframe and packet.pts is not None
        ]
    assert max(b - a for a, b in pairwise([*keys, 5.0])) < 2.1


def test_what_a_killed_recorder_left_plays_up_to_the_last_two_seconds(
    file: Path, tmp_path: Path
) -> None:
    film = Film(file, SIZE)
    play(film, 0, 6)

    left = tmp_path / "left.mp4"
    shutil.copyfile(file, left)  # all that the disk has at this moment
    seconds = mend(left)

    assert seconds is not None
    assert seconds > 4
    seen = watch(left)
    assert min(seen.seconds) > 4
    assert len(seen.steps) >= 4
    assert all(abs(step) <= 0.03 for step in seen.steps)
    assert b"moof" not in _kinds(left)
    film.close(6)


def test_a_file_cut_off_anywhere_plays_up_to_its_last_whole_fragment(
    file: Path, tmp_path: Path
) -> None:
    film = Film(file, SIZE)
    play(film, 0, 6)
    whole = file.read_bytes()
    film.close(6)

    lengths = []
    for size in range(0, len(whole), len(whole) // 12):
        torn = tmp_path / "torn.mp4"
        torn.write_bytes(whole[:size])
        seconds = mend(torn)
        lengths.append(seconds or 0)
        if seconds is not None:
            assert watch(torn).pictures[-1] == pytest.approx(seconds, abs=0.3)
    assert lengths == sorted(lengths)
    assert lengths[0] == 0
    assert lengths[-1] > 4


def test_a_recorder_killed_while_it_closed_the_file_loses_nothing(
    file: Path, tmp_path: Path
) -> None:
    film = Film(file, SIZE)
    play(film, 0, 3)
    growing = file.read_bytes()
    film.close(3)
    whole = file.read_bytes()

    # The index is at the end by now, and the beginning still says that there are fragments.
    halfway = tmp_path / "halfway.mp4"
    halfway.write_bytes(growing[:1000] + whole[1000:])
    seconds = mend(halfway)

    assert seconds == pytest.approx(3, abs=0.7)


def test_mending_a_whole_file_changes_nothing(file: Path) -> None:
    film = Film(file, SIZE)
    play(film, 0, 2)
    film.close(2)
    before = file.read_bytes()

    assert mend(file) == pytest.approx(2, abs=0.06)
    assert file.read_bytes() == before


def test_nothing_is_made_of_a_file_that_is_not_there_or_has_nothing(file: Path) -> None:
    assert mend(file) is None
    file.write_bytes(os.urandom(5000))
    assert mend(file) is None


def _kinds(file: Path) -> list[bytes]:
    content, start, found = file.read_bytes(), 0, []
    while start + 8 <= len(content):
        found.append(content[start + 4 : start + 8])
        start += max(8, int.from_bytes(content[start : start + 4], "big"))
    return found
