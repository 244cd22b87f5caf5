"""What ending a stream takes at LiveKit, and how each step went."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

StepName = Literal["stream_ended", "ingress_off", "recording_stopped", "room_deleted", "room_gone"]
STEPS: tuple[StepName, ...] = get_args(StepName)
StepResult = Literal["planned", "done", "nothing_to_do", "failed"]


class Step(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One step of a kill: `planned` where nothing is to be done yet. `detail` says what was found,
    or why it failed; `ms` how long it took."""

    step: StepName
    result: StepResult
    detail: str = ""
    ms: int = 0


def holds(steps: list[Step]) -> bool:
    """Whether everything is off. Where not, the stream stays owed and is enforced later."""
    return all(step.result != "failed" for step in steps)
