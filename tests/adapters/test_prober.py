from __future__ import annotations

import builtins
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import av
import pytest

from livectl.adapters.prober import AvProber
from livectl.errors import BadInput, NotReady, Unavailable
from tests.services.films import BROKEN, SECONDS, film, rotten

PROBER = AvProber()
by_kind = pytest.mark.parametrize("kind", BROKEN)


def opener(content: bytes) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(content)


def size_of(jpeg: bytes) -> tuple[int, int]:
    with av.open(io.BytesIO(jpeg)) as container:
        return container.streams.video[0].width, container.streams.video[0].height


@pytest.mark.parametrize("fragmented", [False, True])
async def test_what_a_film_is_is_read_from_itself(fragmented: bool) -> None:
    facts = await PROBER.facts(opener(film(fragmented=fragmented)), "mp4")
    assert facts.duration == pytest.approx(SECONDS, abs=0.1)
    assert (facts.width, facts.height) == (320, 180)
    assert (facts.video_codec, facts.audio_codec) == ("h264", "aac")
    assert facts.problem is None


async def test_a_film_without_sound_is_a_film() -> None:
    facts = await PROBER.facts(opener(film(sound=False)), "mp4")
    assert (facts.audio_codec, facts.problem) == (None, None)


@by_kind
async def test_what_cannot_be_played_is_told_with_the_reason(kind: str) -> None:
    make, told = BROKEN[kind]
    facts = await PROBER.facts(opener(make()), "mp4")
    assert facts.problem is not None
    assert told in facts.problem


@pytest.mark.parametrize("kind", [kind for kind in BROKEN if kind != "cut off"])
async def test_of_what_cannot_be_decoded_there_are_no_pictures(kind: str) -> None:
    make, _ = BROKEN[kind]
    with pytest.raises(BadInput, match="picture"):
        await PROBER.pictures(opener(make()), "sprite.jpg")


async def test_poster_and_sprite_are_pictures_and_the_thumbnails_say_where_each_is() -> None:
    made = await PROBER.pictures(opener(film()), "a.sprite.jpg")
    assert size_of(made.poster) == (320, 180)
    assert size_of(made.sprite) == (3 * 160, 90)
    lines = made.thumbnails.splitlines()
    assert lines[0] == "WEBVTT"
    assert "00:00:00.000 --> 00:00:02.0" in lines[2]
    places = [line for line in lines if "#xywh=" in line]
    assert places == [f"a.sprite.jpg#xywh={number * 160},0,160,90" for number in range(3)]


async def test_the_thumbnails_show_what_is_seen_at_their_time() -> None:
    made = await PROBER.pictures(opener(film()), "a.sprite.jpg")
    with av.open(io.BytesIO(made.sprite)) as container:
        sprite = next(container.decode(video=0)).to_ndarray(format="gray")
    shades = [int(sprite[45, number * 160 + 150]) for number in range(3)]
    # The pictures of the film get brighter by 40 a second.
    assert shades[0] < shades[1] < shades[2]
    assert shades[1] - shades[0] == pytest.approx(80, abs=45)


async def test_a_whole_film_decodes_at_its_start_middle_and_end() -> None:
    assert await PROBER.decode(opener(film())) is None


async def test_a_film_that_is_rotten_in_the_middle_is_found_by_decoding_only() -> None:
    assert (await PROBER.facts(opener(rotten()), "mp4")).problem is None
    assert await PROBER.decode(opener(rotten())) is not None


async def test_a_bucket_that_goes_away_while_it_is_read_is_no_broken_film() -> None:
    class Away(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 2000:
                raise Unavailable("S3, get_object a.mp4: it does not answer")
            return super().read(size)

    for call in (
        PROBER.facts(lambda: Away(film()), "mp4"),
        PROBER.pictures(lambda: Away(film()), "sprite.jpg"),
        PROBER.decode(lambda: Away(film())),
    ):
        with pytest.raises(Unavailable, match="does not answer"):
            await call


async def test_only_parts_of_a_long_file_are_read(tmp_path: Path) -> None:
    read = 0

    class Counted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal read
            piece = super().read(size)
            read += len(piece)
            return piece

    long = film()
    moov = long.index(b"moov") - 4
    # A box that nobody needs, as large as hours of film.
    padded = long[:moov] + (50_000_000).to_bytes(4, "big") + b"free" + bytes(49_999_992)
    facts = await PROBER.facts(lambda: Counted(padded + long[moov:]), "mp4")
    assert facts.problem is None
    assert read < 1_000_000


async def test_without_the_media_extra_it_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_av(name: str, *args: Any) -> Any:
        if name == "av":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without_av)
    with pytest.raises(NotReady) as raised:
        await PROBER.facts(opener(b""), "mp4")
    assert raised.value.hint == "pip install 'livectl[media]'"
