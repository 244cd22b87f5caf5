import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Icon } from "../../components/Icon";
import type { Broadcast, Sent } from "../../live/broadcast";
import { clock, count, short } from "../../words";
import type { Status } from "./Live";

interface Props {
  broadcast: Broadcast;
  byEncoder: boolean;
  viewers: number;
  status: Status | undefined;
}

const QUALITY: Record<string, string> = {
  excellent: "Excellent",
  good: "Good",
  poor: "Poor",
  lost: "Lost",
};
const LIMITS = {
  cpu: "This device is busy: the picture is made smaller.",
  bandwidth: "Your connection is slow: the picture is made smaller.",
};

/** How it goes: how long, who watches, what is sent and how well it arrives. */
export function Numbers({ broadcast, byEncoder, viewers, status }: Props) {
  const found = broadcast.sent.value;
  const quality = QUALITY[broadcast.quality.value];
  return (
    <div class="numbers">
      <span class="live">Live</span>
      {status && <Elapsed since={status.startedAt} />}
      <span class="viewers" data-testid="viewers">
        <Icon name="eye" /> {count(viewers, "viewer")}
      </span>
      {(status?.totalGifts ?? 0) > 0 && (
        <span class="viewers">
          <Icon name="gift" /> {short(status?.totalGifts ?? 0)}
          <span class="hidden"> in gifts</span>
        </span>
      )}
      <span class="gap" />
      {quality && (
        <span class={`quality ${broadcast.quality.value}`} data-testid="quality">
          <span class="bars" aria-hidden="true">
            <span />
            <span />
            <span />
          </span>
          <span class="hidden">Connection: </span>
          {quality}
        </span>
      )}
      {found && !byEncoder && (
        <>
          <span data-testid="bitrate">{found.bitrate.toLocaleString()} kbit/s</span>
          <Graph values={broadcast.bitrates.value} />
          <span>{detailOf(found)}</span>
        </>
      )}
      {found?.limit && !byEncoder && <p class="limit">{LIMITS[found.limit]}</p>}
    </div>
  );
}

function detailOf({ width, height, frames, roundTrip }: Sent): string {
  const said = [];
  if (width > 0) said.push(`${width}×${height}`, `${Math.round(frames)} fps`);
  if (roundTrip !== undefined) said.push(`${Math.round(roundTrip)} ms`);
  return said.join(" · ");
}

function Elapsed({ since }: { since: string }) {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return <span class="elapsed">{clock((now.value - Date.parse(since)) / 1000)}</span>;
}

const WIDTH = 80;
const HEIGHT = 20;

/** The bitrate of the last two minutes. */
function Graph({ values }: { values: number[] }) {
  const most = Math.max(...values, 1);
  const step = WIDTH / Math.max(values.length - 1, 1);
  const points = values.map((value, at) => `${at * step},${HEIGHT - (value / most) * HEIGHT}`);
  return (
    <svg class="graph" viewBox={`0 -1 ${WIDTH} ${HEIGHT + 2}`} aria-hidden="true">
      <polyline points={points.join(" ")} />
    </svg>
  );
}
