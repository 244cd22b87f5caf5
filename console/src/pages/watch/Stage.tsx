import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "../../components/Icon";
import { Poster } from "../../components/Poster";
import type { ChatRoom } from "../../live/room";
import type { Ticket } from "../../live/ticket";
import { Player } from "../../live/video";
import { Reactions } from "./Reactions";

interface Props {
  room: ChatRoom;
  cover: string | null;
  host: string;
  newTicket: () => Promise<Ticket>;
}

const SAID = {
  connecting: "Connecting…",
  waiting: "The host has no picture on right now.",
  reconnecting: "The connection was lost: reconnecting…",
  gone: "The picture is not to be had any more.",
};

/** The picture, what floats over it, and its switches. */
export function Stage({ room, cover, host, newTicket }: Props) {
  const stage = useRef<HTMLDivElement>(null);
  const main = useRef<HTMLVideoElement>(null);
  const inset = useRef<HTMLVideoElement>(null);
  const player = useSignal<Player | undefined>(undefined);

  // Not useEffect, which waits until the page is painted.
  useLayoutEffect(() => {
    if (!main.current || !inset.current) return;
    const made = new Player(main.current, inset.current, newTicket);
    player.value = made;
    void made.open();
    return () => made.close();
  }, []);

  const picture = player.value?.picture.value ?? "connecting";
  return (
    <div class="stage" ref={stage} data-picture={picture}>
      {picture !== "playing" && picture !== "reconnecting" && (
        <div class="behind">
          <Poster cover={cover} name={host} />
        </div>
      )}
      <video ref={main} class="large" autoplay muted playsInline aria-label="The live picture" />
      <video
        ref={inset}
        class={player.value?.hasInset.value ? "small" : "small off"}
        autoplay
        muted
        playsInline
        aria-label="The host’s camera"
      />
      {picture !== "playing" && (
        <p class="said" role="status">
          {SAID[picture]}
        </p>
      )}
      {player.value?.soundNeedsClick.value && (
        <button type="button" class="main sound" onClick={() => void player.value?.allowSound()}>
          <Icon name="mute" /> Turn the sound on
        </button>
      )}
      <Reactions room={room} />
      {player.value && <Switches player={player.value} stage={stage} main={main} />}
    </div>
  );
}

interface SwitchesProps {
  player: Player;
  stage: { current: HTMLDivElement | null };
  main: { current: HTMLVideoElement | null };
}

function Switches({ player, stage, main }: SwitchesProps) {
  const volume = useSignal(1);
  const isMuted = useSignal(false);

  function change(to: number, muted: boolean): void {
    volume.value = to;
    isMuted.value = muted;
    player.setVolume(muted ? 0 : to);
  }

  async function fill(): Promise<void> {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await stage.current?.requestFullscreen();
  }

  return (
    <div class="switches" role="group" aria-label="Picture and sound">
      <button
        type="button"
        class="bare"
        aria-pressed={isMuted.value}
        onClick={() => change(volume.value || 1, !isMuted.value)}
      >
        <Icon name={isMuted.value ? "mute" : "loud"} label="Mute" />
      </button>
      <input
        type="range"
        aria-label="Volume"
        min={0}
        max={1}
        step={0.05}
        value={isMuted.value ? 0 : volume.value}
        onInput={(event) => {
          const to = event.currentTarget.valueAsNumber;
          change(to, to === 0);
        }}
      />
      <span class="gap" />
      {document.pictureInPictureEnabled && (
        <button
          type="button"
          class="bare"
          onClick={() => void main.current?.requestPictureInPicture().catch(() => {})}
        >
          <Icon name="pip" label="Picture in picture" />
        </button>
      )}
      {document.fullscreenEnabled && (
        <button type="button" class="bare" onClick={() => void fill()}>
          <Icon name="full" label="Full screen" />
        </button>
      )}
    </div>
  );
}
