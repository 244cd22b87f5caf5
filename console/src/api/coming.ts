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

export interface Recording {
  recordingId: string;
  streamId: string;
  ownerId: string;
  state: string;
  recorder: string;
  requestedAt: string;
  /** Bytes. */
  size: number;
  /** Seconds. */
  duration: number | null;
  error: string | null;
  /** What to do about `error`. */
  hint: string | null;
  tries: number;
  /** When its file is sent again. */
  retryAt: string | null;
  vodStatus: string;
}

export interface StoredVod {
  vodId: string;
  streamId: string;
  ownerId: string;
  status: string;
  error: string | null;
  /** Seconds. */
  duration: number | null;
  /** Bytes. */
  size: number;
  recordedAt: string;
  hold: { reason: string } | null;
  deleting: boolean;
}

export interface Page<T> {
  items: T[];
  nextCursor?: string;
}

export async function recordings(limit: number): Promise<Page<Recording>> {
  return send("GET", `/api/recordings?limit=${limit}`);
}

export async function retryRecording(id: string): Promise<Recording> {
  return send("POST", `/api/recordings/${id}/retry`);
}

export async function vods(limit: number): Promise<Page<StoredVod>> {
  return send("GET", `/api/vods?limit=${limit}`);
}

export async function remakePictures(id: string): Promise<StoredVod> {
  return send("POST", `/api/vods/${id}/thumbnails`);
}

export async function deleteVod(id: string): Promise<void> {
  await send("DELETE", `/api/vods/${id}`);
}

export interface Sample {
  at: string;
  live: number;
  viewers: number;
  /** Said in the `seconds` before. */
  messages: number;
  seconds: number;
  webhooksWaiting: number;
  webhookLagMs: number;
}

export async function samples(hours: number): Promise<Sample[]> {
  return (await send<{ items: Sample[] }>("GET", `/api/stats?hours=${hours}`)).items;
}
