// What a page asks for again and again, with what went wrong the last time.
import { useSignal, type Signal } from "@preact/signals";
import { told } from "../../api/client";
import { useEvery } from "../../every";

export interface Asked<T> {
  answer: Signal<T | undefined>;
  problem: Signal<string>;
  /** Asks now, besides. */
  again: () => Promise<void>;
}

/** The latest answer of `ask`; an earlier one stays while there is none. */
export function useAsked<T>(seconds: number, ask: () => Promise<T>, inputs: unknown[]): Asked<T> {
  const answer = useSignal<T | undefined>(undefined);
  const problem = useSignal("");

  async function look(gone?: AbortSignal): Promise<void> {
    try {
      const found = await ask();
      if (gone?.aborted) return;
      answer.value = found;
      problem.value = "";
    } catch (error) {
      if (!gone?.aborted) problem.value = told(error);
    }
  }

  useEvery(seconds, look, inputs);
  return { answer, problem, again: () => look() };
}
