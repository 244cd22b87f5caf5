import { api, ask, sentence, type Schemas } from "../../api/client";
import { toast } from "../../components/toast";
import { ago, bytes, clock } from "../../words";
import { DoOnce } from "./DoOnce";
import { Pages } from "./Pages";

export function Recordings() {
  return (
    <Pages
      look={(limit) => ask(api.GET("/api/recordings", { params: { query: { limit } } }))}
      none="Nothing has been recorded yet."
      heads={["Recording", "Host", "State"]}
      numbers={["Length", "Size"]}
      row={(one, again) => <Row key={one.recordingId} recording={one} again={again} />}
    />
  );
}

function Row({ recording, again }: { recording: Schemas["RecordingView"]; again: () => Promise<void> }) {
  const { recordingId, streamId, error, hint, cutShort, retryAt, tries } = recording;
  const failed = recording.state === "failed";

  async function retry(): Promise<void> {
    const params = { path: { id: recordingId } };
    const tried = await ask(api.POST("/api/recordings/{id}/retry", { params }));
    toast(`It is ${tried.state} now.`);
    await again();
  }

  return (
    <tr>
      <th scope="row">
        <a href={`/v/${streamId}`}>{ago(recording.requestedAt)}</a>
        <code>{recordingId}</code>
      </th>
      <td data-label="Host">{recording.ownerId}</td>
      <td data-label="State">
        <span class={failed ? "bad" : undefined}>{recording.state}</span>
        <small> by {recording.recorder}</small>
        {error && <p class="wrong">{sentence(error)}</p>}
        {cutShort && <p class="hint">{`Cut short: ${cutShort}`}</p>}
        {hint && <p class="hint">{sentence(hint)}</p>}
        {retryAt && <p class="hint">{`Tried ${tries} times; next ${until(retryAt)}.`}</p>}
      </td>
      <td data-label="Length" class="number">
        {recording.duration === null ? "–" : clock(recording.duration)}
      </td>
      <td data-label="Size" class="number">
        {bytes(recording.size)}
      </td>
      <td class="acts">
        {(failed || retryAt) && (
          <DoOnce act={retry} label={`Retry recording ${recordingId}`}>
            Retry
          </DoOnce>
        )}
      </td>
    </tr>
  );
}

function until(then: string): string {
  const minutes = Math.ceil((Date.parse(then) - Date.now()) / 60_000);
  return minutes < 1 ? "now" : `in ${minutes} min`;
}
