// What this tab remembers over a reload: the stream that it is in, and what was sent of it. Somebody
// who was muted or hidden is so again.
import type { Choice } from "../../live/sources";

interface Memory extends Choice {
  stream: string;
  byEncoder: boolean;
}

const NAME = "studio";
const NOTHING: Memory = {
  stream: "",
  byEncoder: false,
  camera: "",
  microphone: "",
  isHidden: false,
  isMuted: false,
};

export function recall(): Memory {
  try {
    return { ...NOTHING, ...JSON.parse(sessionStorage.getItem(NAME) ?? "{}") };
  } catch {
    return NOTHING; // not ours, or the browser keeps nothing
  }
}

export function remember(changed: Partial<Memory>): void {
  try {
    sessionStorage.setItem(NAME, JSON.stringify({ ...recall(), ...changed }));
  } catch {
    // Then a reload asks again.
  }
}
