# ruff: noqa: RUF001 (look-alikes are what is tested)
from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livectl.domain.words import (
    ENTRY_MAX,
    PATTERNS_MAX_SIZE,
    WORDS_MAX_LENGTH,
    WordFilter,
    check_word,
    check_words,
    fold,
)

any_text = st.text(st.characters())  # with lone surrogates
letters = st.text("abcdefghijklmnopqrstuvwxyz", min_size=4, max_size=12)
patterns = st.recursive(
    st.sampled_from(["a", "b", "[ab]", ".", r"\w", r"\pL", "é", "^", "$", r"\b"]),
    lambda inner: st.one_of(
        st.builds("({}){}".format, inner, st.sampled_from(["*", "+", "?", "{1,9}", "*?"])),
        st.builds("({}|{})".format, inner, inner),
        st.builds("{}{}".format, inner, inner),
    ),
    max_leaves=8,
)


def found(text: str, *entries: str) -> str | None:
    return WordFilter(check_words(entries)).found_in(text)


@given(any_text)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_folding_twice_is_folding_once_for_each_character_beside_letters() -> None:
    for first in [*range(0, 0x3400, 0x100), *range(0xA000, 0x20000, 0x100)]:
        text = " ".join(f"{chr(code)} a{chr(code)}b1" for code in range(first, first + 0x100))
        assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Hello", "hello"),
        ("Straße", "strasse"),
        ("crème brûlée", "creme brulee"),
        ("Łódź", "lodz"),
        ("İstanbul ılık", "istanbul ilik"),
        ("ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("𝕄𝕒𝕥𝕙 𝓁𝑒𝓉𝓉𝑒𝓇𝓈 ⓒⓘⓡⓒⓛⓔⓢ", "math letters circles"),
        ("ꜱᴍᴀʟʟ ᴄᴀᴘɪᴛᴀʟꜱ", "small capitals"),
        ("z\u0336a\u0489l\u0300\u0301\u0302\u0303\u0304go", "zalgo"),
        ("in\u200bvis\u2060i\xadble\ufe0f\u202e", "invisible"),
        ("раураӏ", "paypal"),
        ("h3ll0 @ll $1r!", "hello all siri"),
        ("100 $5 3.50 1:4 @ !", "100 $5 3.50 1:4 @ !"),
        ("lone \ud800surrogate\udfff", "lone surrogate"),
        ("مُحَمَّد", "محمد"),
        ("हिन्दी", "हिन्दी"),
        ("바보 ばか バカ", "바보 ばか バカ"),
    ],
)
def test_what_looks_the_same_folds_to_the_same(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    "text",
    [
        "bad",
        "BAD",
        "so Bad!",
        "(bad)",
        "_bad_",
        "bád",
        "b\u0336a\u0336d\u0336",
        "b\u200ba\u200bd",
        "baaad",
        "bbbaaaddd",
        "b.a.d",
        "b a d",
        "u r b a d !",
        "B-A_D",
        "b🙂a🙂d",
        "b4d",
        "b@d",
        "bad!!1",
        "nice!bad",
        "@bad",
        "ｂａｄ",
        "𝔟𝔞𝔡",
        "ʙᴀᴅ",
        "bаd",
        "ВАD",
        "βαd",
        "🅱ad",
        "🅱️ad",
        "🇧🇦🇩",
        "bad🇩🇪",
        "\ud800bad",
    ],
)
def test_a_word_is_found_in_any_dress(text: str) -> None:
    assert found(text, "bad") == "bad"


