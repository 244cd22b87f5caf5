import { useSignal } from "@preact/signals";
import { api, ask, type Schemas } from "../../api/client";
import { Dialog } from "../../components/Dialog";
import { toast } from "../../components/toast";
import { bytes, clock, day } from "../../words";
import { DoOnce } from "./DoOnce";
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
  const asking = useSignal(false);
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
    asking.value = false;
    await again();
  }

  return (
    <tr>
      <th scope="row">
        <a href={`/v/${vod.streamId}`}>{day(vod.recordedAt)}</a>
        <code>{vodId}</code>
      </th>
      <td data-label="Host">{vod.ownerId}</td>
      <td data-label="State">
        <span class={error ? "bad" : undefined}>{state}</span>
        {error && <p class="wrong">{error}</p>}
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
        {!hold && !vod.deleting && (
          <button
            type="button"
            class="bare"
            aria-label={`Delete replay ${vodId}`}
            onClick={() => (asking.value = true)}
          >
            Delete
          </button>
        )}
        {asking.value && (
          <Dialog title="Delete this replay?" onClose={() => (asking.value = false)}>
            <p>The recording goes with all that was made of it. This cannot be undone.</p>
            <DoOnce kind="danger" act={remove}>
              Delete it
            </DoOnce>
          </Dialog>
        )}
      </td>
    </tr>
  );
}
