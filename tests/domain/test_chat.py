from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livectl.domain.chat import cleaned, entry_id

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

any_text = st.text(st.characters())  # with lone surrogates
piled = st.text("ae \u0301\u0489\u200d\ufe0f\u0e34", max_size=40)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("hello", "hello"),
        ("  hello there \t\n", "hello there"),
        ("\u3000\xa0hello\u2028", "hello"),
        ("two\nlines\r\n", "two\nlines"),
        ("a\x00b\x07c\x1b[31md\x7f\x85e\x9f", "abc[31mde"),
        ("\ud800a\udfffb\ud83d", "ab"),
        ("\u202eevil\u202c \u2066x\u2069 \u202ay\u202b\u202dz\u2067\u2068", "evil x yz"),
        (
            "\u05e9\u05dc\u05d5\u05dd\u200f!\u200e\u061c",
            "\u05e9\u05dc\u05d5\u05dd\u200f!\u200e\u061c",
        ),
        ("👩‍👩‍👧‍👦 ❤️ 1️⃣ 👍🏽", "👩‍👩‍👧‍👦 ❤️ 1️⃣ 👍🏽"),
        ("می‌خواهم", "می‌خواهم"),
        ("हिन्दी, ภาษาไทย, tiếng Việt", "हिन्दी, ภาษาไทย, tiếng Việt"),
        ("လျှို့ဝှက်", "လျှို့ဝှက်"),
        ("a" + "\u0301" * 5 + "b", "a" + "\u0301" * 4 + "b"),
        ("a" + "\u0301\u0489\u0e34" * 300, "a" + "\u0301\u0489\u0e34\u0301"),
        ("a" + "\u0301" * 4 + "\u200b" + "\u0301" * 4, "a" + "\u0301" * 4 + "\u200b"),
        ("a" + "\u0301" * 4 + "\x00" + "\u0301", "a" + "\u0301" * 4),
        ("é" + "\u0301" * 4 + "é" + "\u0301" * 4, ("é" + "\u0301" * 4) * 2),
        ("", ""),
        (" \n ", ""),
        ("\x00\u202e\ud800", ""),
        ("\u200b", ""),
        ("\u200d\ufe0f \u2060\ufeff\xad", ""),
        ("\u3164\u2800", ""),
        ("\U000e0041\U000e0042", ""),
    ],
)
def test_a_message_is_cleaned(text: str, left: str) -> None:
    assert cleaned(text) == left


@given(any_text | piled)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert cleaned(cleaned(text)) == cleaned(text)


@given(any_text)
def test_a_clean_message_has_nothing_that_garbles(text: str) -> None:
    left = cleaned(text)
    assert left == left.strip()
    assert {unicodedata.category(char) for char in left if char != "\n"}.isdisjoint({"Cc", "Cs"})
    assert {unicodedata.bidirectional(char) for char in left}.isdisjoint(
        {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    )
    left.encode()


def test_every_character_that_turns_a_direction_is_removed() -> None:
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    for char in map(chr, range(0x110000)):
        if unicodedata.bidirectional(char) in turning:
            assert cleaned(f"a{char}b") == "ab"


@given(piled)
def test_no_letter_has_more_than_four_marks(text: str) -> None:
    marks = 0
    for char in cleaned(text).replace("\u200d", ""):
        marks = marks + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        assert marks <= 4


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1))
def test_what_can_be_said_is_left_alone(text: str) -> None:
    seen = f"a{text}b"
    assert cleaned(seen) == seen


def test_ids_of_entries_are_24_hex_digits_that_sort_by_time() -> None:
    ids = [entry_id(NOON + timedelta(milliseconds=ms)) for ms in range(1000)]
    assert ids == sorted(ids)
    assert all(len(bytes.fromhex(one)) == 12 for one in ids)


def test_ids_of_100_000_entries_differ() -> None:
    ids = {entry_id(NOON + timedelta(milliseconds=n // 100)) for n in range(100_000)}
    assert len(ids) == 100_000


def test_ids_of_100_000_entries_of_one_millisecond_differ_and_sort_as_they_were_made() -> None:
    ids = [entry_id(NOON) for _ in range(100_000)]
    assert len(set(ids)) == 100_000
    assert ids == sorted(ids)
