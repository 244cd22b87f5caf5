// Numbers and times, as people read them.

/** 1:02:03, or 2:03. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, at) => (at ? String(part).padStart(2, "0") : String(part))).join(":");
}

/** "12 min", "3 h 5 min": how long since then. */
export function since(then: string, now = Date.now()): string {
  const minutes = Math.max(0, Math.floor((now - Date.parse(then)) / 60_000));
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} d`;
}

/** The same as when it was. */
export function ago(then: string): string {
  const long = since(then);
  return long === "just now" ? long : `${long} ago`;
}

export function day(then: string): string {
  const format = { day: "numeric", month: "short", year: "numeric" } as const;
  return new Date(then).toLocaleDateString(undefined, format);
}

export function timeOfDay(then: string): string {
  return new Date(then).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString()} ${number === 1 ? one : many}`;
}

/** 1.2k, for where there is little room. */
export function short(number: number): string {
  if (number < 1000) return String(number);
  return Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(number);
}

/** 12.3 MB. */
export function bytes(size: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const at = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, size)) / 3));
  return `${(size / 1000 ** at).toLocaleString(undefined, { maximumFractionDigits: 1 })} ${units[at]}`;
}

/** Characters as the server counts them. */
export function characters(text: string): number {
  return [...text].length;
}

export function titleOf(stream: { title: string; ownerId: string }): string {
  return stream.title || `${stream.ownerId}’s stream`;
}

/** The host, from `live_<userId>_<ms>`. */
export function hostOf(roomName: string): string {
  return /^live_(.+)_\d+$/.exec(roomName)?.[1] ?? "";
}

/** A hue that is a name's own. */
export function hueOf(name: string): number {
  let hash = 0;
  for (const char of name) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 360;
  return hash;
}

/** Something random, also where the page is not on https (crypto.randomUUID needs that). */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
