"""OpenAPI 3.1, made from the routes and the types that decode requests."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, get_args

import msgspec
from starlette.responses import Response

from livectl import __version__
from livectl.errors import BadInput, Forbidden, LivectlError, Unauthenticated
from livectl.server.auth import Allow
from livectl.server.http import Body, Call, Route, json_response
from livectl.server.session import COOKIE

_REF = "#/components/schemas/{name}"
_PATTERNS = {"id": "^[0-9a-fA-F]{24}$"}


class WrongField(Body):
    field: str
    expected: str


class Error(Body):
    error: str
    code: str
    hint: str | None = None
    details: list[WrongField] | None = None
    request_id: str | None = None


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The whole document. Raises nothing: what it cannot describe fails its test."""
    types = [Error]
    for route in routes:
        types += [part for part in (route.body, *_answers(route)) if _is_described(part)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operations = paths.setdefault(_openapi_path(route.path), {})
        operations[route.method.lower()] = _operation(route, by_type)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "livectl",
            "version": __version__,
            "description": "Errors carry a sentence, a stable `code`, and what to do next.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
                "livekit": {"type": "apiKey", "in": "header", "name": "Authorization"},
                "streamKey": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def reference(routes: Sequence[Route]) -> Route:
    """The route that serves the document; it describes itself as well."""

    @functools.cache
    def made() -> dict[str, Any]:  # when it is first asked for, not when a command starts
        return document([*routes, route])

    async def openapi(call: Call) -> Response:
        return json_response(made())

    route = Route("GET", "/openapi.json", openapi, Allow.EVERYONE, "This document")
    return route


def _operation(route: Route, by_type: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}_{route.handler.__name__}",
        "summary": route.summary,
        "description": f"For {route.allow.value}.",
        "tags": [route.path.split("/")[2] if route.path.startswith("/api/") else "server"],
        "security": _security(route.allow),
        "responses": _responses(route, by_type),
    }
    if parameters := [*_path_parameters(route), *_query_parameters(route)]:
        operation["parameters"] = parameters
    if route.body is bytes:
        schema: Any = {"type": "object" if route.takes.endswith("json") else "string"}
        operation["requestBody"] = _content({route.takes: schema})
    elif route.body is not None:
        operation["requestBody"] = _content({"application/json": by_type[route.body]})
    return operation


def _content(by_media_type: dict[str, Any]) -> dict[str, Any]:
    return {"content": {media: {"schema": schema} for media, schema in by_media_type.items()}}


def _security(allow: Allow) -> list[dict[str, list[str]]]:
    if allow is Allow.LIVEKIT:
        return [{"livekit": []}]
    if allow is Allow.ENCODER:
        return [{"streamKey": []}]
    if allow is Allow.BROWSE:
        return [{}, {"bearer": []}, {"session": []}]
    return [{"bearer": []}, {"session": []}] if allow.reads_caller else []


def _responses(route: Route, by_type: dict[Any, Any]) -> dict[str, Any]:
    answers = [by_type[part] for part in _answers(route) if part in by_type]
    success: dict[str, Any] = {"description": "Done"}
    if answers:
        schema = answers[0] if len(answers) == 1 else {"anyOf": answers}
        success |= _content({"application/json": schema})
    responses = {str(route.status): success}
    for status, classes in sorted(_errors(route).items()):
        codes = ", ".join(f"`{cls.code}`" for cls in classes)
        described = f"{HTTPStatus(status).phrase}: {codes}"
        responses[str(status)] = {
            "description": described,
            **_content({"application/json": by_type[Error]}),
        }
    return responses


def _errors(route: Route) -> dict[int, list[type[LivectlError]]]:
    found: list[type[LivectlError]] = [LivectlError, *route.errors]
    if route.allow.reads_caller or route.allow is Allow.SIGN_IN:
        found.append(Unauthenticated)
    if route.allow in {Allow.ADMINISTRATOR, Allow.MONITOR}:
        found.append(Forbidden)
    if route.body is not None or route.query is not None or "{id}" in route.path:
        found.append(BadInput)
    by_status: dict[int, list[type[LivectlError]]] = {}
    for cls in dict.fromkeys(found):
        for one in (cls, *_narrower(cls, route)):
            by_status.setdefault(one.status, []).append(one)
    return by_status


def _narrower(cls: type[LivectlError], route: Route) -> list[type[LivectlError]]:
    """Where LiveKit may fail it may also be slow or not set up; a body may be too large."""
    if cls is LivectlError or (cls is BadInput and route.body is None):
        return []
    return [sub for sub in cls.__subclasses__() if sub.status != cls.status and sub.status != 500]


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": _PATTERNS.get(name, "^.+$")},
        }
        for name in re.findall(r"{(\w+)(?::\w+)?}", route.path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    (_,), components = msgspec.json.schema_components([route.query], ref_template=_REF)
    schema = components[route.query.__name__]
    return [
        {"name": name, "in": "query", "required": False, "schema": part}
        for name, part in schema["properties"].items()
    ]


def _openapi_path(path: str) -> str:
    return re.sub(r"{(\w+):\w+}", r"{\1}", path)


def _answers(route: Route) -> list[Any]:
    return list(get_args(route.answer)) or [route.answer]


def _is_described(part: Any) -> bool:
    """A struct, or one of several."""
    if choices := get_args(part):
        return all(_is_described(one) for one in choices)
    return isinstance(part, type) and issubclass(part, msgspec.Struct)
