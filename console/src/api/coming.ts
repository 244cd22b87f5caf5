// Calls of recordings, replays and encoders, as the contract has them. They move to `api` when
// OpenAPI describes them.
import { send } from "./client";

export interface Vod {
  vodId: string;
  url: string;
  thumbnailUrl: string | null;
  /** Seconds. */
  duration: number | null;
  format: string | null;
  size: number | null;
  uploadedAt: string | null;
  status: string;
  /** WebVTT, whose cues name parts of one picture. */
  thumbnailsUrl?: string | null;
  /** When the recording began: chat offsets count from the stream's start. */
  startedAt?: string | null;
}

export async function vodOf(streamId: string): Promise<Vod> {
  return (await send<{ vod: Vod }>("GET", `/api/live/${streamId}/vod`)).vod;
}

export interface Ingress {
  ingressId: string;
  streamKey: string;
  rtmpUrl?: string;
  whipUrl?: string;
  warning?: string;
}

export type Protocol = "rtmp" | "whip";

export async function ingressOf(streamId: string, type: Protocol): Promise<Ingress> {
  return send("POST", `/api/live/${streamId}/ingress`, { type });
}

export async function rotateIngress(streamId: string): Promise<Ingress> {
  return send("POST", `/api/live/${streamId}/ingress/rotate`, {});
}

export async function endIngress(streamId: string): Promise<void> {
  await send("DELETE", `/api/live/${streamId}/ingress`);
}

export async function record(streamId: string, what: "start" | "stop"): Promise<void> {
  await send("POST", `/api/live/${streamId}/recording/${what}`);
}
