import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { ApiError, told } from "../../api/client";
import { Chat } from "../../components/chat/Chat";
import { Icon } from "../../components/Icon";
import { Notice } from "../../components/Notice";
import { Spinner } from "../../components/Spinner";
import type { Entry } from "../../live/entries";
import { ChatRoom } from "../../live/room";
import { count, hostOf, short, titleOf } from "../../words";
import { Ended } from "./Ended";
import { askToWatch, type Watching } from "./invitation";
import { Report } from "./Report";
import { Stage } from "./Stage";
import "./watch.css";

/** A live stream: its picture, its chat, and how it ends. */
export default function Watch({ stream }: { stream: string }) {
  const ticket = useSignal<Watching | undefined>(undefined);
  const room = useSignal<ChatRoom | undefined>(undefined);
  const refused = useSignal<ApiError | undefined>(undefined);
  const problem = useSignal("");

  // Not useEffect, which waits until the page is painted.
  useLayoutEffect(() => {
    let open: ChatRoom | undefined;
    let gone = false;
    askToWatch(stream).then(
      (found) => {
        if (gone) return;
        open = new ChatRoom(found.roomName);
        room.value = open;
        ticket.value = found;
      },
      (error) => {
        if (error instanceof ApiError && [403, 404].includes(error.status)) refused.value = error;
        else problem.value = told(error);
      },
    );
    return () => {
      gone = true;
      open?.close();
    };
  }, [stream]);

  if (refused.value?.status === 404) return <Ended stream={stream} reason="" />;
  if (refused.value) return <KeptOut why={refused.value.message} />;
  if (problem.value) return <Notice kind="bad">{problem.value}</Notice>;
  if (!room.value || !ticket.value) return <Spinner label="Opening the stream" />;
  return <Live stream={stream} ticket={ticket.value} room={room.value} />;
}

interface LiveProps {
  stream: string;
  ticket: Watching;
  room: ChatRoom;
}

function Live({ stream, ticket, room }: LiveProps) {
  const first = useRef<Watching | undefined>(ticket);
  const reported = useSignal<Entry | true | undefined>(undefined);
  const host = hostOf(ticket.roomName);
  const title = titleOf({ title: room.title.value ?? ticket.title, ownerId: host });
  const connection = room.connection.value;

  useEffect(() => {
    document.title = `${title} · livectl`;
  }, [title]);

  if (connection === "ended") return <Ended stream={stream} reason={room.reason.value} />;
  if (connection === "blocked") return <KeptOut why="You were blocked from this stream." />;
  if (connection === "kicked") return <PutOut room={room} />;
  if (connection === "signed-out")
    return <Notice kind="bad">Your session has run out: sign in again.</Notice>;

  return (
    <div class="watch">
      <div class="seen">
        <Stage
          room={room}
          cover={ticket.coverUrl}
          host={host}
          newTicket={async () => {
            const found = first.current ?? (await askToWatch(stream));
            first.current = undefined; // a token is good for one try
            return found;
          }}
        />
        <div class="caption">
          <div>
            <h1>{title}</h1>
            <p>
              <bdi>{host}</bdi>
              <span class="viewers" data-testid="viewers">
                <Icon name="eye" />
                {count(room.viewers.value, "viewer")}
              </span>
              {room.totalGifts.value > 0 && (
                <span class="viewers">
                  <Icon name="gift" />
                  {short(room.totalGifts.value)}
                  <span class="hidden"> in gifts</span>
                </span>
              )}
            </p>
          </div>
          <button type="button" class="bare" onClick={() => (reported.value = true)}>
            <Icon name="flag" /> Report
          </button>
        </div>
      </div>
      <Chat
        room={room}
        stream={stream}
        host={host}
        onReport={(entry) => (reported.value = entry)}
      />
      {reported.value && (
        <Report
          stream={stream}
          about={reported.value === true ? undefined : reported.value}
          onClose={() => (reported.value = undefined)}
        />
      )}
    </div>
  );
}

function KeptOut({ why }: { why: string }) {
  return (
    <div class="curtain" role="alert">
      <h1>You cannot watch this stream</h1>
      <p>{why}</p>
      <a class="button" href="/">
        See who else is live
      </a>
    </div>
  );
}

function PutOut({ room }: { room: ChatRoom }) {
  return (
    <div class="curtain" role="alert">
      <h1>You were put out of this stream</h1>
      <p>You may come back. Please mind the host’s rules.</p>
      <button type="button" class="main" onClick={() => room.comeBack()}>
        Come back
      </button>
      <a class="button" href="/">
        See who else is live
      </a>
    </div>
  );
}
