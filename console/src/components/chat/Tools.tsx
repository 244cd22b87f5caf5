import { api, ask, told, type Schemas } from "../../api/client";
import type { Entry } from "../../live/entries";
import type { ChatRoom } from "../../live/room";
import { session } from "../../session";
import { Icon } from "../Icon";
import { Menu } from "../Menu";
import { toast } from "../toast";

interface Props {
  room: ChatRoom;
  stream: string;
  entry: Entry;
  onReport: (entry: Entry) => void;
}

type Act = Schemas["Delete"] | Schemas["Timeout"] | Schemas["Block"] | Schemas["Pin"];

const TIMEOUT_S = 300;

/** What can be done about one line, by whom. */
export function Tools({ room, stream, entry, onReport }: Props) {
  const isMine = entry.userId === session.value?.userId;

  async function act(body: Act, done: string): Promise<void> {
    try {
      await ask(api.POST("/api/moderation", { body }));
      toast(done);
    } catch (error) {
      toast(told(error), "bad");
    }
  }

  const user = entry.userId;
  const scope = { streamId: stream };
  const forStaff = [
    {
      label: "Pin",
      onChoose: () =>
        act({ act: "pin", ...scope, messageId: entry.id, content: entry.content }, "Pinned."),
      hidden: !entry.content,
    },
    {
      label: "Delete",
      onChoose: () => act({ act: "delete", ...scope, messageIds: [entry.id] }, "Deleted."),
    },
    {
      label: "Time out for 5 minutes",
      onChoose: () =>
        act({ act: "timeout", ...scope, userId: user, seconds: TIMEOUT_S }, `${user} is timed out.`),
      hidden: isMine,
    },
    {
      label: `Block ${user}`,
      onChoose: () => act({ act: "block", ...scope, userId: user }, `${user} is blocked.`),
      hidden: isMine,
    },
  ];
  const forAll = [{ label: "Report", onChoose: () => onReport(entry), hidden: isMine }];
  const choices = (room.isStaff.value ? [...forStaff, ...forAll] : forAll).filter(
    (choice) => !("hidden" in choice && choice.hidden),
  );
  if (!choices.length) return null;
  return (
    <Menu label={`About the message of ${user}`} icon={<Icon name="more" />} choices={choices} />
  );
}
