// The way into a LiveKit room.

export interface Ticket {
  url: string;
  token: string;
}

const RETRY_MS = [300, 1000, 2000, 4000];

/** How long to wait after so many tries in vain, in milliseconds. */
export function pauseBefore(tries: number): number {
  return RETRY_MS[tries] ?? 8000;
}
