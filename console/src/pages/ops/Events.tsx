import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, ask, told } from "../../api/client";
import { Notice } from "../../components/Notice";
import { follow, type Event } from "./follow";

const KEPT = 400;
const PAGE = 1000;
const AGAIN_S = 2;
const FIRST_MS = 24 * 3600 * 1000;

/** The event log, newest first, as it grows. */
export function Events() {
  const events = useSignal<Event[]>([]);
  const text = useSignal("");
  const held = useSignal<Event[] | undefined>(undefined);
  const problem = useSignal("");

  function add(more: Event[]): void {
    events.value = [...more.reverse(), ...events.peek()].slice(0, KEPT);
  }

  useEffect(() => {
    const gone = new AbortController();
    void listen(gone.signal, add, (wrong) => (problem.value = wrong));
    return () => gone.abort();
  }, []);

  const wanted = text.value.trim().toLowerCase();
  const shown = (held.value ?? events.value).filter((one) => !wanted || fits(one, wanted));
  return (
    <>
      <div class="tools">
        <input
          type="search"
          aria-label="Only events with"
          placeholder="Only events with…"
          value={text}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
        <button
          type="button"
          aria-pressed={held.value !== undefined}
          onClick={() => (held.value = held.value ? undefined : events.peek())}
        >
          {held.value ? "Go on" : "Hold"}
        </button>
      </div>
      {problem.value && <Notice kind="bad">{problem.value}</Notice>}
      {shown.length === 0 && <p class="none">Nothing yet. What happens shows here at once.</p>}
      <ol class="log" aria-label="Events, newest first">
        {shown.map((one) => (
          <Line key={one.seq} event={one} />
        ))}
      </ol>
    </>
  );
}

async function listen(
  gone: AbortSignal,
  add: (more: Event[]) => void,
  say: (wrong: string) => void,
): Promise<void> {
  let after: number | undefined;
  while (!gone.aborted) {
    try {
      if (after === undefined) {
        const { items, last } = await lastDay(gone);
        add(items);
        after = last;
      }
      say("");
      after = await follow(after, gone, (more) => {
        after = more.at(-1)?.seq;
        add(more);
      });
    } catch (error) {
      if (!gone.aborted) say(`${told(error)} Trying again…`);
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_S * 1000));
  }
}

/** The newest of the last day's events; the place in the log after them. */
async function lastDay(signal: AbortSignal): Promise<{ items: Event[]; last: number }> {
  const since = new Date(Date.now() - FIRST_MS).toISOString();
  let items: Event[] = [];
  let after = 0;
  for (;;) {
    const query = { after, since, limit: PAGE };
    const page = await ask(api.GET("/api/events", { params: { query }, signal }));
    items = [...items, ...page.items].slice(-KEPT);
    if (page.items.length < PAGE) return { items, last: page.last };
    after = page.last;
  }
}

function fits(event: Event, wanted: string): boolean {
  return JSON.stringify(event).toLowerCase().includes(wanted);
}

function momentOf(at: string): string {
  const then = new Date(at);
  const isToday = then.toDateString() === new Date().toDateString();
  return isToday ? then.toLocaleTimeString() : then.toLocaleString();
}

function Line({ event }: { event: Event }) {
  const facts = Object.entries(event.data ?? {});
  return (
    <li>
      <time dateTime={event.at}>{momentOf(event.at)}</time>
      <strong>{event.type}</strong>
      <span>{event.actor}</span>
      {event.streamId && <code>{event.streamId}</code>}
      <small>
        {facts.map(([name, value]) => (
          <span key={name}>
            {name}={typeof value === "string" ? value : JSON.stringify(value)}{" "}
          </span>
        ))}
      </small>
    </li>
  );
}
