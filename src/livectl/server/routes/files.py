"""The objects of a bucket that is a directory of this host, to those who have a signed link."""

from __future__ import annotations

from starlette.responses import FileResponse, Response

from livectl.errors import Forbidden, NotFound
from livectl.server.auth import Allow
from livectl.server.http import Body, Call, Route

_HEADERS = {
    "Cache-Control": "private",
    # Whoever has the link may read it, from any page: a player fetches with its page's origin.
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag",
    # A browser that is sent there shows films and pictures, and runs nothing.
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; "
    "frame-ancestors 'none'",
}


class FileLink(Body):
    expires: int
    signature: str
    download: str | None = None


async def file(call: Call, query: FileLink) -> Response:
    files = call.context.files
    if files is None:
        raise NotFound("recordings are in a bucket, and links lead there")
    found = await files.linked(
        call.request.path_params["path"],
        expires=query.expires,
        signature=query.signature,
        download_as=query.download,
    )
    # It answers HEAD and ranges as well, and reads no more than is sent at a time.
    return FileResponse(
        found.file, headers=_HEADERS, media_type=found.content_type, filename=query.download
    )


routes = [
    Route(
        "GET",
        "/files/{path:path}",
        file,
        Allow.EVERYONE,
        "A recording, its pictures; ranges too, for whoever has a signed link",
        errors=(Forbidden, NotFound),
    ),
]
