import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { api, ask, sentence, type Schemas } from "../../api/client";
import { Dialog } from "../../components/Dialog";
import { Field } from "../../components/Field";
import { toast } from "../../components/toast";
import { bytes, clock, day, timeOfDay } from "../../words";
import { DoOnce, useOnce } from "./DoOnce";
import { Pages } from "./Pages";

export function Vods() {
  return (
    <Pages
      look={(limit) => ask(api.GET("/api/vods", { params: { query: { limit } } }))}
      none="There are no replays yet."
      heads={["Replay", "Host", "State"]}
      numbers={["Length", "Size"]}
      row={(one, again) => <Row key={one.vodId} vod={one} again={again} />}
    />
  );
}

function Row({ vod, again }: { vod: Schemas["VodView"]; again: () => Promise<void> }) {
  const asking = useSignal<"delete" | "hold" | undefined>(undefined);
  const { vodId, error, hold } = vod;
  const params = { path: { id: vodId } };
  const state = vod.deleting ? "being deleted" : vod.status;

  async function pictures(): Promise<void> {
    await ask(api.POST("/api/vods/{id}/thumbnails", { params }));
    toast("Poster and thumbnails are made anew.");
    await again();
  }

  async function remove(): Promise<void> {
    await ask(api.DELETE("/api/vods/{id}", { params }));
    toast("The replay is deleted.");
    asking.value = undefined;
    await again();
  }

  async function keep(reason: string): Promise<void> {
    await ask(api.POST("/api/vods/{id}/hold", { params, body: { reason } }));
    toast("Nothing deletes it until you let it go.");
    asking.value = undefined;
    await again();
  }

  async function letGo(): Promise<void> {
    await ask(api.DELETE("/api/vods/{id}/hold", { params }));
    toast("It can be deleted again.");
    await again();
  }

  return (
    <tr>
      <th scope="row">
        <a href={`/v/${vod.streamId}`}>{`${day(vod.recordedAt)}, ${timeOfDay(vod.recordedAt)}`}</a>
        <code>{vodId}</code>
      </th>
      <td data-label="Host">{vod.ownerId}</td>
      <td data-label="State">
        <span class={error ? "bad" : undefined}>{state}</span>
        {error && <p class="wrong">{sentence(error)}</p>}
        {hold && <p class="hint">On hold: {hold.reason}</p>}
      </td>
      <td data-label="Length" class="number">
        {vod.duration === null ? "–" : clock(vod.duration)}
      </td>
      <td data-label="Size" class="number">
        {bytes(vod.size)}
      </td>
      <td class="acts">
        <DoOnce act={pictures} kind={error ? undefined : "bare"} label={`New pictures of ${vodId}`}>
          Pictures
        </DoOnce>
        {hold && (
          <DoOnce kind="bare" act={letGo} label={`Let go of replay ${vodId}`}>
            Let go
          </DoOnce>
        )}
        {!hold && !vod.deleting && (
          <>
            <button
              type="button"
              class="bare"
              aria-label={`Hold replay ${vodId}`}
              onClick={() => (asking.value = "hold")}
            >
              Hold
            </button>
            <button
              type="button"
              class="bare"
              aria-label={`Delete replay ${vodId}`}
              onClick={() => (asking.value = "delete")}
            >
              Delete
            </button>
          </>
        )}
        {asking.value === "delete" && (
          <Asking
            title="Delete this replay?"
            kind="danger"
            does="Delete it"
            act={remove}
            onClose={() => (asking.value = undefined)}
          >
            <p>The recording goes with all that was made of it. This cannot be undone.</p>
          </Asking>
        )}
        {asking.value === "hold" && (
          <Hold onHold={keep} onClose={() => (asking.value = undefined)} />
        )}
      </td>
    </tr>
  );
}

interface HoldProps {
  onHold: (reason: string) => Promise<void>;
  onClose: () => void;
}

function Hold({ onHold, onClose }: HoldProps) {
  const reason = useSignal("");
  return (
    <Asking
      title="Hold this replay?"
      kind="main"
      does="Hold it"
      act={() => onHold(reason.value.trim())}
      onClose={onClose}
    >
      <p>Nobody deletes it, and no cleaning up, until somebody lets it go.</p>
      <Field label="Why">
        {(id) => (
          <input
            id={id}
            autofocus
            required
            maxLength={500}
            autocomplete="off"
            value={reason}
            onInput={(event) => (reason.value = event.currentTarget.value)}
          />
        )}
      </Field>
    </Asking>
  );
}

interface AskingProps {
  title: string;
  kind: "danger" | "main";
  does: string;
  act: () => Promise<void>;
  onClose: () => void;
  children: ComponentChildren;
}

/** Asks before it acts. What goes wrong is said in here: toasts lie behind a dialog. */
function Asking({ title, kind, does, act, onClose, children }: AskingProps) {
  const problem = useSignal("");
  const { busy, run } = useOnce(act, (wrong) => (problem.value = wrong));
  function submit(event: SubmitEvent): void {
    event.preventDefault();
    problem.value = "";
    void run();
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="asking" onSubmit={submit}>
        {children}
        {problem.value && (
          <p class="problem" role="alert">
            {problem.value}
          </p>
        )}
        <button class={kind} disabled={busy.value}>
          {does}
        </button>
      </form>
    </Dialog>
  );
}
