import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useAsked } from "./asking";
import { Loaded } from "./Loaded";

interface Page<T> {
  items: T[];
  nextCursor?: string;
}

interface Props<T> {
  look: (limit: number) => Promise<Page<T>>;
  /** Where there is nothing. */
  none: string;
  heads: string[];
  /** More of them, with figures below. */
  numbers: string[];
  row: (item: T, again: () => Promise<void>) => ComponentChildren;
}

const EVERY_S = 10;
const AT_FIRST = 50;
const AT_MOST = 1000;

/** A table of the newest, kept fresh; more when asked for. */
export function Pages<T>({ look, none, heads, numbers, row }: Props<T>) {
  const limit = useSignal(AT_FIRST);
  const asked = useAsked(EVERY_S, () => look(limit.value), []);

  function showOlder(): void {
    limit.value = Math.min(AT_MOST, limit.value * 4);
    void asked.again(); // what is shown stays meanwhile
  }

  return (
    <Loaded asked={asked}>
      {({ items, nextCursor }) =>
        items.length === 0 ? (
          <p class="none">{none}</p>
        ) : (
          <>
            <table class="list">
              <thead>
                <tr>
                  {heads.map((head) => (
                    <th key={head} scope="col">
                      {head}
                    </th>
                  ))}
                  {numbers.map((head) => (
                    <th key={head} scope="col" class="number">
                      {head}
                    </th>
                  ))}
                  <th scope="col">
                    <span class="hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>{items.map((one) => row(one, asked.again))}</tbody>
            </table>
            {nextCursor && limit.value < AT_MOST && (
              <button type="button" class="more" onClick={showOlder}>
                Show older ones
              </button>
            )}
          </>
        )
      }
    </Loaded>
  );
}
