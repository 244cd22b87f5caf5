// The API's word that one may watch a stream, with the first ticket into its room.
import { api, ApiError, ask, type Schemas } from "../../api/client";

export type Watching = Schemas["Watching"];

const GOOD_FOR_MS = 10_000;

let early: { stream: string; asked: Promise<Watching>; at: number } | undefined;

/** Ask while the page itself is still on its way: the picture then comes that much sooner. */
export function askEarly(stream: string): void {
  early = { stream, asked: request(stream), at: performance.now() };
  early.asked.catch(() => {}); // whoever needs it tells
}

export function askToWatch(stream: string): Promise<Watching> {
  const found = early;
  early = undefined;
  const isGood = found?.stream === stream && performance.now() - found.at < GOOD_FOR_MS;
  if (!isGood) return request(stream);
  return found.asked.catch((error) => {
    // It may have been too early: before somebody had signed in, or the network was there.
    if (error instanceof ApiError && ![0, 401].includes(error.status)) throw error;
    return request(stream);
  });
}

function request(stream: string): Promise<Watching> {
  return ask(api.GET("/api/live/{id}/watch", { params: { path: { id: stream } } }));
}
