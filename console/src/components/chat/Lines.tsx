import { useSignal, type ReadonlySignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Entry } from "../../live/entries";
import { count } from "../../words";
import { Line } from "./Line";
import "./chat.css";

interface Props {
  entries: ReadonlySignal<Entry[]>;
  host: string;
  /** What to say while there is none. */
  silence?: string;
  /** What can be done about a line. */
  tools?: (entry: Entry) => ComponentChildren;
}

const AT_END_PX = 40;
// A screen reader that was told of every message of a busy room would never end.
const CALM_PER_5_S = 5;

/** The chat as it grows: it follows the newest unless one has scrolled back. */
export function Lines({ entries, host, silence = "Nothing has been said yet.", tools }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const missed = useSignal(0);
  const shown = entries.value;
  const last = shown.at(-1)?.id;
  const seen = useRef(last);

  useLayoutEffect(() => {
    if (follows.current) {
      toEnd();
    } else if (last !== seen.current) {
      const before = shown.findIndex((one) => one.id === seen.current);
      missed.value += shown.length - 1 - before;
    }
    seen.current = last;
  }, [shown]);

  function toEnd(): void {
    follows.current = true;
    missed.value = 0;
    list.current?.scrollTo(0, list.current.scrollHeight);
  }

  function scrolled(): void {
    const box = list.current;
    if (!box) return;
    follows.current = box.scrollHeight - box.scrollTop - box.clientHeight < AT_END_PX;
    if (follows.current) missed.value = 0;
  }

  return (
    <div class="lines">
      <div
        ref={list}
        class="scroll"
        role="log"
        aria-label="Chat"
        aria-live={isBusy(shown) ? "off" : "polite"}
        tabIndex={0}
        onScroll={scrolled}
      >
        {shown.length === 0 && <p class="silence">{silence}</p>}
        <ul>
          {shown.map((entry) => (
            <Line key={entry.id} entry={entry} host={host}>
              {tools?.(entry)}
            </Line>
          ))}
        </ul>
      </div>
      {missed.value > 0 && (
        <button type="button" class="main missed" onClick={toEnd}>
          {count(missed.value, "new message")}
        </button>
      )}
    </div>
  );
}

function isBusy(shown: Entry[]): boolean {
  const before = shown.at(-CALM_PER_5_S - 1);
  return before !== undefined && Date.now() - Date.parse(before.at) < 5000;
}
