import { useSignal } from "@preact/signals";
import { api, ask, type Schemas } from "../../api/client";
import { ago, count, since, titleOf } from "../../words";
import { useAsked } from "./asking";
import { Choices } from "./Choices";
import { Kill } from "./Kill";
import { Loaded } from "./Loaded";

type Stream = Schemas["StreamView"];

const EVERY_S = 3;
const WHICH = { live: "Live", ended: "Ended" };

export function Streams() {
  const which = useSignal<keyof typeof WHICH>("live");
  const killed = useSignal<Stream | undefined>(undefined);
  const asked = useAsked(EVERY_S, () => look(which.value === "live"), [which.value]);
  return (
    <>
      <Choices label="Which streams" choices={WHICH} chosen={which} />
      <Loaded asked={asked}>
        {(found) =>
          found.length ? (
            <Table streams={found} onKill={(one) => (killed.value = one)} />
          ) : (
            <p class="none">
              {which.value === "live" ? "Nobody is live right now." : "No stream has ended yet."}
            </p>
          )
        }
      </Loaded>
      {killed.value && (
        <Kill
          stream={killed.value}
          onClose={() => {
            killed.value = undefined;
            void asked.again();
          }}
        />
      )}
    </>
  );
}

async function look(live: boolean): Promise<Stream[]> {
  return (await ask(api.GET("/api/streams", { params: { query: { live, limit: 200 } } }))).items;
}

function Table({ streams, onKill }: { streams: Stream[]; onKill: (one: Stream) => void }) {
  return (
    <table class="list">
      <thead>
        <tr>
          <th scope="col">Stream</th>
          <th scope="col">Host</th>
          <th scope="col" class="number">
            Viewers
          </th>
          <th scope="col" class="number">
            Gifts
          </th>
          <th scope="col">Recording</th>
          <th scope="col">State</th>
          <th scope="col">
            <span class="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {streams.map((one) => (
          <Row key={one.streamId} stream={one} onKill={onKill} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ stream, onKill }: { stream: Stream; onKill: (one: Stream) => void }) {
  const { isLive, recordingStatus, viewers, peakViewers } = stream;
  return (
    <tr>
      <th scope="row">
        <a href={isLive ? `/s/${stream.streamId}` : `/v/${stream.streamId}`}>{titleOf(stream)}</a>
        <code>{stream.streamId}</code>
      </th>
      <td data-label="Host">{stream.ownerId}</td>
      <td data-label="Viewers" class="number" title={`${peakViewers} at most`}>
        {isLive ? viewers : peakViewers}
        <small>{isLive ? ` of ${peakViewers}` : " at most"}</small>
      </td>
      <td data-label="Gifts" class="number">
        {stream.totalGifts}
      </td>
      <td data-label="Recording">{recordingStatus === "none" ? "–" : recordingStatus}</td>
      <td data-label="State">
        <State stream={stream} />
      </td>
      <td class="acts">
        {(isLive || stream.teardownOwed) && (
          <button
            type="button"
            class="danger"
            aria-label={`End ${titleOf(stream)}`}
            onClick={() => onKill(stream)}
          >
            End
          </button>
        )}
      </td>
    </tr>
  );
}

function State({ stream }: { stream: Stream }) {
  if (stream.isLive) {
    return (
      <>
        <span class="live">Live</span> {since(stream.startedAt)}
      </>
    );
  }
  const why = [stream.endReason, stream.endedBy].filter(Boolean).join(" · ");
  return (
    <>
      {stream.teardownOwed && <strong class="bad">not all off yet </strong>}
      ended {stream.endedAt && ago(stream.endedAt)}
      {why && <small>{` ${why}`}</small>}
      <span class="hidden">{count(stream.peakViewers, "viewer")} at most</span>
    </>
  );
}
