from __future__ import annotations

from livectl.domain.teardown import STEPS, Step, holds


def test_a_teardown_holds_unless_a_step_failed() -> None:
    done = [Step(step=name, result="done") for name in STEPS]
    assert holds(done)
    assert holds([*done[:-1], Step(step="room_gone", result="nothing_to_do")])
    assert not holds([*done[:-1], Step(step="room_gone", result="failed")])


def test_the_store_comes_first_and_the_room_after_its_ingress() -> None:
    assert STEPS[0] == "stream_ended"
    assert STEPS.index("ingress_off") < STEPS.index("room_deleted") < STEPS.index("room_gone")
