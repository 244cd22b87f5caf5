// What a page asks for again and again, with what went wrong the last time.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { told } from "../../api/client";
import { useEvery } from "../../every";

export interface Asked<T> {
  answer: Signal<T | undefined>;
  problem: Signal<string>;
  /** Asks now, besides. */
  again: () => Promise<void>;
}

/** The latest answer of `ask` for these inputs; an earlier one stays while there is none. */
export function useAsked<T>(seconds: number, ask: () => Promise<T>, inputs: unknown[]): Asked<T> {
  const answer = useSignal<T | undefined>(undefined);
  const problem = useSignal("");
  const latest = useRef({ ask, asked: 0, answered: 0 }).current;
  latest.ask = ask;

  async function look(): Promise<void> {
    const turn = ++latest.asked;
    try {
      const found = await latest.ask();
      if (turn < latest.answered) return;
      answer.value = found;
      problem.value = "";
    } catch (error) {
      if (turn < latest.answered) return;
      problem.value = told(error);
    }
    latest.answered = turn;
  }

  useEffect(() => {
    answer.value = undefined;
    problem.value = "";
    latest.answered = latest.asked + 1; // what is still under way comes too late
  }, inputs);
  useEvery(seconds, look, inputs);
  return { answer, problem, again: look };
}