@pytest.mark.parametrize(
    "text", ["kill", "kiII", "k1ll", "ki11", "ki||", "K!LL", "kіll", "kkiilll"]
)
def test_what_may_be_an_i_or_an_l_is_tried_as_both(text: str) -> None:
    assert found(text, "kill") == "kill"


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("bad", "badly"),
        ("bad", "abad"),
        ("bad", "b ad"),
        ("bad", "plan b a day"),
        ("bad", "ba d"),
        ("bad*", "plan b a day"),
        ("god", "good"),
        ("god", "gods"),
        ("ass", "as"),
        ("ass", "class"),
        ("ass", "score: 455"),
        ("ass", "455 for $455, 4-5-5"),
        ("ass", "user_455"),
        ("ho", "но он сам"),
        ("bot", "вот"),
        ("cam", "сам"),
        ("pot", "рот"),
        ("to", "τον"),
        ("heil", "hell"),
        ("mall", "mail"),
        ("1488", "14888"),
        ("1488", "11488"),
        ("kill yourself", "kill. And yourself?"),
        ("id", "i d"),
        ("हिन्दी", "हन्दी"),
    ],
)
def test_what_only_resembles_a_word_is_not_found(entry: str, text: str) -> None:
    assert found(text, entry) is None


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("shit", "fuuck and shiit"),
        ("asshole", "a$$hole asshoooole"),
        ("a$$", "ass"),
        ("boob", "b00bbb"),
        ("müll", "MUELL Mull"),
        ("kill yourself", "go KILL,   yourself"),
        ("kill yourself", "k1ll your$elf"),
        ("bad*", "badly"),
        ("bad*", "a baaadness"),
        ("bad*", "b a d"),
        ("1488", "14 and 1488."),
        ("@everyone", "hi @everyone"),
        ("сука", "Сука"),
        ("сука", "сyka"),
        ("тварь", "ТВАРЬ"),
        ("傻逼", "你是傻逼吗"),
        ("バカ", "おまえバカだな"),
        ("바보", "바보야"),
        ("हिन्दी", "यह हिन्दी है"),
        ("كلب", "يا كَلْب"),
    ],
)
def test_entries_of_each_kind_are_found(entry: str, text: str) -> None:
    assert found(text, entry) == check_word(entry)


@given(letters, st.sampled_from(["{}", "<{}>", "oh {}!", "{}, really", "1 {} 2"]))
def test_a_word_is_found_wherever_it_stands_alone(word: str, around: str) -> None:
    assert found(around.format(word), word) == word
    assert found(around.format(word.upper()), word) == word
    assert found(around.format(".".join(word)), word) == word


@given(letters)
def test_a_word_is_not_found_inside_another(word: str) -> None:
    assert found(f"q7{word}", word) is None
    assert found(f"{word}q7", word) is None
    assert found(f"{word}q7", f"{word}*") == f"{word}*"


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (r"/free +(coins|gifts)/", "FREE  coins"),
        (r"/free +(coins|gifts)/", "fr33 g1fts"),
        (r"/free +(coins|gifts)/", "frée c\u200boins"),
        (r"/\d{4,}/", "call 12345"),
        (r"/🍆/", "🍆"),
        (r"/👩‍👧/", "👩‍👧"),
        (r"/^first$/", "First"),
        (r"/пис(ьм|атель)/", "ПИСАТЕЛЬ"),
    ],
)
def test_a_pattern_is_searched_in_the_text_as_written_and_as_folded(entry: str, text: str) -> None:
    assert found(text, entry) == check_word(entry)


def test_the_entry_that_is_found_is_told_among_many() -> None:
    entries = check_words(f"{a}e{b}word" for a in "bcdfghjkmnpqrstvwxz" for b in "abcdefghijklmnop")
    blocked = WordFilter([*entries, "/x+y+z/", "last"])
    assert all(blocked.found_in(f"oh, {entry}!") == entry for entry in entries)
    assert blocked.found_in("xxyyzz") == "/x+y+z/"
    assert blocked.found_in("at last") == "last"
    assert blocked.found_in("nothing of that") is None


@given(any_text)
def test_no_text_makes_a_filter_fail(text: str) -> None:
    blocked = WordFilter(["bad", "kill yourself", "傻逼", "/b.*d/", r"/\pL\pN/"])
    assert blocked.found_in(text) in (None, "bad", "kill yourself", "傻逼", "/b.*d/", r"/\pL\pN/")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$",
        r"(a|a)*b",
        r"(a|aa)+$",
        r"(.*)*x",
        r"(x+x+)+y",
        r"(\w+\s?)*!",
        r"^(([a-z])+.)+[A-Z]([a-z])+$",
        r".*.*.*.*.*=.*",
        r"(a?){30}a{30}b",
        r"(a|b)*a(a|b){15}c",
        r"([a-zA-Z0-9])(([-.]|[_]+)?([a-zA-Z0-9]+))*@x",
    ],
)
def test_patterns_that_hang_other_engines_are_taken_and_end(pattern: str) -> None:
    blocked = WordFilter(check_words([f"/{pattern}/"]))
    for text in ("a" * 1000, "ab" * 500 + "!", "x" * 999 + "z", "a" * 100_000):
        blocked.found_in(text)


