"""From an HTTP request to a typed call and back: decode, authorise, call, encode.

A route is declared once, with who may call it; what its body and query must look like and what it
answers is read from its handler's annotations. OpenAPI and the table of permissions come from the
same declarations.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from livectl.domain.ids import is_object_id
from livectl.domain.people import Caller
from livectl.domain.stream import Stream
from livectl.errors import BadInput, LivectlError, NotFound, TooLarge, WrongMediaType
from livectl.server.auth import Allow, check_moderator, check_owner

if typing.TYPE_CHECKING:
    from livectl.server.context import Context

KIB = 1024

_AT = "ISO 8601 with its zone; in a query also the seconds since 1970"
At = Annotated[datetime, Meta(tz=True, description=_AT)]


class Body(msgspec.Struct, kw_only=True, rename="camel"):
    """What all requests and answers have in common: camelCase names."""


class Done(Body):
    success: typing.Literal[True] = True


@dataclass(frozen=True)
class Call:
    """One call that was let in. `stream` is there where the permission depends on its owner."""

    context: Context
    caller: Caller
    request: Request
    request_id: str
    owned: Stream | None = None

    @property
    def stream(self) -> Stream:
        assert self.owned is not None, "only routes with an owner's permission have it"  # noqa: S101
        return self.owned

    @property
    def address(self) -> str:
        """Where the caller comes from, as a keyed hash."""
        client = self.request.client
        return self.context.hash_address(client.host if client else "")

    @property
    def base(self) -> str:
        """Where this server is reached, for links to itself: without a slash at the end."""
        return self.context.own_public_url or str(self.request.base_url).rstrip("/")

    @property
    def stream_id(self) -> str:
        return object_id(self.request.path_params["id"])


Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Route:
    """`allow` has no default, so that none can be forgotten. `takes` is the media type of a body
    that the handler reads itself, `status` that of a success."""

    method: str
    path: str
    handler: Handler
    allow: Allow
    summary: str
    max_body: int = 64 * KIB
    takes: str = "application/json"
    status: int = 200
    errors: Sequence[type[LivectlError]] = ()
    body: Any = field(init=False, default=None)
    query: Any = field(init=False, default=None)
    answer: Any = field(init=False, default=None)

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(self.handler)
        for name in ("body", "query"):
            object.__setattr__(self, name, hints.get(name))
        object.__setattr__(self, "answer", hints["return"])
        assert inspect.iscoroutinefunction(self.handler)  # noqa: S101

    def mounted(self) -> StarletteRoute:
        """The same as Starlette serves it."""
        return StarletteRoute(
            self.path, self._serve, methods=[self.method], name=self.handler.__name__
        )

    async def _serve(self, request: Request) -> Response:
        context: Context = request.scope["livectl.context"]
        request.scope["livectl.route"] = self.path
        if self.allow.reads_caller:
            caller = await context.authenticator.caller_of(request)
        else:
            caller = await context.authenticator.caller(request.scope, "")
        request.scope["livectl.caller"] = caller.name
        context.authenticator.admit(self.allow, caller)
        if "id" in request.path_params:
            object_id(request.path_params["id"])
        arguments = await self._arguments(request)
        owned = await self._owned(context, caller, request, arguments)
        call = Call(
            context=context,
            caller=caller,
            request=request,
            request_id=request.scope.get("livectl.request_id", ""),
            owned=owned,
        )
        answer = _encode(await self.handler(call, **arguments))
        if self.method != "GET":
            context.tell_log_has_grown()
        return answer

    async def _arguments(self, request: Request) -> dict[str, Any]:
        arguments = {}
        if self.body is not None:
            raw = await read_body(request, self.max_body)
            arguments["body"] = raw if self.body is bytes else _decode_json(request, raw, self.body)
        if self.query is not None:
            arguments["query"] = _convert(dict(request.query_params), self.query, strict=False)
        return arguments

    async def _owned(
        self, context: Context, caller: Caller, request: Request, arguments: dict[str, Any]
    ) -> Stream | None:
        if self.allow is Allow.MODERATOR:
            return await _moderated(context, caller, arguments.get("body") or arguments["query"])
        if not self.allow.of_stream:
            return None
        named = request.path_params.get("id")
        stream_id = (
            object_id(named) if named else object_id(arguments["body"].stream_id, "streamId")
        )
        stream = await context.streams.find_one(stream_id)
        return check_owner(self.allow, caller, stream)


async def _moderated(context: Context, caller: Caller, scoped: Any) -> Stream | None:
    """The stream that a call of a moderator is about, if it is about one. `scoped` has `stream_id`
    and `owner_id`, of which one at most is given."""
    if scoped.stream_id is not None and scoped.owner_id is not None:
        raise BadInput("streamId, ownerId: expected one of them at most")
    stream = None
    moderators: list[str] = []
    if scoped.stream_id is not None:
        stream = await context.streams.find_one(object_id(scoped.stream_id, "streamId"))
        if stream is None:
            raise NotFound("stream not found")
        moderators = await context.moderation.moderators_of(stream)
    check_moderator(
        caller,
        stream=stream,
        owner_id=scoped.owner_id,
        moderators=moderators,
        owner_only=getattr(scoped, "for_owner_only", False),
    )
    return stream


def object_id(raw: str, field: str = "id") -> str:
    """Raises BadInput unless it is 24 hex digits (contract, REST)."""
    if not is_object_id(raw.lower()):
        raise BadInput.of(field, "24 hexadecimal digits")
    return raw.lower()


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises TooLarge as soon as it is known to be more than `limit` bytes."""
    too_large = TooLarge(f"the body is larger than {limit // KIB} KiB")
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_large
    return bytes(body)


