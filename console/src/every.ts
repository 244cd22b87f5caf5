// Something that is asked again and again while somebody looks.
import { useEffect } from "preact/hooks";

/** Calls `ask` now and then every `seconds`, one call at a time; not while the page is hidden, but
 * at once when it is shown again, or when one of `inputs` changes. The signal is aborted when the
 * answer is of no use any more. */
export function useEvery(
  seconds: number,
  ask: (gone: AbortSignal) => Promise<void>,
  inputs: unknown[],
): void {
  useEffect(() => {
    const gone = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let busy = false;

    async function turn(): Promise<void> {
      clearTimeout(timer);
      if (busy || document.hidden) return;
      busy = true;
      await ask(gone.signal);
      busy = false;
      if (!gone.signal.aborted) timer = setTimeout(turn, seconds * 1000);
    }

    document.addEventListener("visibilitychange", turn, { signal: gone.signal });
    void turn();
    return () => {
      gone.abort();
      clearTimeout(timer);
    };
  }, inputs);
}
