import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Entry } from "../../live/entries";
import type { ChatRoom } from "../../live/room";
import { session } from "../../session";
import { Icon } from "../Icon";
import { Composer } from "./Composer";
import { Lines } from "./Lines";
import { Pins } from "./Pins";
import { Tools } from "./Tools";
import { pictureOf } from "../../live/entries";
import "./chat.css";

interface Props {
  room: ChatRoom;
  stream: string;
  host: string;
  onReport: (entry: Entry) => void;
}

const HIGHLIGHT_MS = 7000;

/** A room's chat: what is pinned, what is said, and where one says something. */
export function Chat({ room, stream, host, onReport }: Props) {
  const me = session.value?.userId;
  return (
    <section class="chat" aria-label="Live chat">
      <Pins room={room} stream={stream} />
      <Highlight room={room} />
      <Lines
        entries={room.entries}
        host={host}
        tools={(entry) =>
          entry.kind !== "system" &&
          (room.isStaff.value || entry.userId !== me) && (
            <Tools room={room} stream={stream} entry={entry} onReport={onReport} />
          )
        }
      />
      {room.warning.value && (
        <p class="warning" role="alert">
          <span>
            <strong>The moderators:</strong> {room.warning.value}
          </span>
          <button type="button" class="bare" onClick={() => (room.warning.value = "")}>
            <Icon name="close" label="Close" />
          </button>
        </p>
      )}
      <Composer room={room} />
    </section>
  );
}

/** A large gift, for a moment. */
function Highlight({ room }: { room: ChatRoom }) {
  const gift = room.highlight.value;
  const shown = useSignal(false);
  useEffect(() => {
    shown.value = Boolean(gift);
    const timer = setTimeout(() => (shown.value = false), HIGHLIGHT_MS);
    return () => clearTimeout(timer);
  }, [gift]);
  return (
    <div class="highlight" role="status">
      {gift && shown.value && (
        <p key={gift.id}>
          <span class="picture" aria-hidden="true">
            {pictureOf(gift.giftType)}
          </span>
          <span>
            <bdi class="giver">{gift.userId}</bdi> gave {gift.giftType} ({gift.value})
            {gift.content && (
              <>
                : <bdi>{gift.content}</bdi>
              </>
            )}
          </span>
        </p>
      )}
    </div>
  );
}
