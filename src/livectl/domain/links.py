"""Whether there is a link in a message, for rooms where links are off."""

from __future__ import annotations

import re

from livectl.domain.words import plain

# A bare domain is a link when it ends so: common ends that hardly ever begin a sentence. Those that
# are words (me, it, is, in, to, no, at, be, us, and of other languages eu, co, ai, au, ca, es, se)
# count with a path only, as every other end does: `t.me/evil`.
_ENDS = (
    "com|net|org|info|biz|io|tv|ly|cc|app|dev|xyz|icu|top|vip|site|online|store|shop|club|click|"
    "br|ch|cn|cz|de|fr|jp|kr|kz|nl|pl|ru|tr|ua|uk|рф"
)
_SCHEME = re.compile(r"[a-z]{2}://[\w\[]|h(?:tt|xx)ps?\s{0,2}:\s{0,2}/\s?/")
_WWW = re.compile(r"(?<!\w)www\d?\.\w")
_DOMAIN = re.compile(
    r"(?<![\w-])(?:[\w-]{1,63}\.){1,5}"
    rf"(?:(?:{_ENDS})(?![\w@-])|[^\W\d_]{{2,24}}/)"
)
_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{2,5}|/[a-z])")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}(?![\w/-]|\.\w)")

# `evil(dot)com`, `evil [.] com`; `evil dot com`, `evil . com` and `evil .com` with a sure end only.
# `evil. com` is more often the end of a sentence and the beginning of the next.
_DOT_IN_BRACKETS = re.compile(
    r"\s{0,3}[(\[{<]\s{0,3}(?:\.|dot|point|punkt|punto|ponto|точка)\s{0,3}[)\]}>]\s{0,3}"
)
_DOT_AMONG_BLANKS = re.compile(
    r"(?<=\w)\s{1,3}(?:\.\s{0,3}|dot\s{1,3})(?=(?:com|org|ru|xyz|ly)(?![\w-]))"
)


def has_link(text: str) -> bool:
    """Whether `text` has a web address in it: with a scheme, with www, a bare domain with a common
    end or with a path, also with its dots spelled out. An e-mail address is none.

    It takes time linear in the text.
    """
    seen = _with_dots(plain(text))
    if _SCHEME.search(seen) or _WWW.search(seen) or _ADDRESS.search(seen):
        return True
    return _DOMAIN.search(_EMAIL.sub(" ", seen)) is not None


def _with_dots(text: str) -> str:
    dotted = _DOT_IN_BRACKETS.sub(".", text.replace("。", "."))
    return _DOT_AMONG_BLANKS.sub(".", dotted)
