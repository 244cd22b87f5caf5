// Watching a LiveKit room. livekit-client is loaded when the first one is opened.
import { signal } from "@preact/signals";
import type { RemoteTrack, RemoteAudioTrack, Room } from "livekit-client";
import { ApiError } from "../api/client";
import { pauseBefore, type Ticket } from "./ticket";

export type Picture = "connecting" | "waiting" | "playing" | "reconnecting" | "gone";

/** Plays the host's picture in the elements that it is given, and the sound. It comes back by
 * itself, with a new ticket each time; where the API refuses one, that is the end of it. */
export class Player {
  readonly picture = signal<Picture>("connecting");
  /** The browser wants a click before it plays sound. */
  readonly soundNeedsClick = signal(false);
  /** A screen in large, and the camera beside it. */
  readonly hasInset = signal(false);

  private room: Room | undefined;
  private closed = false;
  private tries = 0;
  private volume = 1;

  constructor(
    private readonly main: HTMLVideoElement,
    private readonly inset: HTMLVideoElement,
    private readonly newTicket: () => Promise<Ticket>,
  ) {}

  async open(): Promise<void> {
    const library = import("livekit-client");
    try {
      const ticket = await this.newTicket();
      const { Room, RoomEvent, setLogLevel } = await library;
      setLogLevel("silent"); // the page tells what matters
      if (this.closed) return;
      const room = new Room({ adaptiveStream: true });
      this.room = room;
      const refresh = () => this.show(room);
      room
        .on(RoomEvent.TrackSubscribed, refresh)
        .on(RoomEvent.TrackUnsubscribed, (track) => {
          track.detach();
          refresh();
        })
        .on(RoomEvent.TrackMuted, refresh)
        .on(RoomEvent.TrackUnmuted, refresh)
        .on(RoomEvent.Reconnecting, () => (this.picture.value = "reconnecting"))
        .on(RoomEvent.Reconnected, refresh)
        .on(RoomEvent.AudioPlaybackStatusChanged, () => {
          this.soundNeedsClick.value = !room.canPlaybackAudio;
        })
        .on(RoomEvent.Disconnected, () => this.room === room && this.openAgain());
      await room.connect(ticket.url, ticket.token);
      this.tries = 0;
      refresh();
    } catch (error) {
      const isFinal = error instanceof ApiError && error.status >= 400 && error.status < 429;
      if (isFinal) this.picture.value = "gone";
      else this.openAgain();
    }
  }

  close(): void {
    this.closed = true;
    void this.room?.disconnect();
  }

  async allowSound(): Promise<void> {
    await this.room?.startAudio();
  }

  /** From 0 to 1. */
  setVolume(volume: number): void {
    this.volume = volume;
    if (this.room) this.show(this.room);
  }

  private openAgain(): void {
    if (this.closed) return;
    this.room = undefined;
    this.picture.value = "reconnecting";
    setTimeout(() => !this.closed && void this.open(), pauseBefore(this.tries));
    this.tries += 1;
  }

  private show(room: Room): void {
    const pictures: { track: RemoteTrack; isScreen: boolean }[] = [];
    for (const person of room.remoteParticipants.values()) {
      for (const { track, source, isMuted } of person.trackPublications.values()) {
        if (track?.kind === "audio") this.play(track as RemoteAudioTrack);
        else if (track && !isMuted) {
          pictures.push({ track, isScreen: source === "screen_share" });
        }
      }
    }
    pictures.sort((one, other) => Number(other.isScreen) - Number(one.isScreen));
    const [large, small] = pictures;
    if (large) put(large.track, this.main);
    if (small) put(small.track, this.inset);
    this.hasInset.value = Boolean(small);
    this.picture.value = large ? "playing" : "waiting";
  }

  private play(track: RemoteAudioTrack): void {
    if (!track.attachedElements.length) track.attach();
    track.setVolume(this.volume);
  }
}

/** In this element, and in no other. */
function put(track: RemoteTrack, element: HTMLVideoElement): void {
  for (const other of track.attachedElements) if (other !== element) track.detach(other);
  if (!track.attachedElements.includes(element)) track.attach(element);
}
