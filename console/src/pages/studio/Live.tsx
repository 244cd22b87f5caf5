import { useSignal, useSignalEffect, type Signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { api, ask, told, type Schemas } from "../../api/client";
import { Chat } from "../../components/chat/Chat";
import { Dialog } from "../../components/Dialog";
import { Icon } from "../../components/Icon";
import { Notice } from "../../components/Notice";
import { toast } from "../../components/toast";
import { useEvery } from "../../every";
import { Broadcast } from "../../live/broadcast";
import type { Entry } from "../../live/entries";
import { ChatRoom } from "../../live/room";
import type { Sources } from "../../live/sources";
import { hostOf } from "../../words";
import { Reactions } from "../watch/Reactions";
import { Report } from "../watch/Report";
import { Controls } from "./Controls";
import { Encoder } from "./Encoder";
import { Numbers } from "./Numbers";
import { People } from "./People";
import { Preview } from "./Preview";
import { Recording } from "./Recording";
import { Rules } from "./Rules";
import { Tabs } from "./Tabs";

type Started = Schemas["Started"];
export type Status = Schemas["Status"];

interface Props {
  started: Started;
  sources: Sources;
  byEncoder: Signal<boolean>;
  onOver: (reason: string) => void;
}

const STATUS_EVERY_S = 4;

/** The host's desk while the stream is live. */
export function Live({ started, sources, byEncoder, onOver }: Props) {
  const stream = started.streamId;
  const host = hostOf(started.roomName);
  const first = useRef<Started | undefined>(started);
  const room = useMemo(() => new ChatRoom(started.roomName), []);
  const broadcast = useMemo(() => new Broadcast(sources, host, newTicket), []);
  const status = useSignal<Status | undefined>(undefined);
  const reported = useSignal<Entry | undefined>(undefined);
  const isOver = useRef(false);
  const heading = useRef<HTMLHeadingElement>(null);

  async function newTicket(): Promise<Started> {
    const given = first.current;
    first.current = undefined; // a token is good for one try
    const params = { path: { id: stream } };
    return given ?? (await ask(api.POST("/api/live/{id}/token", { params })));
  }

  useEffect(() => {
    void broadcast.open();
    heading.current?.focus({ preventScroll: true }); // the form that had it is gone
    return () => {
      broadcast.close();
      room.close();
      if (!isOver.current) toast("You left the studio: nothing is sent until you come back.", "bad");
    };
  }, []);

  useSignalEffect(() => {
    if (room.connection.value !== "ended" && broadcast.state.value !== "over") return;
    isOver.current = true;
    onOver(room.reason.value);
  });

  const look = async (gone?: AbortSignal) => {
    const params = { path: { id: stream } };
    try {
      status.value = await ask(api.GET("/api/live/{id}/status", { params, signal: gone }));
    } catch {
      // The next look tells.
    }
  };
  useEvery(STATUS_EVERY_S, look, [stream]);

  if (room.connection.value === "signed-out")
    return <Notice kind="bad">Your session has run out: sign in again.</Notice>;
  if (broadcast.state.value === "elsewhere") {
    return (
      <Elsewhere
        sources={sources}
        onComeBack={() => {
          if (!byEncoder.value) void sources.open();
          broadcast.comeBack();
        }}
      />
    );
  }

  return (
    <div class="studio live-now">
      <div class="desk">
        <h1 class="hidden" tabIndex={-1} ref={heading}>
          You are live
        </h1>
        <Preview
          sources={sources}
          byEncoder={byEncoder.value}
          encoder={broadcast.encoder.value}
        >
          <Reactions room={room} />
          <Telling broadcast={broadcast} />
        </Preview>
        <Numbers
          broadcast={broadcast}
          byEncoder={byEncoder.value}
          viewers={room.viewers.value}
          status={status.value}
        />
        {!byEncoder.value && <Controls sources={sources} />}
        <div class="acts" role="group" aria-label="The stream">
          <Recording stream={stream} status={status.value} onChange={() => void look()} />
          <Encoder stream={stream} byEncoder={byEncoder} />
          <Share stream={stream} />
          <Stop stream={stream} />
        </div>
      </div>
      <Tabs
        label="Chat and order"
        tabs={{
          Chat: <Chat room={room} stream={stream} host={host} onReport={(entry) => (reported.value = entry)} />,
          [`Viewers (${broadcast.people.value.length})`]: (
            <People stream={stream} people={broadcast.people.value} />
          ),
          Rules: <Rules stream={stream} room={room} />,
        }}
      />
      {reported.value && (
        <Report stream={stream} about={reported.value} onClose={() => (reported.value = undefined)} />
      )}
    </div>
  );
}

function Telling({ broadcast }: { broadcast: Broadcast }) {
  const state = broadcast.state.value;
  return (
    <p class="telling" role="status">
      {state === "connecting" && "Connecting…"}
      {state === "reconnecting" && "The connection was lost: reconnecting…"}
    </p>
  );
}

function Elsewhere({ sources, onComeBack }: { sources: Sources; onComeBack: () => void }) {
  useEffect(() => sources.close(), []);
  return (
    <div class="curtain" role="alert">
      <h1>The studio is open in another window</h1>
      <p>Your stream goes on from there.</p>
      <button type="button" class="main" onClick={onComeBack}>
        Go on here instead
      </button>
    </div>
  );
}

function Share({ stream }: { stream: string }) {
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(`${location.origin}/s/${stream}`);
      toast("The link is copied.");
    } catch {
      toast(`${location.origin}/s/${stream}`);
    }
  }
  return (
    <button type="button" onClick={() => void copy()}>
      <Icon name="link" /> Copy the link
    </button>
  );
}

/** Asks once. That it is over is told by the room. */
function Stop({ stream }: { stream: string }) {
  const asks = useSignal(false);
  const busy = useSignal(false);
  const problem = useSignal("");

  async function stop(): Promise<void> {
    busy.value = true;
    try {
      await ask(api.POST("/api/live/stop", { body: { streamId: stream } }));
    } catch (error) {
      problem.value = told(error);
      busy.value = false;
    }
  }

  return (
    <>
      <button type="button" class="danger" onClick={() => (asks.value = true)}>
        <Icon name="stop" /> End the stream
      </button>
      {asks.value && (
        <Dialog title="End the stream?" onClose={() => (asks.value = false)}>
          <p>Everybody is told that it is over. It cannot be taken up again.</p>
          {problem.value && (
            <p class="problem" role="alert">
              {problem.value}
            </p>
          )}
          <button type="button" class="danger" disabled={busy.value} onClick={() => void stop()}>
            End it now
          </button>
        </Dialog>
      )}
    </>
  );
}
