"""A real browser, with a camera and a microphone that are not."""

from __future__ import annotations

import shutil

from tests.parts import PartMissing

NAME = "chromium"
FLAGS = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=document-user-activation-required",
    # Loopback addresses of candidates would be hidden behind names that nobody resolves here.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)


def find() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise PartMissing(NAME, "install Debian's chromium, or your system's")
