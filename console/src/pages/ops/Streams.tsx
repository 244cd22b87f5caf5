import { useSignal } from "@preact/signals";
import { api, ask, type Schemas } from "../../api/client";
import { SearchTitles } from "../../components/SearchTitles";
import { ago, count, since, titleOf } from "../../words";
import { useAsked } from "./asking";
import { Choices } from "./Choices";
import { Kill } from "./Kill";
import { Loaded } from "./Loaded";

type Stream = Schemas["StreamView"];

const EVERY_S = 3;
const SHOWN = 200;
const WHICH = { live: "Live", ended: "Ended" };
const NONE = { live: "Nobody is live right now.", ended: "No stream has ended yet." };

export function Streams() {
  const which = useSignal<keyof typeof WHICH>("live");
  const killed = useSignal<Stream | undefined>(undefined);
  const searched = useSignal("");
  const title = searched.value;
  const asked = useAsked(EVERY_S, () => look(which.value, title), [which.value, title]);
  return (
    <>
      <div class="tools">
        <Choices label="Which streams" choices={WHICH} chosen={which} />
        <SearchTitles onSearch={(text) => (searched.value = text)} />
      </div>
      <Loaded asked={asked}>
        {({ items, nextCursor }) => (
          <>
            {items.length ? (
              <Table streams={items} onKill={(one) => (killed.value = one)} />
            ) : (
              <p class="none">{title ? "No title fits." : NONE[which.value]}</p>
            )}
            {nextCursor && (
              <p class="none">These are the newest {SHOWN}: search the titles for others.</p>
            )}
          </>
        )}
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

/** Those that have ended and are not off at LiveKit yet come first among the live ones. */
async function look(which: keyof typeof WHICH, title: string): Promise<Schemas["StreamPage"]> {
  const query = { live: which === "live", title: title || undefined, limit: SHOWN };
  const found = ask(api.GET("/api/streams", { params: { query } }));
  if (which === "ended") return found;
  const owing = { ...query, live: false, teardownOwed: true };
  const [{ items, nextCursor }, owed] = await Promise.all([
    found,
    ask(api.GET("/api/streams", { params: { query: owing } })),
  ]);
  const known = new Set(owed.items.map((one) => one.streamId)); // one may have ended in between
  const live = items.filter((one) => !known.has(one.streamId));
  return { items: [...owed.items, ...live], nextCursor };
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
