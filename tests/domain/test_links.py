# ruff: noqa: RUF001 (full-width letters are what is tested)
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livectl.domain.links import has_link


@pytest.mark.parametrize(
    "text",
    [
        "http://evil.example",
        "HTTPS://EVIL.EXAMPLE/x",
        "look:https://evil.example.",
        "https://192.0.2.1/x",
        "http://[::1]/",
        "http : // evil . example",
        "hxxps://evil.example",
        "tg://join",
        "www.evil.example",
        "WWW2.evil.example",
        "evil.com",
        "Go to Evil.COM!",
        "(evil.com)",
        "...evil.com",
        "@evil.com",
        "evil-site.net",
        "sub.evil.co.uk",
        "x.com",
        "xn--e1afmkfd.com",
        "évil.com",
        "пример.рф",
        "evil.example/x",
        "t.me/evil",
        "bit.ly/abc",
        "discord.gg/abc",
        "пример.онлайн/x",
        "192.0.2.1:8080",
        "192.0.2.1/admin",
        "evil(dot)com",
        "evil [dot] com",
        "evil{.}com",
        "evil ( punkt ) de",
        "evil(точка)ru",
        "www(dot)evil(dot)example",
        "evil dot com",
        "evil . com",
        "evil .com",
        "evil。com",
        "ｅｖｉｌ．ｃｏｍ",
        "evil\u200b.c\u200bom",
        "me@evil.com/x",
        "write to me@evil.com or see evil.com",
    ],
)
def test_a_link_is_seen(text: str) -> None:
    assert has_link(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "wait...what",
        "hmm..ok",
        "ok.then",
        "so.it was",
        "yes.no",
        "no.no.no",
        "Mr.Smith",
        "J.R.R.Tolkien",
        "e.g.this",
        "e.g./i.e.",
        "U.S.A",
        "I like it. Me too",
        "Isso. Com certeza",
        "sim.eu acho",
        "bon.ça va",
        "Привет.Как дела",
        "そうです。はい",
        "3.5",
        "1,000.50",
        "$3.99/month",
        "3.5km/h",
        "10.5/10",
        "24/7",
        "12:30",
        "10.11.2026",
        "v1.2.3",
        "1.2.3.4",
        "No.1",
        "No.1/No.2",
        "1.e4 e5 2.Nf3",
        "and/or",
        "node.js",
        "main.py",
        "I use .net",
        "polka dot dress",
        "connect the dot. com",
        "http is a protocol",
        "www",
        "www.",
        "ok ://",
        "D:/",
        "@user",
        "me@evil.com",
        "(first.last+tag@mail.evil.co.uk).",
    ],
)
def test_what_is_no_link_is_not_taken_for_one(text: str) -> None:
    assert not has_link(text)


@given(st.text(st.characters()))
def test_a_link_is_seen_after_any_text_and_no_text_makes_it_fail(text: str) -> None:
    has_link(text)
    assert has_link(f"{text} https://evil.example")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "part",
    ["a", "a.", "a-.", "a@", "a@b.c.d.e.f", "1.", " ", " . ", " (", "(   dot   ", "http:  ", "+"],
)
def test_texts_made_of_almost_links_end(part: str) -> None:
    assert not has_link((part * 100_000)[:100_000])
