"""The document is valid, equals the routes, and what it promises is what the server does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import Case
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
)

from livectl.app import ROUTES
from livectl.server.auth import Allow
from livectl.server.http import Route
from livectl.server.openapi import document
from tests.parts.livekit import LiveKit
from tests.server.api import ROOT, Api, good
from tests.server.process import Server, bearer
from tests.shell import livekit_settings

DOCUMENT = document(ROUTES)
schema = schemathesis.openapi.from_dict(DOCUMENT)


@schemathesis.serializer("application/sdp", "application/trickle-ice-sdpfrag")
def as_it_is(_: schemathesis.SerializationContext, value: Any) -> bytes:
    return str(value).encode()


def path_of(route: Route) -> str:
    return re.sub(r"{(\w+):\w+}", r"{\1}", route.path)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


async def test_the_server_serves_the_document_to_everyone(api: Api) -> None:
    assert good(await api.get("/openapi.json")) == DOCUMENT


async def test_the_reading_page_is_one_page_that_loads_nothing_from_elsewhere(api: Api) -> None:
    page = await api.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page.text)


def test_the_document_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_the_document_has_each_route_once_and_nothing_else() -> None:
    described = sorted(f"{method} {path}" for method, path, _ in operations())
    assert described == sorted(f"{route.method} {path_of(route)}" for route in ROUTES)


def test_every_operation_has_a_name_of_its_own_and_a_summary() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    assert all(operation["summary"] for _, _, operation in operations())


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_an_operation_tells_who_may_make_it(route: Route) -> None:
    operation = DOCUMENT["paths"][path_of(route)][route.method.lower()]
    assert operation["description"] == f"For {route.allow.value}."
    assert ("401" in operation["responses"]) == (route.allow is not Allow.EVERYONE)
    assert ("403" in operation["responses"]) >= (route.allow is Allow.ADMINISTRATOR)


def test_every_error_answer_is_described_by_the_one_form_of_errors() -> None:
    for _, _, operation in operations():
        for status, answer in operation["responses"].items():
            if status >= "400" and status != "503":
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Error"}


def test_no_schema_that_a_viewer_gets_has_a_place_for_a_secret() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for name in ("ActiveStream", "Watching", "Status"):
        assert not {"streamKey", "blockedUserIds", "ingress"} & set(schemas[name]["properties"])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A process of its own with a LiveKit of its own, whose webhooks it gets."""
    server = Server({})
    with LiveKit(webhook_urls=[f"{server.url}/api/webhooks/livekit"]) as livekit:
        server.settings |= livekit_settings(livekit)
        with server:
            yield server


bounded = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def _not_for(case: Case) -> list[Any]:
    """Checks that would be wrong here."""
    checks = [positive_data_acceptance]  # a document cannot say which cursors and users exist
    asked = set(case.query or {})
    if {"since", "until"} & asked:
        checks.append(negative_data_rejection)  # seconds since 1970 are a time as well
    elif asked - {one.name for one in case.operation.query}:
        checks.append(negative_data_rejection)  # what a query says beside is let be
    if case.path.startswith(("/api/webhooks/", "/api/recordings/", "/api/vods/")):
        # A webhook might have the id "sample".
        checks += [allow_header_conformance, unsupported_method]
    return checks


def call(case: Case, server: Server, by: str) -> None:
    """No fault of ours (5xx), and an answer as the document describes it."""
    follow = (case.query or {}).get("follow")
    assume(str(follow).lower() not in {"true", "1"})  # it would answer for ever
    case.call_and_validate(
        base_url=server.url,
        headers=bearer(by),
        excluded_checks=_not_for(case),
        timeout=30,
    )


@schema.parametrize()
@bounded
def test_whatever_an_administrator_sends_is_answered_as_described(
    case: Case, server: Server
) -> None:
    call(case, server, ROOT)


@schema.include(path_regex="^/api/live").parametrize()
@bounded
def test_whatever_a_user_sends_is_answered_as_described(case: Case, server: Server) -> None:
    call(case, server, "alice")
