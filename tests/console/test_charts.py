"""The last hours, drawn and in words."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.console.conftest import NewVisitor, World, serious_findings
from tests.server.api import ROOT

pytestmark = pytest.mark.e2e


def test_what_was_sampled_is_drawn_and_told_in_words(new_visitor: NewVisitor, world: World) -> None:
    world.start(title="Counted")
    page = new_visitor(ROOT).visit("/ops")
    for title in ("Viewers", "Messages", "Webhook lag"):
        # A sample is taken each 15 s.
        drawn = page.get_by_role("img", name=re.compile(f"^{title}: latest .* at most .* at least"))
        drawn.wait_for(timeout=60_000)
    figure = page.get_by_role("figure").filter(has_text="Viewers")
    figure.get_by_text("In numbers").click()
    expect(figure.get_by_role("cell").last).to_have_text("0")
    page.get_by_role("button", name="1 h").click()
    page.get_by_role("img", name=re.compile("^Viewers: latest")).wait_for()
    assert serious_findings(page) == []
