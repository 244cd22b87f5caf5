// Gets a recording into its <video>: the browser plays files by itself, hls.js brings it HLS.
import type Hls from "hls.js/light";
import { ApiError } from "../../api/client";
import { pause } from "../../pause";

/** A second failure so soon is not of a link that has run out. */
const LINK_LASTS_MS = 60_000;
/** How many links in a row may fail before that is the end of it. */
const MAX_IN_VAIN = 2;
const LOST = "The connection was lost: reconnecting…";
/** A bucket that does not answer is asked again for some seconds. */
const RETRY = { maxNumRetry: 2, retryDelayMs: 1000, maxRetryDelayMs: 8000 };

export class Source {
  private hls: Hls | undefined;
  /** Seconds at which it was opened last. */
  private openedAt = 0;
  private renewedAt = -Infinity;
  private inVain = 0;
  private isRenewing = false;
  private isClosed = false;

  /** `freshUrl` gives a new link when one has run out; null where there is nothing to play.
   * `tell` is called with what is wrong, in a sentence; it is over when the video has data again. */
  constructor(
    private readonly video: HTMLVideoElement,
    private readonly freshUrl: () => Promise<string | null>,
    private readonly tell: (problem: string) => void,
  ) {}

  /** `at` in seconds. */
  async open(url: string | null, at: number): Promise<void> {
    this.openedAt = at;
    if (!url) this.tell("This recording is archived and cannot be played for now.");
    else if (needsHlsJs(url)) await this.openWithHlsJs(url, at);
    else {
      this.video.src = url;
      this.video.currentTime = at;
    }
  }

  /** It could not be loaded or played: most likely its links have run out, so that it goes on with
   * new ones where it was; or else somebody is away for a while. */
  async failed(): Promise<void> {
    if (this.isRenewing || this.isClosed) return;
    const isSoon = performance.now() - this.renewedAt < LINK_LASTS_MS;
    this.inVain = isSoon ? this.inVain + 1 : 0;
    this.hls?.stopLoad();
    if (this.inVain > MAX_IN_VAIN) {
      this.tell("The recording cannot be played.");
      return;
    }
    this.isRenewing = true;
    try {
      if (this.inVain > 0) {
        this.tell(LOST);
        await pause(this.inVain - 1);
      }
      const url = await this.newUrl();
      if (this.isClosed) return;
      this.renewedAt = performance.now();
      const { currentTime, paused } = this.video;
      // One that was emptied, and has got nothing since, is at 0.
      await this.open(url, currentTime || this.openedAt);
      // A new source pauses; where the browser wants a click first, the button is there.
      if (!paused) this.video.play().catch(() => {});
    } catch {
      this.tell("The recording cannot be loaded.");
    } finally {
      this.isRenewing = false;
    }
  }

  close(): void {
    this.isClosed = true;
    this.hls?.destroy();
  }

  /** Asks until there is an answer; where the API refuses one, that is the end of it. */
  private async newUrl(): Promise<string | null> {
    for (let tries = 0; !this.isClosed; tries += 1) {
      try {
        return await this.freshUrl();
      } catch (error) {
        if (error instanceof ApiError && error.status >= 400 && error.status < 429) throw error;
        this.tell(LOST);
        await pause(tries);
      }
    }
    return null;
  }

  private async openWithHlsJs(url: string, at: number): Promise<void> {
    const { default: Hls } = await import("hls.js/light");
    this.hls?.destroy();
    if (this.isClosed) return;
    const { fragLoadPolicy } = Hls.DefaultConfig;
    this.hls = new Hls({
      startPosition: at,
      fragLoadPolicy: { default: { ...fragLoadPolicy.default, errorRetry: RETRY } },
    });
    this.hls.on(Hls.Events.ERROR, (_, { fatal, response }) => {
      // What is refused hls.js would ask for again and again, with the same link.
      const status = response?.code ?? 0;
      const isRefused = status >= 400 && status < 500;
      if (fatal || isRefused) void this.failed();
    });
    this.hls.loadSource(url);
    this.hls.attachMedia(this.video);
  }
}

/** Wherever it works, also where the browser knows HLS: it alone tells what has failed. iPhones
 * lack Media Source Extensions, and play HLS themselves. */
function needsHlsJs(url: string): boolean {
  const isHls = new URL(url, location.href).pathname.endsWith(".m3u8");
  return isHls && "MediaSource" in window;
}
