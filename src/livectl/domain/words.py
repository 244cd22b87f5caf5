"""Blocked words and patterns, found however they are dressed up: by case, accents, look-alikes of
other scripts, digits for letters, stretched and spelled-out letters.

RE2 does the search, in time linear in the text, so that no entry can make it hang. It is loaded
with the first filter that has entries.
"""

# ruff: noqa: RUF001 (the look-alikes)
from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re2

ENTRY_MAX = 200
WORDS_MAX_LENGTH = 15_000  # characters of all words of a list
PATTERNS_MAX_SIZE = 4000  # instructions of RE2's programs: some 80 usual patterns

# Unicode's Default_Ignorable_Code_Point, annotations, control characters and lone surrogates, in
# the notation of a character class; and what shows as a blank, though it is not one to Python.
UNSEEN = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\ud800-\udfff\ufe00-\ufe0f\ufeff\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
UNSEEN_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"

# Diacritics, Hebrew and Arabic points, the Arabic tatweel. The vowel signs of Indic scripts and of
# Thai are marks too, but words without them are other words.
_ACCENTS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u1ab0-\u1aff"
    "\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
_UNSEEN = re.compile(f"[{UNSEEN}]+")
_BLANK = re.compile(f"[{UNSEEN_BLANKS}]")
_NEEDLESS = re.compile(f"[{UNSEEN}{_ACCENTS}]+")


def plain(text: str) -> str:
    """`text` in small letters (NFKC, casefolded), without accents and without what is not seen."""
    if text.isascii() and text.isprintable():
        return text.lower()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", _NEEDLESS.sub("", _BLANK.sub(" ", apart)))


def _letters(table: dict[str, str]) -> dict[int, str]:
    return {ord(alike): letter for letter, alikes in table.items() for alike in alikes}


# Look-alikes that NFKC leaves: from Unicode's confusables.txt (UTS #39) what is alike as a small
# letter in Cyrillic, Greek and Armenian, then Latin letters with a stroke and small capitals.
_LOOKALIKES = _letters(
    {
        "a": "аαɑᴀ",
        "b": "вβʙ",
        "c": "сᴄ",
        "d": "ԁđðᴅ",
        "e": "еєεᴇ",
        "f": "ƒꜰ",
        "g": "ցɡɢ",
        "h": "һհħʜ",
        "i": "іιıɩɪ",
        "j": "јᴊ",
        "k": "кκᴋ",
        "l": "ӏłʟ",
        "m": "ᴍ",
        "n": "ηոɴ",
        "o": "оοօøᴏ",
        "p": "рρᴘ",
        "q": "ԛ",
        "r": "ʀ",
        "s": "ѕꜱ",
        "t": "τŧᴛ",
        "u": "υμսᴜ",
        "v": "νѵᴠ",
        "w": "ԝωᴡ",
        "x": "хχ",
        "y": "уүγʏ",
        "z": "ζᴢ",
    }
)
# These are alike as capitals, so they count only in a word that has Latin letters as well: else
# the Russian но, сам and вот would be "ho", "cam" and "bot".
_CAPITAL_LOOKALIKES = _letters({"h": "нη", "m": "мμ", "n": "ν", "t": "т", "y": "υ"})
# Letters on a badge, which are emoji: regional indicators, negative circled and squared letters.
_BADGES = {
    first + place: letter
    for first in (0x1F1E6, 0x1F150, 0x1F170)
    for place, letter in enumerate("abcdefghijklmnopqrstuvwxyz")
}
_SIGNS = str.maketrans("013457@$!|", "oieastasii")

_SIGN_RUN = re.compile(r"[013457@$!|]+")
_SYMBOLS = re.compile(r"[@$!|]+")
_L_RUN = re.compile(r"[1|]+|I+")
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile("[a-z]")
_LATIN_OR_BADGE = re.compile("[a-z\U0001f150-\U0001f1ff]")
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]+")
_OTHER = re.compile(r"[^\w\s]")

# Scripts without blanks between words (Thai, Lao, Burmese, Khmer, Kana, Han), or with endings
# that are written on (Hangul).
_RUN_ON = (
    ("\u0e00", "\u0eff"),
    ("\u1000", "\u109f"),
    ("\u1780", "\u17ff"),
    ("\u3040", "\u30ff"),
    ("\u3400", "\u9fff"),
    ("\uac00", "\ud7a3"),
    ("\uf900", "\ufaff"),
    ("\U00020000", "\U0003ffff"),
)
_SHORT = 3
_SPELLED = range(3, 13)  # shorter ones are found in initials, longer ones nobody spells out

