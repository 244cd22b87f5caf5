import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Schemas } from "../../api/client";
import { Icon } from "../../components/Icon";
import { toast } from "../../components/toast";
import { clock } from "../../words";
import { cueAt, readCues, type Cue } from "./cues";
import { Source } from "./source";

interface Props {
  vod: Schemas["Replay"];
  poster: string | null;
  /** The link may have run out when somebody comes back to an open page. */
  freshUrl: () => Promise<string | null>;
  /** Seconds into the recording, some times a second. */
  onTime: (seconds: number) => void;
}

const SPEEDS = [0.5, 1, 1.25, 1.5, 2];
const STEP_S = 5;

export function Film({ vod, poster, freshUrl, onTime }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const at = useSignal(0);
  const length = useSignal(vod.duration ?? 0);
  const isPaused = useSignal(true);
  const isMuted = useSignal(false);
  const problem = useSignal("");
  const source = useRef<Source>();

  useEffect(() => {
    if (!video.current) return;
    const wanted = Math.max(0, Number(new URLSearchParams(location.search).get("t")) || 0);
    const opened = new Source(video.current, freshUrl, (what) => (problem.value = what));
    source.current = opened;
    problem.value = "";
    opened.open(vod.url, wanted).catch(() => opened.failed());
    onTime(wanted);
    return () => opened.close();
  }, [vod.vodId]);

  function moved(): void {
    // Without data it is at 0:00 for as long as a new source is on its way.
    if (!video.current || video.current.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    at.value = video.current.currentTime;
    onTime(at.value);
  }

  function seek(to: number): void {
    if (video.current) video.current.currentTime = Math.min(Math.max(0, to), length.value);
  }

  function toggle(): void {
    if (video.current?.paused) void video.current.play().catch(() => {});
    else video.current?.pause();
  }

  function keyed(event: KeyboardEvent): void {
    const steps: Record<string, number> = { ArrowLeft: -STEP_S, ArrowRight: STEP_S };
    const step = steps[event.key];
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
    if (step !== undefined) seek(at.value + step);
    if (event.key === " " && !(event.target instanceof HTMLButtonElement)) {
      event.preventDefault();
      toggle();
    }
  }

  async function copyLink(): Promise<void> {
    const link = new URL(location.href);
    link.search = `?t=${Math.floor(at.value)}`;
    try {
      await navigator.clipboard.writeText(link.href);
      toast(`The link to ${clock(at.value)} is on the clipboard.`);
    } catch {
      history.replaceState(history.state, "", link);
      toast("The link to this moment is in the address bar.");
    }
  }

  async function fill(): Promise<void> {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await stage.current?.requestFullscreen();
  }

  return (
    <div class="stage film" ref={stage} onKeyDown={keyed}>
      <video
        ref={video}
        class="large"
        poster={poster ?? undefined}
        preload="metadata"
        playsInline
        aria-label="The recording"
        tabIndex={0}
        onClick={toggle}
        onTimeUpdate={moved}
        onSeeked={moved}
        onDurationChange={(event) => {
          const found = event.currentTarget.duration;
          if (Number.isFinite(found)) length.value = found;
        }}
        onPlay={() => (isPaused.value = false)}
        onPause={() => (isPaused.value = true)}
        onEmptied={(event) => (isPaused.value = event.currentTarget.paused)}
        onLoadedData={() => (problem.value = "")}
        onVolumeChange={(event) => (isMuted.value = event.currentTarget.muted)}
        onError={() => void source.current?.failed()}
      />
      {problem.value && (
        <p class="said" role="alert">
          {problem.value}
        </p>
      )}
      <div class="switches" role="group" aria-label="Playback">
        <Scrubber vod={vod} at={at.value} length={length.value} onSeek={seek} />
        <button type="button" class="bare" onClick={toggle}>
          <Icon
            name={isPaused.value ? "play" : "pause"}
            label={isPaused.value ? "Play" : "Pause"}
          />
        </button>
        <button
          type="button"
          class="bare"
          aria-pressed={isMuted.value}
          onClick={() => video.current && (video.current.muted = !video.current.muted)}
        >
          <Icon name={isMuted.value ? "mute" : "loud"} label="Mute" />
        </button>
        <span class="time">
          {clock(at.value)} / {clock(length.value)}
        </span>
        <span class="gap" />
        <select
          aria-label="Speed"
          onChange={(event) => {
            if (!video.current) return;
            // A new source begins at the default.
            video.current.defaultPlaybackRate = Number(event.currentTarget.value);
            video.current.playbackRate = video.current.defaultPlaybackRate;
          }}
        >
          {SPEEDS.map((speed) => (
            <option key={speed} value={speed} selected={speed === 1}>
              {speed}×
            </option>
          ))}
        </select>
        <button type="button" class="bare" onClick={() => void copyLink()}>
          <Icon name="link" label="Copy a link to this moment" />
        </button>
        {document.fullscreenEnabled && (
          <button type="button" class="bare" onClick={() => void fill()}>
            <Icon name="full" label="Full screen" />
          </button>
        )}
      </div>
    </div>
  );
}

interface ScrubberProps {
  vod: Schemas["Replay"];
  at: number;
  length: number;
  onSeek: (to: number) => void;
}

/** Where one is, and pictures of where one might go. */
function Scrubber({ vod, at, length, onSeek }: ScrubberProps) {
  const cues = useSignal<Cue[]>([]);
  const pointed = useSignal<number | undefined>(undefined);

  useEffect(() => {
    const { thumbnailsUrl } = vod;
    if (!thumbnailsUrl) return;
    const base = new URL(thumbnailsUrl, location.href).href;
    fetch(base)
      .then((answer) => (answer.ok ? answer.text() : ""))
      .then((text) => (cues.value = readCues(text, base)))
      .catch(() => {}); // the film can be scrubbed without pictures
  }, [vod.thumbnailsUrl]);

  function point(event: PointerEvent): void {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    pointed.value = Math.min(Math.max(0, (event.clientX - box.left) / box.width), 1) * length;
  }

  const there = pointed.value;
  const cue = there === undefined ? undefined : cueAt(cues.value, there);
  return (
    <div class="scrubber" onPointerMove={point} onPointerLeave={() => (pointed.value = undefined)}>
      <input
        type="range"
        aria-label="Position"
        aria-valuetext={`${clock(at)} of ${clock(length)}`}
        min={0}
        max={length || 1}
        step={1}
        value={at}
        onInput={(event) => onSeek(event.currentTarget.valueAsNumber)}
      />
      {there !== undefined && length > 0 && (
        <div class="glimpse" style={{ left: `${(there / length) * 100}%` }} aria-hidden="true">
          {cue && (
            <div
              style={{
                width: `${cue.width}px`,
                height: `${cue.height}px`,
                backgroundImage: `url("${cue.image}")`,
                backgroundPosition: `-${cue.x}px -${cue.y}px`,
              }}
            />
          )}
          {clock(there)}
        </div>
      )}
    </div>
  );
}