def answer_error(error: LivectlError, request_id: str = "") -> Response:
    """The error as every client gets it."""
    content: dict[str, Any] = {"error": error.message, "code": error.code}
    if error.hint:
        content["hint"] = error.hint
    if error.details:
        content["details"] = error.details
    if request_id:
        content["requestId"] = request_id
    headers = {"Retry-After": str(error.retry_after or 1)} if error.status == 429 else None
    return json_response(content, error.status, headers)


def json_response(
    content: Any, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    body = msgspec.json.encode(content)
    return Response(body, status, headers, media_type="application/json")


def _encode(answer: Any) -> Response:
    return answer if isinstance(answer, Response) else json_response(answer)


def _decode_json(request: Request, raw: bytes, type_: Any) -> Any:
    if not raw:
        return _convert({}, type_)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise WrongMediaType("Content-Type: expected application/json")
    try:
        content = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"the body is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadInput("the body: expected a JSON object")
    return _convert(content, type_)


def _convert(content: dict[str, Any], type_: Any, *, strict: bool = True) -> Any:
    try:
        return msgspec.convert(content, type_, strict=strict)
    except msgspec.ValidationError as error:
        details = _each_wrong_field(content, type_, strict)
        if not details:
            raise BadInput(str(error)) from error
        listed = "; ".join(f"{one['field']}: {one['expected']}" for one in details)
        raise BadInput(listed, details=details) from error


def _each_wrong_field(content: dict[str, Any], type_: Any, strict: bool) -> list[dict[str, str]]:
    """msgspec stops at the first problem; a person wants to know all of them."""
    if (struct := _struct_of(content, type_)) is None:
        return []
    wrong = []
    for one in msgspec.structs.fields(struct):
        name = one.encode_name
        if name not in content:
            if one.required:
                wrong.append({"field": name, "expected": "a value, it is missing"})
            continue
        try:
            msgspec.convert(content[name], one.type, strict=strict)
        except msgspec.ValidationError as error:
            wrong.append({"field": name, "expected": _in_words(str(error))})
    return wrong


def _struct_of(content: dict[str, Any], type_: Any) -> Any:
    """The one struct that is meant, where a body may be one of several; None where none is."""
    choices = typing.get_args(type_)
    if not choices:
        return type_
    named = [
        one
        for one in choices
        if content.get(one.__struct_config__.tag_field) == one.__struct_config__.tag
    ]
    return named[0] if named else None


def _in_words(problem: str) -> str:
    text = problem.partition(" - at ")[0]
    return text[:1].lower() + text[1:]
