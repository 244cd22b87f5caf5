// The event log as it grows: one JSON object a line, for as long as somebody listens.
import { problem, reached, type Schemas } from "../../api/client";

export type Event = Schemas["Event"];

/** Calls `onEvents` with what comes after `after`, until `gone`. Comes back when the answer ends,
 * with the place it got to; throws where it cannot be had. */
export async function follow(
  after: number,
  gone: AbortSignal,
  onEvents: (events: Event[]) => void,
): Promise<number> {
  const answer = await reached(
    fetch(`/api/events?follow=true&after=${after}`, { signal: gone }),
  );
  if (!answer.ok || !answer.body) {
    throw problem(await answer.json().catch(() => undefined), answer);
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return after;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    const events = lines.filter(Boolean).map((line) => JSON.parse(line) as Event);
    if (!events.length) continue;
    after = events.at(-1)?.seq ?? after;
    onEvents(events);
  }
}
