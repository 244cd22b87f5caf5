from __future__ import annotations

from tests.server.api import Api, good, refused, wrong_fields


async def test_watch_is_403_to_whom_the_owner_blocked_until_unblocked(api: Api) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    blocks = f"/api/live/{stream_id}/blocks"
    for _ in range(2):
        blocked = await api.post(blocks, "alice", json={"userId": "bob"})
        assert good(blocked) == {"success": True, "removed": 0}
    refused(await api.get(f"/api/live/{stream_id}/watch", "bob"), 403, "blocked")
    assert good(await api.get(blocks, "alice")) == {"items": [{"userId": "bob"}]}
    good(await api.delete(f"{blocks}/bob", "alice"))
    good(await api.get(f"/api/live/{stream_id}/watch", "bob"))
    refused(await api.delete(f"{blocks}/bob", "alice"), 404, "not_found")


async def test_a_user_id_with_a_slash_can_be_blocked_and_unblocked(api: Api) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    good(await api.post(f"/api/live/{stream_id}/blocks", "alice", json={"userId": "auth0|a/b"}))
    good(await api.delete(f"/api/live/{stream_id}/blocks/auth0%7Ca%2Fb", "alice"))
    assert good(await api.get(f"/api/live/{stream_id}/blocks", "alice")) == {"items": []}


async def test_a_block_needs_a_usable_user_id(api: Api) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    for bad in ("", " bob", "b\nob", "x" * 129, None, 7):
        answer = await api.post(f"/api/live/{stream_id}/blocks", "alice", json={"userId": bad})
        assert wrong_fields(answer) == ["userId"]
