import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { api, ask, told, type Schemas } from "../../api/client";
import { Dialog } from "../../components/Dialog";
import { Field } from "../../components/Field";
import { Icon } from "../../components/Icon";
import { Notice } from "../../components/Notice";
import { useEvery } from "../../every";
import { titleOf } from "../../words";

export type Ended = Schemas["Ended"];
type Step = Schemas["Step"];

interface Props {
  stream: { streamId: string; title: string; ownerId: string };
  /** What it is ended for, where that is known. */
  reason?: string;
  onClose: (ended: Ended | undefined) => void;
}

const HELD_EVERY_S = 2;
const BANS = [
  { seconds: 0, words: "No" },
  { seconds: 3600, words: "For an hour" },
  { seconds: 86_400, words: "For a day" },
  { seconds: 604_800, words: "For a week" },
];
const STEPS: Record<string, string> = {
  stream_ended: "The stream is over for everyone",
  ingress_off: "Its encoder keys are off",
  recording_stopped: "Its recording has been ended",
  room_deleted: "Its room is deleted",
  room_gone: "The room stays gone",
};

/** Asks once, ends the stream, and shows whether that held, or when it does. */
export function Kill({ stream, reason = "", onClose }: Props) {
  const ended = useSignal<Ended | undefined>(undefined);
  const busy = useSignal(false);
  const problem = useSignal("");
  const asked = useRef<Schemas["End"]>({});
  const params = { path: { id: stream.streamId } };

  async function end(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    // Where it is tried again, nobody is asked again.
    if (!ended.peek()) {
      asked.current = {
        reason: String(form.get("reason")).trim() || null,
        banSeconds: Number(form.get("ban")) || null,
      };
    }
    busy.value = true;
    problem.value = "";
    try {
      ended.value = await ask(api.POST("/api/live/{id}/end", { params, body: asked.current }));
    } catch (error) {
      problem.value = told(error);
    }
    busy.value = false;
  }

  async function lookWhetherItHolds(): Promise<void> {
    const owed = ended.peek();
    if (!owed || owed.held) return;
    try {
      const { teardownOwed } = await ask(api.GET("/api/streams/{id}", { params }));
      if (!teardownOwed && ended.peek() === owed) ended.value = { ...owed, held: true };
    } catch {
      // The next look tells.
    }
  }

  const done = ended.value;
  useEvery(HELD_EVERY_S, lookWhetherItHolds, [done?.held]);
  return (
    <Dialog title={`End “${titleOf(stream)}”?`} onClose={() => onClose(ended.peek())}>
      <form class="asking" onSubmit={end}>
        {done ? (
          <Outcome ended={done} />
        ) : (
          <>
            <p>
              Everyone is put out, encoders too, and nobody brings it back. This cannot be undone.
            </p>
            <Field label="Why" help="The host and the viewers are told.">
              {(id, help) => (
                <input
                  id={id}
                  name="reason"
                  autofocus
                  maxLength={200}
                  autocomplete="off"
                  defaultValue={reason}
                  aria-describedby={help}
                />
              )}
            </Field>
            <Field label={`Keep ${stream.ownerId} from going live again`}>
              {(id) => (
                <select id={id} name="ban">
                  {BANS.map(({ seconds, words }) => (
                    <option key={seconds} value={seconds}>
                      {words}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          </>
        )}
        {problem.value && (
          <p class="problem" role="alert">
            {problem.value}
          </p>
        )}
        {done?.held ? (
          <button
            type="button"
            class="main"
            ref={focus}
            onClick={(event) => event.currentTarget.closest("dialog")?.close()}
          >
            Done
          </button>
        ) : (
          <button class="danger" disabled={busy.value}>
            {busy.value ? "Ending…" : done ? "Try again" : "End the stream"}
          </button>
        )}
      </form>
    </Dialog>
  );
}

function Outcome({ ended }: { ended: Ended }) {
  const isLate = ended.held && ended.steps.some(hasFailed);
  return (
    <>
      <Notice kind={ended.held ? "good" : "bad"}>{outcomeOf(ended.held, isLate)}</Notice>
      {!isLate && (
        <ol class="steps">
          {ended.steps.map((step) => (
            <StepLine key={step.step} step={step} />
          ))}
        </ol>
      )}
    </>
  );
}

function outcomeOf(held: boolean, isLate: boolean): string {
  if (isLate) return "It is over, and it holds now: what had failed at LiveKit is done.";
  if (held) return "It is over, and it holds.";
  return (
    "It is over here, but it does not hold yet: a step failed at LiveKit, and people may still " +
    "see it. It is tried again until it holds, also when you close this."
  );
}

function focus(button: HTMLButtonElement | null): void {
  button?.focus();
}

function hasFailed(step: Step): boolean {
  return step.result === "failed";
}

function StepLine({ step }: { step: Step }) {
  const failed = hasFailed(step);
  const detail = step.result === "nothing_to_do" ? "nothing to do" : step.detail;
  return (
    <li class={failed ? "bad" : "good"}>
      <Icon name={failed ? "close" : "check"} label={failed ? "Failed" : "Done"} />
      <span>
        {STEPS[step.step] ?? step.step}
        <small>{[detail, `${step.ms} ms`].filter(Boolean).join(" · ")}</small>
      </span>
    </li>
  );
}
