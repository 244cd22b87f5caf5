// The scrub pictures of a recording: a WebVTT whose cues name parts of one picture.

export interface Cue {
  from: number;
  to: number;
  image: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

const TIMES = /^([\d:.]+)\s+-->\s+([\d:.]+)/;
const PART = /^(.+)#xywh=(\d+),(\d+),(\d+),(\d+)$/;

/** `base` is where the text came from: images are named relative to it. */
export function readCues(text: string, base: string): Cue[] {
  const cues: Cue[] = [];
  let times: RegExpExecArray | null = null;
  for (const line of text.split(/\r?\n/)) {
    times = TIMES.exec(line) ?? times;
    const part = times && PART.exec(line.trim());
    if (!times || !part) continue;
    const [, image = "", ...numbers] = part;
    const [x = 0, y = 0, width = 0, height = 0] = numbers.map(Number);
    const [from, to] = [seconds(times[1] ?? ""), seconds(times[2] ?? "")];
    cues.push({ from, to, image: new URL(image, base).href, x, y, width, height });
    times = null;
  }
  return cues;
}

export function cueAt(cues: Cue[], at: number): Cue | undefined {
  return cues.find((cue) => at >= cue.from && at < cue.to) ?? cues.at(-1);
}

function seconds(text: string): number {
  return text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}