_ANY_TEXTS = ("a", "7", "ж", "字", "🙂", "Good evening, friends!")
_PATTERN_MEMORY = 1 << 20
_FINDER_MEMORY = 64 << 20
_TOO_LARGE = "fewer, shorter or simpler entries were expected, patterns without large repetitions"


def fold(text: str) -> str:
    """`text` in the one form in which texts and entries are compared; folding twice changes
    nothing.

    Digits and signs are read as letters beside a letter only (`sh1t`, `$hit`), so numbers and
    prices stay what they are.
    """
    return _with_signs_read(plain(text).translate(_LOOKALIKES))


def _with_signs_read(text: str) -> str:
    return _SIGN_RUN.sub(_signs_as_letters, text)


def _signs_as_letters(run: re.Match[str]) -> str:
    return run[0].translate(_SIGNS) if _is_beside_letter(run) else run[0]


def _is_beside_letter(run: re.Match[str]) -> bool:
    return run.string[run.end() : run.end() + 1].isalpha() or _before(run).isalpha()


def _before(run: re.Match[str]) -> str:
    return run.string[max(0, run.start() - 1) : run.start()]


def _readings(text: str) -> Iterator[str]:
    """The ways in which a text may be meant, with signs not yet read."""
    bare = plain(text)
    letters = bare.translate(_LOOKALIKES)
    yield letters
    if _SYMBOLS.search(letters):
        yield _SYMBOLS.sub(" ", letters)
    if _L_RUN.search(text):
        yield plain(_L_RUN.sub(_as_l, text)).translate(_LOOKALIKES)
    if not bare.isascii() and _LATIN_OR_BADGE.search(bare):
        yield _WORD.sub(_in_latin, bare.translate(_BADGES)).translate(_LOOKALIKES)


def _as_l(run: re.Match[str]) -> str:
    """1 and | beside a letter, and I after a small one, may be an l."""
    is_l = _before(run).islower() if run[0][0] == "I" else _is_beside_letter(run)
    return "l" * len(run[0]) if is_l else run[0]


def _in_latin(word: re.Match[str]) -> str:
    return word[0].translate(_CAPITAL_LOOKALIKES) if _LATIN.search(word[0]) else word[0]


def _words_of(folded: str) -> str:
    """The words alone, with one blank between two."""
    return " ".join(_OTHER.sub(_mark_or_blank, _PUNCTUATION.sub(" ", folded)).split())


def _mark_or_blank(char: re.Match[str]) -> str:
    """A vowel sign belongs to its word, all else that is no letter and no digit ends one."""
    return char[0] if unicodedata.category(char[0]).startswith("M") else " "


