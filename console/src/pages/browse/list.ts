// The lists of the page. They outlive it, so that coming back shows at once what was there.
import { signal } from "@preact/signals";
import { api, ask, ApiError, told, type Schemas } from "../../api/client";

export type LiveStream = Schemas["ActiveStream"];
export type Replay = Schemas["PastStream"];

export const streams = signal<LiveStream[] | undefined>(undefined);
export const replays = signal<Replay[]>([]);
export const wanted = signal({ text: "", tag: "" });
/** The list is not open to those who are not signed in. */
export const isClosed = signal(false);
export const problem = signal("");
export const hasMore = signal(false);

const TOP_PX = 200;
let pages = 1;
let shownFor = wanted.peek();

export async function look(gone: AbortSignal): Promise<void> {
  const asked = wanted.peek();
  try {
    const found = await readPages(asked, gone);
    if (gone.aborted) return;
    const kept = asked === shownFor ? streams.peek() : undefined;
    streams.value = kept ? merged(kept, found, scrollY < TOP_PX) : found;
    shownFor = asked;
    isClosed.value = false;
    problem.value = "";
  } catch (error) {
    if (gone.aborted) return;
    isClosed.value = error instanceof ApiError && error.status === 401;
    problem.value = isClosed.value ? "" : told(error);
  }
}

export async function showMore(): Promise<void> {
  pages += 1;
  await look(new AbortController().signal);
}

export async function lookAtReplays(gone: AbortSignal): Promise<void> {
  try {
    const found = await ask(api.GET("/api/live/replays", { signal: gone }));
    if (!gone.aborted) replays.value = found.items;
  } catch {
    // The row is an extra: what is wrong is told by the list itself.
  }
}

async function readPages(asked: typeof shownFor, gone: AbortSignal): Promise<LiveStream[]> {
  const found: LiveStream[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < pages; page += 1) {
    const query = { q: asked.text || undefined, tag: asked.tag || undefined, cursor };
    const answer = await ask(api.GET("/api/live/active", { params: { query }, signal: gone }));
    found.push(...answer.items);
    cursor = answer.nextCursor;
    if (!cursor) break;
  }
  hasMore.value = Boolean(cursor);
  return found;
}

/** What is live now, where everything that was there keeps its place: what is new takes the place
 * of what has ended, and then goes first, or last while somebody has scrolled down. */
export function merged(shown: LiveStream[], found: LiveStream[], atTop: boolean): LiveStream[] {
  const now = new Map(found.map((one) => [one.streamId, one]));
  const known = new Set(shown.map((one) => one.streamId));
  const fresh = found.filter((one) => !known.has(one.streamId));
  if (atTop) return [...fresh, ...shown.flatMap((one) => now.get(one.streamId) ?? [])];
  const kept = shown.flatMap((one) => now.get(one.streamId) ?? fresh.pop() ?? []);
  return [...kept, ...fresh];
}
