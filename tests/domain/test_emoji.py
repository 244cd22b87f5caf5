# ruff: noqa: RUF001 (letters that look like emoji are what is tested)
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livectl.domain.chat import EMOJI_MAX
from livectl.domain.emoji import is_one_emoji

some_emoji = [
    "👍",
    "👍🏽",
    "❤️",
    "🇫🇷",
    "1️⃣",
    "👩‍👩‍👧‍👦",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
]


@pytest.mark.parametrize(
    "text",
    [
        *some_emoji,
        "😀",
        "❤",
        "☝🏿",
        "♥️",
        "©️",
        "™",
        "ℹ️",
        "〰️",
        "㊗️",
        "🀄",
        "🅰️",
        "🈂️",
        "🏳️‍🌈",
        "🏴‍☠️",
        "👁️‍🗨️",
        "👨🏻‍❤️‍💋‍👨🏿",
        "🧑🏽‍🚀",
        "🤦🏼‍♀️",
        "🏃🏾‍♂️‍➡️",
        "❤️‍🔥",
        "🐦‍⬛",
        "⛓️‍💥",
        "🫱🏻‍🫲🏿",
        "🫩",
        "#️⃣",
        "*⃣",
        "🦰",
    ],
)
def test_what_a_person_sees_as_one_emoji_is_one(text: str) -> None:
    assert is_one_emoji(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a",
        "é",
        "字",
        "7",
        "12",
        "#",
        "*",
        "!",
        "★",
        "✓",
        "→",
        "♪",
        ":)",
        "a⃣",
        "12️⃣",
        "👍👍",
        "👍 👍",
        "👍\n",
        " 👍",
        "👍a",
        "a👍",
        "🇫",
        "🇫🇷🇩🇪",
        "🇫🇷👍",
        "🏽",
        "👍🏽🏽",
        "❤️️",
        "❤︎",
        "👩‍",
        "‍👩",
        "👩‍‍👧",
        "👩‍a",
        "\ufe0f",
        "\u200d",
        "\u20e3",
        "🏴\U000e0067\U000e0062",
        "🏴\U000e007f",
        "\ud83d",
        "\ud83d\ude00",
        "‍".join("👩" * 9),
    ],
)
def test_all_else_is_not_one_emoji(text: str) -> None:
    assert not is_one_emoji(text)


def test_an_emoji_has_a_largest_length() -> None:
    longest = "👩🏽" + "‍👩🏽" * 4 + "‍👩"
    assert len(longest) == EMOJI_MAX
    assert is_one_emoji(longest)
    assert not is_one_emoji(longest + "🏽")


@given(st.lists(st.sampled_from(some_emoji), min_size=2, max_size=3))
def test_two_emoji_are_not_one(emoji: list[str]) -> None:
    assert not is_one_emoji("".join(emoji))


@given(
    st.text(st.characters(categories=["L", "N", "P", "Z", "Cs"], exclude_characters="ℹ‼⁉〰〽㊗㊙"))
)
def test_letters_digits_and_punctuation_are_no_emoji(text: str) -> None:
    assert not is_one_emoji(text)
