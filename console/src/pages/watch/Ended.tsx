import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { api, ask, type Schemas } from "../../api/client";
import { useEvery } from "../../every";
import { titleOf } from "../../words";

type Status = Schemas["Status"];
type About = Schemas["About"];

const EVERY_S = 3;
// Whoever ends their own stream gives no reason: these are said by the server itself.
const NO_REASONS = new Set(["", "stopped", "ended", "room_finished"]);

interface Props {
  stream: string;
  reason: string;
  /** What else there is to do. */
  children?: ComponentChildren;
}

/** The stream is over, or never was; the replay, as soon as there is one. */
export function Ended({ stream, reason, children }: Props) {
  const status = useSignal<Status | undefined>(undefined);
  const about = useSignal<About | undefined>(undefined);
  const missing = useSignal(false);

  useEffect(() => {
    ask(api.GET("/api/live/{id}/about", { params: { path: { id: stream } } })).then(
      (found) => (about.value = found),
      () => {}, // the next question finds out what is wrong
    );
  }, [stream]);

  useEvery(
    EVERY_S,
    async (gone) => {
      if (status.peek()?.vodStatus === "available" || missing.peek()) return;
      const params = { path: { id: stream } };
      try {
        const found = await ask(api.GET("/api/live/{id}/status", { params, signal: gone }));
        if (!gone.aborted) status.value = found;
      } catch {
        if (!gone.aborted) missing.value = status.peek() === undefined;
      }
    },
    [stream],
  );

  const found = status.value;
  if (missing.value) {
    return (
      <div class="curtain" role="status">
        <h1>There is no such stream</h1>
        <Elsewhere />
      </div>
    );
  }
  return (
    <div class="curtain" role="status">
      <h1>The stream has ended</h1>
      {about.value && <p class="title">{titleOf(about.value)}</p>}
      {!NO_REASONS.has(reason) && <p>Why: {reason}</p>}
      {found?.vodStatus === "available" ? (
        <a class="button main" href={`/v/${stream}`}>
          Watch the replay
        </a>
      ) : (
        found &&
        about.value?.enableReplay &&
        isMade(found) && <p>The replay is being made: it will be offered here.</p>
      )}
      {children}
      <Elsewhere />
    </div>
  );
}

function isMade(status: Status): boolean {
  return (
    ["recording", "uploading"].includes(status.recordingStatus) ||
    status.vodStatus === "uploading"
  );
}

function Elsewhere() {
  return (
    <a class="button" href="/">
      See who is live
    </a>
  );
}
