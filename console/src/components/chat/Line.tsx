import type { ComponentChildren } from "preact";
import { pictureOf, type Entry } from "../../live/entries";
import { hueOf, timeOfDay } from "../../words";

interface Props {
  entry: Entry;
  /** Of the host, whose name is marked. */
  host: string;
  children?: ComponentChildren;
}

/** One line of the chat. All of it is text: nothing that was sent becomes markup. */
export function Line({ entry, host, children }: Props) {
  const isHost = entry.userId === host;
  return (
    <li class={`line ${entry.kind}`}>
      <p>
        {entry.kind !== "system" && (
          <bdi
            class={isHost ? "name host" : "name"}
            style={{ "--hue": String(hueOf(entry.userId)) }}
            title={timeOfDay(entry.at)}
          >
            {entry.userId}
          </bdi>
        )}{" "}
        {entry.kind === "gift" && (
          <span class="given">
            {pictureOf(entry.giftType)} gave {entry.giftType} ({entry.value})
          </span>
        )}{" "}
        <bdi class="content">{entry.content}</bdi>
      </p>
      {children}
    </li>
  );
}
