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
