import { api, ask, told } from "../../api/client";
import type { ChatRoom } from "../../live/room";
import { Icon } from "../Icon";
import { toast } from "../toast";

interface Props {
  room: ChatRoom;
  stream: string;
}

/** The newest one is open, the others behind it. */
export function Pins({ room, stream }: Props) {
  const pins = room.pins.value;
  const newest = pins.at(-1);
  if (!newest) return null;
  const others = pins.slice(0, -1).reverse();

  async function unpin(messageId: string): Promise<void> {
    const body = { act: "unpin", streamId: stream, messageId } as const;
    try {
      await ask(api.POST("/api/moderation", { body }));
    } catch (error) {
      toast(told(error), "bad");
    }
  }

  const pinned = ({ messageId, content }: (typeof pins)[number]) => (
    <p key={messageId} class="pin">
      <Icon name="pin" label="Pinned" />
      <bdi>{content}</bdi>
      {room.isStaff.value && (
        <button type="button" class="bare" onClick={() => void unpin(messageId)}>
          <Icon name="close" label="Unpin" />
        </button>
      )}
    </p>
  );

  return (
    <div class="pins" role="region" aria-label="Pinned messages">
      {pinned(newest)}
      {others.length > 0 && (
        <details>
          <summary>{others.length} more pinned</summary>
          {others.map(pinned)}
        </details>
      )}
    </div>
  );
}
