// The API's word that one may watch a stream, with the first ticket into its room.
import { api, ask, type Schemas } from "../../api/client";

export type Watching = Schemas["Watching"];

let early: { stream: string; asked: Promise<Watching> } | undefined;

/** Ask while the page itself is still on its way: the picture then comes that much sooner. */
export function askEarly(stream: string): void {
  early = { stream, asked: request(stream) };
  early.asked.catch(() => {}); // whoever needs it asks again, and tells
}

export function askToWatch(stream: string): Promise<Watching> {
  const asked = early?.stream === stream ? early.asked : undefined;
  early = undefined;
  return asked ? asked.catch(() => request(stream)) : request(stream);
}

function request(stream: string): Promise<Watching> {
  return ask(api.GET("/api/live/{id}/watch", { params: { path: { id: stream } } }));
}
