import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { ApiError } from "../../api/client";
import type { Page } from "../../api/coming";
import { useAsked } from "./asking";
import { DoOnce } from "./DoOnce";
import { Loaded } from "./Loaded";

interface Props<T> {
  look: (cursor?: string) => Promise<Page<T>>;
  /** Where there is nothing. */
  none: string;
  heads: string[];
  row: (item: T, again: () => Promise<void>) => ComponentChildren;
}

const EVERY_S = 10;

/** A table of which the newest page is kept fresh, and older ones come when asked for. */
export function Pages<T>({ look, none, heads, row }: Props<T>) {
  const older = useSignal<T[]>([]);
  const next = useSignal<string | undefined>(undefined);
  const asked = useAsked(EVERY_S, first, []);

  async function first(): Promise<T[]> {
    const page = await orNothing(look());
    if (!older.peek().length) next.value = page.nextCursor;
    return page.items;
  }

  async function more(): Promise<void> {
    const page = await look(next.peek());
    older.value = [...older.peek(), ...page.items];
    next.value = page.nextCursor;
  }

  return (
    <Loaded asked={asked}>
      {(newest) =>
        newest.length === 0 ? (
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
                  <th scope="col">
                    <span class="hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>{[...newest, ...older.value].map((one) => row(one, asked.again))}</tbody>
            </table>
            {next.value && <DoOnce act={more}>Show older ones</DoOnce>}
          </>
        )
      }
    </Loaded>
  );
}

/** A server that does not record has no such list. */
async function orNothing<T>(looking: Promise<Page<T>>): Promise<Page<T>> {
  try {
    return await looking;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return { items: [] };
    throw error;
  }
}
