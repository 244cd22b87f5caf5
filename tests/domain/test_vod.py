from __future__ import annotations

from typing import Any

import pytest

from livectl.domain.recording import Storage
from livectl.domain.stream import Stream
from livectl.domain.vod import (
    companions,
    is_recording,
    named_in,
    owners_of,
    path_in,
    recording_id_in,
    stored_by_others,
    thumbnails_text,
    with_sprite,
)

ONE, TWO = "6b04fa" + "0" * 18, "6b04fb" + "0" * 18


def test_what_is_made_of_a_recording_lies_beside_it_and_leads_back_to_it() -> None:
    for path in (f"rec/2026/03/{ONE}/{TWO}.mp4", f"rec/2026/03/{ONE}/{TWO}/index.m3u8"):
        assert is_recording(path)
        for made in companions(path):
            assert not is_recording(made)
            assert path in owners_of(made)
    assert owners_of("rec/a/index0.ts") == ["rec/a/index.m3u8"]
    assert owners_of("rec/a/b.mp4") == ["rec/a/b.mp4", "rec/a/index.m3u8"]
    assert owners_of("rec/notes.txt") == []


@pytest.mark.parametrize(
    ("path", "id_"),
    [
        (f"recordings/2026/03/{ONE}/{TWO}.mp4", TWO),
        (f"recordings/2026/03/{ONE}/{TWO}/index.m3u8", TWO),
        (f"recordings/2026/03/{ONE}/evening.mp4", None),
        (f"recordings/{TWO}.mp4", None),
        ("a.mp4", None),
        ("index.m3u8", None),
    ],
)
def test_the_id_of_a_recording_is_read_from_its_path(path: str, id_: str | None) -> None:
    assert recording_id_in(path) == id_


def test_a_path_names_streams_by_id_and_by_room() -> None:
    ids, rooms = named_in(f"old/{ONE}/live_anna_1700000000000-{TWO.upper()}.mp4")
    assert ids == [ONE, TWO]
    assert rooms == ["live_anna_1700000000000"]
    assert named_in(f"old/{ONE}0/x.mp4") == ([], [])
    assert named_in("old/live_a_b_1700000000000.mp4") == ([], ["live_a_b_1700000000000"])


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("s3://films/a/b.mp4", "a/b.mp4"),
        ("https://films.s3.eu-west-1.amazonaws.com/a%20b.mp4?x=1", "a b.mp4"),
        ("https://films.s3.amazonaws.com/a.mp4", "a.mp4"),
        ("https://s3.eu-west-1.amazonaws.com/films/a.mp4", "a.mp4"),
        ("http://127.0.0.1:9000/films/a/b.mp4", "a/b.mp4"),
        ("https://http://127.0.0.1:9000/films/a/b.mp4", "a/b.mp4"),
        ("https://cdn.example/x/films/a.mp4", None),
        ("s3://others/a.mp4", None),
        ("https://others.s3.amazonaws.com/films.mp4", None),
        ("https://[broken/films/a.mp4", None),
        ("", None),
    ],
)
def test_a_url_of_the_bucket_in_any_form_names_its_key(url: str, path: str | None) -> None:
    assert path_in("films", url) == path
    assert path_in(None, url) is None


def stream(recording: Any, vod: Any = None) -> Stream:
    return Stream(id=ONE, owner_id="anna", room_name="live_anna_1", recording=recording, vod=vod)


def test_a_document_of_an_older_version_tells_where_its_recording_lies() -> None:
    kept = {"type": "S3", "path": "/a.mp4", "size": 7.0, "duration": 3, "url": "https://x/a.mp4"}
    done = {"status": "completed", "storage": kept}
    assert stored_by_others(stream(done), "S3", "films") == Storage(
        type="S3", bucket="films", path="a.mp4", size=7, duration=3.0, url="https://x/a.mp4"
    )
    by_url = {"status": "completed"}
    vod = {"url": "s3://films/b.m3u8"}
    found = stored_by_others(stream(by_url, vod), "S3", "films")
    assert found is not None
    assert (found.path, found.format) == ("b.m3u8", "hls")


@pytest.mark.parametrize(
    "recording",
    [
        None,
        {"status": "recording", "storage": {"path": "a.mp4"}},
        {"status": "completed", "recordingId": TWO, "storage": {"path": "a.mp4"}},
        {"status": "completed", "storage": {"path": "a.mp4", "type": "GCS"}},
        {"status": "completed", "storage": {"path": "a.mp4", "bucket": "others"}},
        {"status": "completed", "storage": "a.mp4"},
        {"status": "completed", "storage": {"path": 7, "url": 7}},
    ],
)
def test_what_is_not_finished_not_here_or_known_already_is_left_alone(recording: Any) -> None:
    assert stored_by_others(stream(recording), "S3", "films") is None


def test_thumbnails_are_cues_in_rows_and_take_another_sprite() -> None:
    text = thumbnails_text("a.sprite.jpg", 12, 61.5, (160, 90), 10)
    assert "00:01:01.500 --> 00:02:03.000\na.sprite.jpg#xywh=160,0,160,90\n" in text
    assert "00:11:16.500 --> 00:12:18.000\na.sprite.jpg#xywh=160,90,160,90\n" in text
    other = with_sprite(text, r"https://x/\1.jpg?s=1")
    assert other == text.replace("a.sprite.jpg", r"https://x/\1.jpg?s=1")
