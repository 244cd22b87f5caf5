import { useSignal } from "@preact/signals";
import { api, ask, told } from "../../api/client";
import { Dialog } from "../../components/Dialog";
import { Field } from "../../components/Field";
import { toast } from "../../components/toast";
import type { Entry } from "../../live/entries";

interface Props {
  stream: string;
  /** A message; without, it is the stream itself. */
  about: Entry | undefined;
  onClose: () => void;
}

const TYPES = {
  spam: "Spam or fraud",
  harassment: "Harassment or hate",
  violence: "Violence or danger",
  sexual: "Sexual content",
  copyright: "Somebody else’s work",
  other: "Something else",
};

export function Report({ stream, about, onClose }: Props) {
  const problem = useSignal("");
  const busy = useSignal(false);

  async function send(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name)).trim();
    const body = {
      type: text("type"),
      reason: text("reason"),
      description: text("description") || null,
      evidence: about ? [about.id] : null,
    };
    busy.value = true;
    try {
      const params = { path: { id: stream } };
      const answer = await ask(api.POST("/api/live/{id}/report", { params, body }));
      toast(answer.message);
      onClose();
    } catch (error) {
      problem.value = told(error);
      busy.value = false;
    }
  }

  return (
    <Dialog title={about ? `Report a message of ${about.userId}` : "Report this stream"} onClose={onClose}>
      {about?.content && (
        <blockquote>
          <bdi>{about.content}</bdi>
        </blockquote>
      )}
      <form class="report" onSubmit={send}>
        <Field label="What is it">
          {(id) => (
            <select id={id} name="type">
              {Object.entries(TYPES).map(([type, words]) => (
                <option key={type} value={type}>
                  {words}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="In a few words">
          {(id) => <input id={id} name="reason" required maxLength={1000} autocomplete="off" />}
        </Field>
        <Field label="More, if it helps">
          {(id) => <textarea id={id} name="description" rows={3} maxLength={5000} />}
        </Field>
        {problem.value && (
          <p class="problem" role="alert">
            {problem.value}
          </p>
        )}
        <button class="main" disabled={busy.value}>
          Send the report
        </button>
      </form>
    </Dialog>
  );
}
