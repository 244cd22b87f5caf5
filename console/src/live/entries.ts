// What was said in a room, as the pages show it: from the socket, and from the history.
import type { Schemas } from "../api/client";

export interface Entry {
  id: string;
  kind: "message" | "gift" | "system";
  userId: string;
  content: string;
  at: string;
  giftType?: string;
  value?: number;
}

/** A message or a gift, as the socket brings it. */
export interface Said {
  id: string;
  userId: string;
  timestamp: string;
  content?: string;
  system?: boolean;
  giftType?: string;
  value?: number;
  message?: string;
}

export const KEPT = 300;

export function entryOf(said: Said): Entry {
  const { id, userId, timestamp: at, giftType, value } = said;
  if (giftType !== undefined)
    return { id, kind: "gift", userId, content: said.message ?? "", at, giftType, value };
  return { id, kind: said.system ? "system" : "message", userId, content: said.content ?? "", at };
}

export function entryOfHistory(view: Schemas["MessageView"]): Entry {
  const { id, kind, userId, content, timestamp: at, giftType, value } = view;
  return { id, kind, userId, content, at, giftType, value };
}

/** With those that are new at the end, each once, the latest `KEPT` of them. */
export function added(shown: Entry[], more: Entry[]): Entry[] {
  const known = new Set(shown.map((one) => one.id));
  const fresh = more.filter((one) => !known.has(one.id));
  return fresh.length ? [...shown, ...fresh].slice(-KEPT) : shown;
}

export const GIFTS = [
  { type: "rose", value: 1, picture: "🌹", name: "Rose" },
  { type: "star", value: 10, picture: "⭐", name: "Star" },
  { type: "fireworks", value: 100, picture: "🎆", name: "Fireworks" },
  { type: "crown", value: 500, picture: "👑", name: "Crown" },
] as const;

export function pictureOf(giftType: string | undefined): string {
  return GIFTS.find((gift) => gift.type === giftType)?.picture ?? "🎁";
}
