import type { ComponentChildren } from "preact";
import { Notice } from "../../components/Notice";
import { Spinner } from "../../components/Spinner";
import type { Asked } from "./asking";

interface Props<T> {
  asked: Asked<T>;
  children: (answer: T) => ComponentChildren;
}

/** What was answered, with word of what is wrong. */
export function Loaded<T>({ asked, children }: Props<T>) {
  const { answer, problem } = asked;
  return (
    <>
      {problem.value && <Notice kind="bad">{problem.value}</Notice>}
      {answer.value !== undefined
        ? children(answer.value)
        : !problem.value && <Spinner label="Looking" />}
    </>
  );
}
