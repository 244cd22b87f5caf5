"""Structured logs: a JSON object a line, with the id of the request it belongs to."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

from livectl.server.edge import request_id_var


def configure(*, level: str, as_json: bool) -> None:
    """Everything that is logged in this process, ours and libraries', goes to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        _add_request_id,
    ]
    if as_json:
        ending: list[structlog.typing.Processor] = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    else:
        ending = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # At debug it writes every command, with the stream keys and all else that is in it.
    logging.getLogger("pymongo").setLevel(max(logging.INFO, logging.getLogger().level))
    # uvicorn says nothing at this level that our own line for each request does not.
    logging.getLogger("uvicorn.access").disabled = True


def _add_request_id(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    if request_id := request_id_var.get():
        event["requestId"] = request_id
    return event
