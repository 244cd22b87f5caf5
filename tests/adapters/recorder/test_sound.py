from __future__ import annotations

import numpy as np
import pytest

from livectl.adapters.recorder.sound import CHANNELS, RATE, Samples, SoundLine

PIECE = RATE // 100


def piece(level: int = 1000) -> Samples:
    return np.full((PIECE, CHANNELS), level, np.int16)


def written(line: SoundLine, arrivals: list[float]) -> Samples:
    return np.concatenate([part for at in arrivals for part in line.take(at, piece())])


def test_pieces_that_come_in_time_are_written_as_they_are() -> None:
    line = SoundLine()

    sound = written(line, [(number + 1) / 100 for number in range(200)])

    assert len(sound) == line.written == 200 * PIECE
    assert (sound == 1000).all()


def test_pieces_that_come_in_a_bunch_after_a_short_stall_are_all_kept_in_place() -> None:
    line = SoundLine()
    times = [(number + 1) / 100 for number in range(300)]

    sound = written(line, [1.3 if 1 < at < 1.3 else at for at in times])

    assert len(sound) == 300 * PIECE
    assert (sound == 1000).all()


def test_a_hole_is_filled_with_silence() -> None:
    line = SoundLine()
    written(line, [0.01])

    silence, sound = line.take(2.01, piece())

    assert len(silence) + PIECE == 2 * RATE
    assert not silence.any()
    assert (sound == 1000).all()
    assert line.written == round(2.01 * RATE)


def test_a_gap_too_short_for_a_hole_is_made_up_within_a_second() -> None:
    line = SoundLine()
    written(line, [0.01])

    written(line, [0.3 + number / 100 for number in range(100)])

    assert line.written / RATE == pytest.approx(0.3 + 0.99, abs=0.005)


@pytest.mark.parametrize("drift", [-0.003, 0.003])
def test_a_clock_that_runs_differently_is_followed_without_a_gap(drift: float) -> None:
    line = SoundLine()
    lateness = [0.0, 0.02, 0.004, 0.011]
    number = np.arange(60 * 100)
    arrivals = (number + 1) / 100 * (1 + drift) + np.resize(lateness, len(number))

    sound = written(line, list(arrivals))

    assert line.written / RATE == pytest.approx(60 * (1 + drift), abs=0.02)
    assert (sound == 1000).all()


def test_sound_whose_place_is_taken_by_silence_is_cut() -> None:
    line = SoundLine()
    for silence in line.fill(3.0):
        assert len(silence) == 3 * RATE

    assert list(line.take(1.0, piece())) == []
    assert line.written == 3 * RATE


def test_filling_up_to_what_is_written_adds_nothing() -> None:
    line = SoundLine()
    written(line, [0.01, 0.02])

    assert list(line.fill(0.02)) == []
