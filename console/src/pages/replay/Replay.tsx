import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { api, ApiError, ask, told, type Schemas } from "../../api/client";
import { Lines } from "../../components/chat/Lines";
import { Notice } from "../../components/Notice";
import { Spinner } from "../../components/Spinner";
import { day, titleOf } from "../../words";
import { Film } from "./Film";
import { SaidThen } from "./said";
import "../watch/watch.css";
import "./replay.css";

type About = Schemas["About"];
type Vod = Schemas["Replay"];

/** A recording, with the chat as it was. */
export default function Replay({ stream }: { stream: string }) {
  const about = useSignal<About | undefined>(undefined);
  const vod = useSignal<Vod | undefined>(undefined);
  const problem = useSignal<unknown>(undefined);
  const said = useMemo(() => new SaidThen(stream), [stream]);

  useEffect(() => {
    const params = { path: { id: stream } };
    Promise.all([ask(api.GET("/api/live/{id}/about", { params })), vodOf(stream)]).then(
      ([found, film]) => {
        about.value = found;
        vod.value = film;
        document.title = `${titleOf(found)} · livectl`;
      },
      (error) => (problem.value = error),
    );
  }, [stream]);

  if (problem.value) return <None why={problem.value} />;
  if (!about.value || !vod.value) return <Spinner label="Opening the replay" />;
  if (vod.value.status !== "available") return <NotYet status={vod.value.status} />;
  const { title, ownerId, coverUrl, startedAt, tags } = about.value;
  const began = vod.value.startedAt ?? startedAt;
  const offsetMs = Date.parse(began) - Date.parse(startedAt);
  return (
    <div class="watch replay">
      <div class="seen">
        <Film
          vod={vod.value}
          poster={vod.value.thumbnailUrl ?? coverUrl}
          freshUrl={async () => (await vodOf(stream)).url}
          onTime={(seconds) => {
            // Without its chat the film is still worth watching.
            said.showUntil(seconds * 1000 + offsetMs).catch(() => {});
          }}
        />
        <div class="caption">
          <div>
            <h1>{titleOf({ title, ownerId })}</h1>
            <p>
              <bdi>{ownerId}</bdi>
              <span>{day(startedAt)}</span>
              {tags.length > 0 && <span>{tags.join(" · ")}</span>}
            </p>
          </div>
        </div>
      </div>
      <section class="chat" aria-label="Chat as it was">
        <Lines
          entries={said.shown}
          host={ownerId}
          silence="Nothing had been said by this moment."
        />
      </section>
    </div>
  );
}

async function vodOf(stream: string): Promise<Vod> {
  const params = { path: { id: stream } };
  return (await ask(api.GET("/api/live/{id}/vod", { params }))).vod;
}

function None({ why }: { why: unknown }) {
  const isMissing = why instanceof ApiError && why.status === 404;
  if (!isMissing) return <Notice kind="bad">{told(why)}</Notice>;
  return (
    <div class="curtain" role="status">
      <h1>There is no replay of this stream</h1>
      <p>It was not recorded, or its host keeps it private.</p>
      <a class="button" href="/">
        See who is live
      </a>
    </div>
  );
}

function NotYet({ status }: { status: string }) {
  return (
    <div class="curtain" role="status">
      <h1>{status === "failed" ? "This replay could not be made" : "This replay is being made"}</h1>
      <a class="button" href="/">
        See who is live
      </a>
    </div>
  );
}
