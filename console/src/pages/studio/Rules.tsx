import { api, ask, told, type Schemas } from "../../api/client";
import { Field } from "../../components/Field";
import { toast } from "../../components/toast";
import type { ChatRoom } from "../../live/room";

interface Props {
  stream: string;
  room: ChatRoom;
}

const SLOW_S = [0, 5, 10, 30, 60, 300];

/** How the room talks; it holds for this stream. */
export function Rules({ stream, room }: Props) {
  const rules = room.rules.value;
  const slow = [...new Set([...SLOW_S, rules.slowSeconds])].sort((one, other) => one - other);

  async function change(changed: Partial<Schemas["Rules"]>): Promise<void> {
    const body = { act: "rules", streamId: stream, ...changed } as Schemas["Rules"];
    try {
      await ask(api.POST("/api/moderation", { body }));
    } catch (error) {
      room.rules.value = { ...rules }; // shown again as they are
      toast(told(error), "bad");
    }
  }

  async function speak(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const content = String(new FormData(form).get("content")).trim();
    if (!content) return;
    try {
      await ask(api.POST("/api/moderation", { body: { act: "announce", streamId: stream, content } }));
      form.reset();
      toast("It was announced.");
    } catch (error) {
      toast(told(error), "bad");
    }
  }

  return (
    <div class="order">
      <Field label="Slow mode">
        {(id) => (
          <select
            id={id}
            value={String(rules.slowSeconds)}
            onChange={(event) => void change({ slowSeconds: Number(event.currentTarget.value) })}
          >
            {slow.map((seconds) => (
              <option key={seconds} value={String(seconds)}>
                {seconds ? `One message in ${seconds} s` : "Off"}
              </option>
            ))}
          </select>
        )}
      </Field>
      <label class="switch">
        <input
          type="checkbox"
          checked={rules.frozen}
          onChange={(event) => void change({ frozen: event.currentTarget.checked })}
        />
        <span>
          Freeze the chat <small>Only you and your moderators write.</small>
        </span>
      </label>
      <label class="switch">
        <input
          type="checkbox"
          checked={rules.linksOff}
          onChange={(event) => void change({ linksOff: event.currentTarget.checked })}
        />
        <span>No links in messages</span>
      </label>
      <form onSubmit={speak}>
        <Field label="Announce to everybody">
          {(id) => <input id={id} name="content" required maxLength={1000} autocomplete="off" />}
        </Field>
        <button>Announce</button>
      </form>
    </div>
  );
}