class WordFilter:
    """Finds the first of its entries in a text; made once for a list, used for every message.

    An entry is a word or a phrase, which must be there as a whole (in scripts that are written
    without blanks: anywhere), the beginning of a word with `*` after it, or a `/pattern/` in RE2's
    syntax, searched in the text as written and as folded, in any case. Entries are as `check_word`
    returned them.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        patterns: list[str] = []
        words: list[str] = []
        for entry in entries:
            (patterns if _is_pattern(entry) else words).append(entry)
        self._words = _Finder(words, _expression) if words else None
        self._patterns = _Finder(patterns, _pattern) if patterns else None

    def found_in(self, text: str) -> str | None:
        """The entry that is found in `text`, if one is."""
        return self._word_in(text) or self._pattern_in(text)

    def _word_in(self, text: str) -> str | None:
        if self._words is None:
            return None
        readings = {_words_of(_with_signs_read(reading)) for reading in set(_readings(text))}
        # Two blanks between readings, so that no phrase is found across them.
        return self._words.first_in(f" {'  '.join(readings)} ")

    def _pattern_in(self, text: str) -> str | None:
        if self._patterns is None:
            return None
        for form in {text, fold(text)}:
            if found := self._patterns.first_in(form):
                return found
        return None


class _Finder:
    """Entries compiled together: one pass over a text looks for all of them."""

    def __init__(self, entries: list[str], expression: Callable[[str], str]) -> None:
        import re2

        self._entries = entries
        self._set = re2.Set.SearchSet(_options(memory=_FINDER_MEMORY))
        for entry in entries:
            self._set.Add(expression(entry))
        self._set.Compile()

    def first_in(self, text: str) -> str | None:
        found = self._set.Match(text.encode(errors="ignore"))
        return self._entries[min(found)] if found else None


def check_word(entry: str) -> str:
    """The entry as it is kept: without outer blanks and what is not seen, words in small letters.

    ValueError says what was expected, for one that is empty, too long, no pattern to RE2, or that
    would be found in every text.
    """
    kept = _UNSEEN.sub("", entry).strip()
    if not _is_pattern(kept):
        kept = unicodedata.normalize("NFC", " ".join(kept.casefold().split()))
    if not 1 <= len(kept) <= ENTRY_MAX:
        raise ValueError(f"a word or a /pattern/ of 1 to {ENTRY_MAX} characters was expected")
    if _is_pattern(kept):
        _check_pattern(kept)
    elif "*" in kept[:-1] or not _words_of(fold(kept)):
        raise ValueError(
            "a word with letters or digits was expected, * only at its end; "
            "for anything else write a /pattern/"
        )
    return kept


def check_words(entries: Iterable[str]) -> list[str]:
    """The entries of one list as they are kept, each once.

    ValueError also when they are too large together. A search takes time linear in the text, but
    for a text that is made to be slow also in the size of all entries, and it must not hold up
    the server: with the largest lists it is about a tenth of a second for 1,000 characters.
    """
    kept = list(dict.fromkeys(check_word(entry) for entry in entries))
    patterns = sum(_compiled(entry).programsize for entry in kept if _is_pattern(entry))
    words = sum(len(_words_of(fold(entry))) for entry in kept if not _is_pattern(entry))
    if patterns > PATTERNS_MAX_SIZE or words > WORDS_MAX_LENGTH:
        raise ValueError(_TOO_LARGE)
    return kept


def _is_pattern(entry: str) -> bool:
    return entry.startswith("/")


def _pattern(entry: str) -> str:
    return entry[1:-1]


def _check_pattern(entry: str) -> None:
    import re2

    if len(entry) < 2 or not entry.endswith("/"):
        raise ValueError("a pattern between two / was expected, such as /free +coins/")
    try:
        pattern = _compiled(entry)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace")
        raise ValueError(f"a pattern that RE2 takes was expected: {reason}") from None
    if pattern.programsize > PATTERNS_MAX_SIZE:
        raise ValueError(_TOO_LARGE)
    found = [pattern.search(text) for text in _ANY_TEXTS]
    if all(found) or pattern.search("") or any(match and not match[0] for match in found):
        raise ValueError("a pattern was expected that is not found in every text")


def _compiled(entry: str) -> re2._Regexp:
    import re2

    return re2.compile(_pattern(entry), _options(memory=_PATTERN_MEMORY))


def _options(*, memory: int) -> re2.Options:
    import re2

    options = re2.Options()
    options.max_mem = memory
    options.case_sensitive = False
    options.never_capture = True
    options.log_errors = False
    return options


def _expression(entry: str) -> str:
    """What finds a word, its beginning or a phrase among the words of a text, when there is a
    blank before the first and after the last."""
    words = _words_of(fold(entry))
    head = "" if _is_run_on(words[0]) else " "
    tail = "" if entry.endswith("*") or _is_run_on(words[-1]) else " "
    forms = [_stretched(words) + tail]
    if words.isalpha() and len(words) in _SPELLED:
        forms.append(" ".join(words) + " ")
    return f"{head}(?:{'|'.join(forms)})"


def _is_run_on(char: str) -> bool:
    return any(first <= char <= last for first, last in _RUN_ON)


def _stretched(words: str) -> str:
    """Each letter as often as it is there, or more; in a short word then three times or more, as
    `good` is not `god`. Numbers are not stretched."""
    parts = []
    for letter, run in groupby(words):
        times = len(list(run))
        if not letter.isalpha():
            parts.append(letter * times)
        elif times == 1 and len(words) <= _SHORT:
            parts.append(f"{letter}(?:{letter * 2}+)?")
        else:
            parts.append(f"{letter * times}+")
    return "".join(parts)
