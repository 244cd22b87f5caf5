// A series as it is drawn: in slots of the same width, each with the most that was in it.

export interface Reading {
  /** Milliseconds since 1970. */
  at: number;
  value: number;
}

export interface Slot {
  at: number;
  value: number;
}

/** Longer than this without a reading, and no server was up. */
const GAP_MS = 60_000;

/** The readings from `from` to `to`, at most `slots` of them, in one list for each stretch without
 * a gap. */
export function stretches(readings: Reading[], from: number, to: number, slots: number): Slot[][] {
  const width = Math.max(1, (to - from) / slots);
  const found: Slot[][] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const { at, value } of readings) {
    if (at < from || at > to) continue;
    if (at - before > GAP_MS) found.push([]);
    before = at;
    const stretch = found.at(-1) as Slot[];
    const slot = stretch.at(-1);
    if (slot && Math.floor((slot.at - from) / width) === Math.floor((at - from) / width)) {
      if (value >= slot.value) Object.assign(slot, { at, value });
    } else {
      stretch.push({ at, value });
    }
  }
  return found;
}

const STEPS = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];

/** A round number that an axis may well end with, and no less than `value`. */
export function roundUp(value: number): number {
  if (value <= 1) return 1;
  const ten = 10 ** Math.floor(Math.log10(value));
  return (STEPS.find((step) => step * ten >= value) ?? 10) * ten;
}
