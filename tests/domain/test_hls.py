from __future__ import annotations

import pytest

from livectl.domain.hls import path_of, read_playlist, with_links

PLAYLIST = """\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-MAP:URI="init.mp4"
#EXTINF:4.000,
seg0.m4s
#EXTINF:2.5,last
seg%201.m4s?x=1

#EXT-X-ENDLIST
"""


def test_a_playlist_tells_its_segments_its_length_and_its_end() -> None:
    found = read_playlist(PLAYLIST)
    assert found is not None
    assert found.segments == ["seg0.m4s", "seg%201.m4s?x=1"]
    assert (found.init, found.duration, found.ended) == ("init.mp4", 6.5, True)


@pytest.mark.parametrize(
    "text",
    ["", "<html>", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n", "\x00\xff"],
)
def test_what_is_no_media_playlist_is_none(text: str) -> None:
    assert read_playlist(text) is None


def test_a_playlist_with_nonsense_in_it_is_read_as_far_as_it_makes_sense() -> None:
    found = read_playlist("#EXTM3U\n#EXTINF:much,\na.ts\n#EXTINF:-3,\nb.ts")
    assert found is not None
    assert (found.segments, found.duration, found.ended) == (["a.ts", "b.ts"], 0.0, False)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("seg0.ts", "rec/a/seg0.ts"),
        ("./deep/seg%201.ts?x=1", "rec/a/deep/seg 1.ts"),
        ("../b/seg0.ts", None),
        ("/etc/passwd", None),
        ("https://elsewhere.example/seg0.ts", None),
        ("../a/seg0.ts", "rec/a/seg0.ts"),
    ],
)
def test_segments_lie_in_the_folder_of_their_playlist_or_are_none_of_ours(
    uri: str, path: str | None
) -> None:
    assert path_of("rec/a/index.m3u8", uri) == path


def test_every_uri_is_given_a_link_and_nothing_else_is_changed() -> None:
    linked = with_links(PLAYLIST, lambda uri: f"https://x/{uri}?s=1")
    assert linked == PLAYLIST.replace('"init.mp4"', '"https://x/init.mp4?s=1"').replace(
        "seg0.m4s", "https://x/seg0.m4s?s=1"
    ).replace("seg%201.m4s?x=1", "https://x/seg%201.m4s?x=1?s=1").rstrip("\n")
