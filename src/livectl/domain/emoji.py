"""What counts as one emoji, for reactions."""

from __future__ import annotations

import re

from livectl.domain.chat import EMOJI_MAX

# Characters that are an emoji alone: the property Emoji of Unicode's emoji-data.txt, less digits,
# # and *, regional indicators and skin tones. Beyond U+1F300 whole blocks of pictographs, so that
# the emoji of coming years are taken too.
_PICTURES = (
    "a9 ae 203c 2049 2122 2139 2194-2199 21a9-21aa 231a-231b 2328 23cf 23e9-23f3 23f8-23fa 24c2 "
    "25aa-25ab 25b6 25c0 25fb-25fe 2600-2604 260e 2611 2614-2615 2618 261d 2620 2622-2623 2626 "
    "262a 262e-262f 2638-263a 2640 2642 2648-2653 265f-2660 2663 2665-2666 2668 267b 267e-267f "
    "2692-2697 2699 269b-269c 26a0-26a1 26a7 26aa-26ab 26b0-26b1 26bd-26be 26c4-26c5 26c8 "
    "26ce-26cf 26d1 26d3-26d4 26e9-26ea 26f0-26f5 26f7-26fa 26fd 2702 2705 2708-270d 270f 2712 "
    "2714 2716 271d 2721 2728 2733-2734 2744 2747 274c 274e 2753-2755 2757 2763-2764 2795-2797 "
    "27a1 27b0 27bf 2934-2935 2b05-2b07 2b1b-2b1c 2b50 2b55 3030 303d 3297 3299 1f004 1f0cf "
    "1f170-1f171 1f17e-1f17f 1f18e 1f191-1f19a 1f201-1f202 1f21a 1f22f 1f232-1f23a 1f250-1f251 "
    "1f300-1f3fa 1f400-1f64f 1f680-1f6ff 1f7e0-1f7eb 1f7f0 1f90c-1f9ff 1fa70-1faff"
)


def _class_of(ranges: str) -> str:
    """A character class of code points in hexadecimal, as Unicode's files list them."""
    ends = ("-".join(chr(int(end, 16)) for end in part.split("-")) for part in ranges.split())
    return f"[{''.join(ends)}]"


# emoji_sequence of UTS #51, section 1.4.9. Whether a device has a picture of a sequence that is
# joined by U+200D, or of a flag, is not known here.
_PICTURE = f"{_class_of(_PICTURES)}[\ufe0f\U0001f3fb-\U0001f3ff]?"
_ONE_EMOJI = re.compile(
    f"{_PICTURE}(?:\u200d{_PICTURE})*"
    "|[\U0001f1e6-\U0001f1ff]{2}"  # a flag
    "|\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]+\U000e007f"  # the flag of a region
    "|[0-9#*]\ufe0f?\u20e3"  # a keycap
)


def is_one_emoji(text: str) -> bool:
    """Whether `text` is exactly one emoji as a person sees it, of at most EMOJI_MAX code points."""
    return len(text) <= EMOJI_MAX and _ONE_EMOJI.fullmatch(text) is not None
