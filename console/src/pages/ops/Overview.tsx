import { useSignal } from "@preact/signals";
import { api, ask, type Schemas } from "../../api/client";
import { Chart } from "./Chart";
import { Choices } from "./Choices";
import { Health } from "./Health";
import { Loaded } from "./Loaded";
import { useAsked } from "./asking";

type Sample = Schemas["Samples"]["items"][number];

const NUMBERS_EVERY_S = 4;
const CHARTS_EVERY_S = 15;
const HOURS = { "1": "1 h", "6": "6 h", "24": "24 h", "48": "48 h" };

export function Overview() {
  return (
    <>
      <Numbers />
      <Health />
      <Charts />
    </>
  );
}

function Numbers() {
  const asked = useAsked(NUMBERS_EVERY_S, look, []);
  return (
    <Loaded asked={asked}>
      {(now) => (
        <ul class="tiles">
          <Tile href="/ops/streams" number={now.live} words="live" />
          <Tile href="/ops/streams" number={now.viewers} words="watching" />
          <Tile href="/ops/reports" number={now.reports} words="open reports" wrong />
          <Tile href="/ops/webhooks" number={now.waiting} words="webhooks wait" />
          <Tile href="/ops/webhooks" number={now.failed} words="webhooks failed" wrong />
        </ul>
      )}
    </Loaded>
  );
}

interface TileProps {
  href: string;
  number: number;
  words: string;
  /** Whether there should be none. */
  wrong?: boolean;
}

function Tile({ href, number, words, wrong }: TileProps) {
  return (
    <li>
      <a href={href} class={wrong && number ? "bad" : undefined}>
        <strong>{number.toLocaleString()}</strong> {words}
      </a>
    </li>
  );
}

async function look() {
  const [streams, reports, webhooks] = await Promise.all([
    ask(api.GET("/api/streams", { params: { query: { live: true, limit: 1000 } } })),
    ask(api.GET("/api/reports", { params: { query: { status: "open", limit: 500 } } })),
    ask(api.GET("/api/webhooks", { params: { query: { limit: 1 } } })),
  ]);
  return {
    live: streams.items.length,
    viewers: streams.items.reduce((sum, one) => sum + one.viewers, 0),
    reports: reports.items.length,
    waiting: webhooks.pending,
    failed: webhooks.parked,
  };
}

function Charts() {
  const hours = useSignal<keyof typeof HOURS>("6");
  const asked = useAsked(CHARTS_EVERY_S, () => history(Number(hours.value)), [hours.value]);
  return (
    <section aria-labelledby="history">
      <div class="tools">
        <h2 id="history">The last hours</h2>
        <Choices label="How many hours" choices={HOURS} chosen={hours} />
      </div>
      <Loaded asked={asked}>
        {({ items }) => <Drawn found={items} hours={Number(hours.value)} />}
      </Loaded>
    </section>
  );
}

function Drawn({ found, hours }: { found: Sample[]; hours: number }) {
  const to = Math.max(Date.now(), ...found.slice(-1).map((one) => Date.parse(one.at)));
  const from = to - hours * 3600 * 1000;
  const series = (value: (one: Sample) => number) =>
    found.map((one) => ({ at: Date.parse(one.at), value: value(one) }));
  return (
    <div class="charts">
      <Chart title="Viewers" unit="" readings={series((one) => one.viewers)} from={from} to={to} />
      <Chart
        title="Messages"
        unit="a second"
        readings={series((one) => one.messages / Math.max(1, one.seconds))}
        from={from}
        to={to}
      />
      <Chart
        title="Webhook lag"
        unit="ms"
        readings={series((one) => one.webhookLagMs)}
        from={from}
        to={to}
      />
    </div>
  );
}

function history(hours: number): Promise<Schemas["Samples"]> {
  return ask(api.GET("/api/stats", { params: { query: { hours } } }));
}
