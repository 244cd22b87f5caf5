import { Icon } from "../../components/Icon";
import { Poster } from "../../components/Poster";
import { clock, count, day, short, since, titleOf } from "../../words";
import type { LiveStream, Replay } from "./list";

interface Props {
  stream: LiveStream;
  /** It has ended: nothing is seen of it, but the others stay where they are. */
  isOver: boolean;
}

export function LiveCard({ stream, isOver }: Props) {
  return (
    <li class={isOver ? "card over" : "card"}>
      <a href={`/s/${stream.streamId}`}>
        <div class="cover">
          <Poster cover={stream.coverUrl} name={stream.ownerId} />
          <span class="live">Live</span>
          <span class="viewers" title={count(stream.viewers, "viewer")}>
            <Icon name="eye" />
            <span aria-hidden="true">{short(stream.viewers)}</span>
            <span class="hidden">{count(stream.viewers, "viewer")}</span>
          </span>
        </div>
        <h2>{titleOf(stream)}</h2>
      </a>
      <p class="about">
        <span class="host">{stream.ownerId}</span>
        <span>{since(stream.startedAt)}</span>
      </p>
      {stream.tags.length > 0 && <p class="labels">{stream.tags.slice(0, 4).join(" · ")}</p>}
    </li>
  );
}

export function ReplayCard({ stream }: { stream: Replay }) {
  return (
    <li class="card">
      <a href={`/v/${stream.streamId}`}>
        <div class="cover">
          <Poster cover={stream.coverUrl} still={stream.thumbnailUrl} name={stream.ownerId} />
          {stream.duration !== null && <span class="viewers">{clock(stream.duration)}</span>}
        </div>
        <h3>{titleOf(stream)}</h3>
      </a>
      <p class="about">
        <span class="host">{stream.ownerId}</span>
        <span>{day(stream.startedAt)}</span>
      </p>
    </li>
  );
}