@pytest.mark.timeout(60)
@given(st.lists(patterns, max_size=20), st.text("ab .é", min_size=1, max_size=20))
def test_any_patterns_that_are_taken_end_on_a_long_text(candidates: list[str], part: str) -> None:
    taken = []
    for pattern in candidates:
        try:
            taken = check_words([*taken, f"/{pattern}/"])
        except ValueError:
            continue
    WordFilter(taken).found_in((part * 1000)[:1000])


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([f"{'a ' * 14}{n}" for n in range(480)], "a " * 500),
        ([f"{'哈' * 20}{n}" for n in range(480)], "哈" * 1000),
        ([f"{'a' * 26}x{n}" for n in range(480)], "a" * 1000),
        ([f"/a.{{0,90}}{n}/" for n in range(4)], "ab" * 500),
        ([f"/(?:a|b)*a(?:a|b){{15}}{n}/" for n in range(60)], "aab" * 333),
        (["bad"], "\ufdfa" * 1000),
        (["bad"], "a" + "\u0315\u0300" * 500),
    ],
)
def test_the_largest_lists_end_on_texts_that_are_made_for_them(
    entries: list[str], text: str
) -> None:
    assert found(text, *entries) is None


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        ("  Bad  Word ", "bad word"),
        ("BAD*", "bad*"),
        ("Müll", "müll"),
        ("Mu\u0308ll", "müll"),
        ("/ a+B /", "/ a+B /"),
        ("  /a+B/ ", "/a+B/"),
        ("a" * ENTRY_MAX, "a" * ENTRY_MAX),
        ("b\x00a\u200bd\ud800", "bad"),
        ("/👩‍👧+/", "/👩👧+/"),
    ],
)
def test_an_entry_is_kept_tidy(entry: str, kept: str) -> None:
    assert check_word(entry) == kept
    assert check_word(kept) == kept


@given(any_text)
def test_an_entry_is_refused_or_kept_in_a_form_that_is_found_and_kept_again(entry: str) -> None:
    try:
        kept = check_word(entry)
    except ValueError:
        return
    assert kept == check_word(kept)
    assert kept.startswith("/") or WordFilter([kept]).found_in(kept.removesuffix("*")) == kept


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("", "of 1 to 200 characters"),
        (" \n", "of 1 to 200 characters"),
        ("\ud800", "of 1 to 200 characters"),
        ("a" * (ENTRY_MAX + 1), "of 1 to 200 characters"),
        ("*", "a word with letters or digits"),
        ("!!!", "a word with letters or digits"),
        ("\u200b", "of 1 to 200 characters"),
        ("ŉ" * ENTRY_MAX, "of 1 to 200 characters"),
        ("🍆", "a word with letters or digits"),
        ("b*d", r"\* only at its end"),
        ("*bad", r"\* only at its end"),
        ("/", "a pattern between two /"),
        ("/bad", "a pattern between two /"),
        ("/bad/i", "a pattern between two /"),
        ("/(/", r"that RE2 takes was expected: missing \)"),
        (r"/(a)\1/", "that RE2 takes was expected"),
        ("/(?=a)/", "that RE2 takes was expected"),
        ("/a{2000}/", "that RE2 takes was expected"),
        ("//", "not found in every text"),
        ("/.*/", "not found in every text"),
        ("/./", "not found in every text"),
        (r"/\S+/", "not found in every text"),
        ("/[^x]/", "not found in every text"),
        ("/^/", "not found in every text"),
        (r"/\b/", "not found in every text"),
        ("/bad|/", "not found in every text"),
        (r"/\w*/", "not found in every text"),
        ("/.{1,1000}/", "simpler"),
    ],
)
def test_an_entry_that_is_refused_tells_what_was_expected(entry: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        check_word(entry)


def test_a_list_keeps_each_entry_once_in_its_order() -> None:
    assert check_words(["b", "A", "B ", "/A/", "a"]) == ["b", "a", "/A/"]


def test_a_list_that_is_too_large_together_is_refused() -> None:
    words = [f"{n:0100}" for n in range(WORDS_MAX_LENGTH // 100)]
    assert check_words(words) == words
    with pytest.raises(ValueError, match="fewer"):
        check_words([*words, "one more"])

    pattern = "/x.{{0,90}}{}/"
    with pytest.raises(ValueError, match="fewer"):
        check_words(pattern.format(n) for n in range(PATTERNS_MAX_SIZE // 500))


def test_an_empty_filter_finds_nothing_and_loads_nothing() -> None:
    code = (
        "import sys; from livectl.domain.words import WordFilter; "
        "assert WordFilter([]).found_in('bad') is None; assert 're2' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
