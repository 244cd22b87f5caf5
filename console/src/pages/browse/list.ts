// The lists of the page. They outlive it, so that coming back shows at once what was there.
import { computed, signal } from "@preact/signals";
import { api, ask, ApiError, told, type Schemas } from "../../api/client";

export type LiveStream = Schemas["ActiveStream"];
export type Replay = Schemas["PastStream"];

/** A stream in its place, which stays empty where it has ended while somebody looks. */
export interface Place {
  stream: LiveStream;
  isOver: boolean;
}

interface Wanted {
  text: string;
  tag: string;
}

export const places = signal<Place[] | undefined>(undefined);
export const streams = computed(() =>
  places.value?.filter((one) => !one.isOver).map((one) => one.stream),
);
export const replays = signal<Replay[]>([]);
export const wanted = signal<Wanted>({ text: "", tag: "" });
/** The list is not open to those who are not signed in. */
export const isClosed = signal(false);
export const problem = signal("");
export const hasMore = signal(false);

const TOP_PX = 200;
const IDLE_MS = 30_000;
let touchedAt = Date.now();
let pages = 1;
/** undefined: whatever is found may stand in any order. */
let shownFor: Wanted | undefined;

for (const kind of ["pointermove", "pointerdown", "keydown", "scroll"]) {
  addEventListener(kind, () => (touchedAt = Date.now()), { passive: true });
}
document.addEventListener("visibilitychange", () => (touchedAt = 0));

/** Nobody would lose their place if everything moved. */
function isUnattended(): boolean {
  return scrollY < TOP_PX && Date.now() - touchedAt > IDLE_MS;
}

/** For somebody who has just come, and has no place in the list to lose. */
export function startOver(): void {
  shownFor = undefined;
  pages = 1;
}

export async function look(gone: AbortSignal): Promise<void> {
  const asked = wanted.peek();
  try {
    const found = await readPages(asked, gone);
    if (gone.aborted) return;
    const kept = asked === shownFor && !isUnattended() ? places.peek() : undefined;
    places.value = merged(kept ?? [], found);
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

async function readPages(asked: Wanted, gone: AbortSignal): Promise<LiveStream[]> {
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
 * of what has ended, or else comes last. No empty place is left at the end. */
function merged(shown: Place[], found: LiveStream[]): Place[] {
  const now = new Map(found.map((stream) => [stream.streamId, stream]));
  const known = new Set(shown.map((one) => one.stream.streamId));
  const fresh = found.filter((stream) => !known.has(stream.streamId));
  const kept = shown.map(({ stream }) => {
    const next = now.get(stream.streamId) ?? fresh.shift();
    return { stream: next ?? stream, isOver: !next };
  });
  while (kept.at(-1)?.isOver) kept.pop();
  return [...kept, ...fresh.map((stream) => ({ stream, isOver: false }))];
}
