"""Load for the benches: keep-alive connections that send one prepared request over and over.

Raw bytes over asyncio streams, so that the client costs little beside what it measures.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import uvloop


@dataclass(frozen=True)
class Result:
    """Answers a second, and times of an answer in ms. `wrong` counts unexpected statuses."""

    rate: float
    p50: float
    p99: float
    wrong: int

    def __str__(self) -> str:
        wrong = f"  {self.wrong} WRONG" if self.wrong else ""
        return f"{self.rate:9.0f}/s  p50 {self.p50:7.2f} ms  p99 {self.p99:7.2f} ms{wrong}"


def run(
    port: int, request: Callable[[], bytes], *, connections: int, seconds: float, expect: int = 200
) -> Result:
    """Drive 127.0.0.1:`port` from core 1 for a time, each connection one request at a time."""
    os.sched_setaffinity(0, {1})
    try:
        return uvloop.run(_run(port, request, connections, seconds, expect))
    finally:
        os.sched_setaffinity(0, {0, 1})


async def _run(
    port: int, request: Callable[[], bytes], connections: int, seconds: float, expect: int
) -> Result:
    times: list[float] = []
    wrong = 0
    end = time.perf_counter() + seconds

    async def one() -> None:
        nonlocal wrong
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.perf_counter()) < end:
            writer.write(request())
            head = await reader.readuntil(b"\r\n\r\n")
            lower = head.lower()
            if b"content-length:" in lower:
                length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
                if length:
                    await reader.readexactly(length)
            times.append(time.perf_counter() - began)
            wrong += int(head[9:12]) != expect
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    took = time.perf_counter() - began
    times.sort()
    return Result(
        rate=len(times) / took,
        p50=times[len(times) // 2] * 1000,
        p99=times[int(len(times) * 0.99)] * 1000,
        wrong=wrong,
    )
