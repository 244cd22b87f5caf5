import { useSignal } from "@preact/signals";
import { timeOfDay } from "../../words";
import { roundUp, stretches, type Reading, type Slot } from "./series";

interface Props {
  title: string;
  unit: string;
  readings: Reading[];
  /** Milliseconds since 1970. */
  from: number;
  to: number;
}

const WIDTH = 600;
const HEIGHT = 120;
const ROWS = 12;

/** A line over time; where there are no readings there is none. In words for those who do not see
 * it, and as a table for those who want the numbers. */
export function Chart({ title, unit, readings, from, to }: Props) {
  const pointed = useSignal<Slot | undefined>(undefined);
  const parts = stretches(readings, from, to, WIDTH / 2);
  const slots = parts.flat();
  const top = roundUp(Math.max(0, ...slots.map((slot) => slot.value)));
  const x = (at: number) => ((at - from) / (to - from)) * WIDTH;
  const y = (value: number) => HEIGHT - (value / top) * HEIGHT;
  const line = (part: Slot[]) =>
    part.map((slot) => `${x(slot.at).toFixed(1)},${y(slot.value).toFixed(1)}`).join(" ");

  function point(event: PointerEvent): void {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const at = from + ((event.clientX - box.left) / box.width) * (to - from);
    pointed.value = nearest(slots, at);
  }

  const shown = pointed.value ?? slots.at(-1);
  return (
    <figure class="chart">
      <figcaption>
        <span>{title}</span>
        <strong>{shown ? said(shown.value, unit) : "–"}</strong>
        <small>{pointed.value ? timeOfDay(when(pointed.value)) : "latest"}</small>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={inWords(title, unit, parts)}
        onPointerMove={point}
        onPointerLeave={() => (pointed.value = undefined)}
      >
        <path class="grid" d={`M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}M0 0H${WIDTH}`} />
        {parts.map((part) => (
          <g key={part[0]?.at}>
            <polygon
              points={`${x(part[0]?.at ?? 0)},${HEIGHT} ${line(part)} ${x(part.at(-1)?.at ?? 0)},${HEIGHT}`}
            />
            <polyline points={line(part)} />
          </g>
        ))}
        {pointed.value && <path class="at" d={`M${x(pointed.value.at)} 0V${HEIGHT}`} />}
      </svg>
      <p class="axis" aria-hidden="true">
        <span>{timeOfDay(new Date(from).toISOString())}</span>
        <span>up to {said(top, unit)}</span>
        <span>{timeOfDay(new Date(to).toISOString())}</span>
      </p>
      {slots.length > 0 && <Numbers title={title} unit={unit} slots={slots} />}
    </figure>
  );
}

function Numbers({ title, unit, slots }: { title: string; unit: string; slots: Slot[] }) {
  const step = Math.max(1, Math.ceil(slots.length / ROWS));
  return (
    <details>
      <summary>In numbers</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">{title}</th>
          </tr>
        </thead>
        <tbody>
          {slots
            .filter((_, at) => (slots.length - 1 - at) % step === 0)
            .map((slot) => (
              <tr key={slot.at}>
                <td>{timeOfDay(when(slot))}</td>
                <td>{said(slot.value, unit)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </details>
  );
}

function inWords(title: string, unit: string, parts: Slot[][]): string {
  const slots = parts.flat();
  const last = slots.at(-1);
  if (!last) return `${title}: no readings`;
  const most = slots.reduce((a, b) => (b.value > a.value ? b : a));
  const least = Math.min(...slots.map((slot) => slot.value));
  const gaps = parts.length > 1 ? `; ${parts.length - 1} gaps` : "";
  return (
    `${title}: latest ${said(last.value, unit)}, at most ${said(most.value, unit)} at ` +
    `${timeOfDay(when(most))}, at least ${said(least, unit)}${gaps}`
  );
}

function said(value: number, unit: string): string {
  const number = value.toLocaleString(undefined, { maximumFractionDigits: value < 10 ? 1 : 0 });
  return unit ? `${number} ${unit}` : number;
}

function when(slot: Slot): string {
  return new Date(slot.at).toISOString();
}

function nearest(slots: Slot[], at: number): Slot | undefined {
  let found: Slot | undefined;
  for (const slot of slots)
    if (!found || Math.abs(slot.at - at) < Math.abs(found.at - at)) found = slot;
  return found;
}
