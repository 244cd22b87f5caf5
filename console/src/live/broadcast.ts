// A host's side of a LiveKit room: sends what the sources have, and tells how it goes.
import { effect, signal } from "@preact/signals";
import type { LocalTrack, RemoteTrack, Room } from "livekit-client";
import { ApiError } from "../api/client";
import type { Sources } from "./sources";
import { pauseBefore, type Ticket } from "./ticket";

export type OnAir = "connecting" | "on-air" | "reconnecting" | "elsewhere" | "over";

/** Of what is sent from here; bitrates in kbit/s, the round trip in milliseconds. */
export interface Sent {
  bitrate: number;
  width: number;
  height: number;
  frames: number;
  roundTrip: number | undefined;
  /** What keeps the picture from being better. */
  limit: "cpu" | "bandwidth" | undefined;
}

const LOOK_MS = 2000;
// In a room that fills up, those who come in one moment are counted together.
const COUNT_MS = 250;
const KEPT = 60;
const TAB = /#[0-9a-f]{8}$/;

export class Broadcast {
  readonly state = signal<OnAir>("connecting");
  readonly quality = signal("unknown");
  readonly sent = signal<Sent | undefined>(undefined);
  /** The bitrates of the last two minutes. */
  readonly bitrates = signal<number[]>([]);
  /** The users who watch, each once. */
  readonly people = signal<string[]>([]);
  /** The picture that an encoder sends. */
  readonly encoder = signal<RemoteTrack | undefined>(undefined);

  private room: Room | undefined;
  private closed = false;
  private tries = 0;
  private turn = Promise.resolve();
  private counting: ReturnType<typeof setTimeout> | undefined;
  private readonly watching: (() => void)[];

  constructor(
    private readonly sources: Sources,
    private readonly host: string,
    private readonly newTicket: () => Promise<Ticket>,
  ) {
    const timer = setInterval(() => void this.look(), LOOK_MS);
    this.watching = [
      () => clearInterval(timer),
      effect(() => {
        const tracks = sources.tracks.value;
        this.publishInTurn(tracks);
      }),
    ];
  }

  async open(): Promise<void> {
    try {
      const ticket = await this.newTicket();
      const { Room, RoomEvent, DisconnectReason } = await import("livekit-client");
      if (this.closed) return;
      // The sources go on where a connection ends, and are sent again over the next one. All layers
      // are sent even while nobody watches, so that whoever comes need not wait for theirs.
      const room = new Room({ adaptiveStream: true, stopLocalTrackOnUnpublish: false });
      const refresh = () => {
        this.state.value = "on-air";
        this.counting ??= setTimeout(() => this.count(room), COUNT_MS);
      };
      room
        .on(RoomEvent.ParticipantConnected, refresh)
        .on(RoomEvent.ParticipantDisconnected, refresh)
        .on(RoomEvent.TrackSubscribed, refresh)
        .on(RoomEvent.TrackUnsubscribed, refresh)
        .on(RoomEvent.Reconnecting, () => (this.state.value = "reconnecting"))
        .on(RoomEvent.Reconnected, refresh)
        .on(RoomEvent.ConnectionQualityChanged, (quality, who) => {
          if (who === room.localParticipant) this.quality.value = quality;
        })
        .on(RoomEvent.Disconnected, (reason) => {
          if (this.room !== room) return;
          if (reason === DisconnectReason.DUPLICATE_IDENTITY) this.end("elsewhere");
          else this.openAgain();
        });
      await room.connect(ticket.url, ticket.token);
      if (this.closed) return void room.disconnect();
      this.room = room;
      this.tries = 0;
      this.quality.value = room.localParticipant.connectionQuality;
      refresh();
      this.publishInTurn(this.sources.tracks.peek());
    } catch (error) {
      const isFinal = error instanceof ApiError && error.status >= 400 && error.status < 429;
      if (isFinal) this.end("over");
      else this.openAgain();
    }
  }

  close(): void {
    this.closed = true;
    this.watching.forEach((end) => end());
    void this.room?.disconnect(false);
  }

  /** Takes the place of another window of this host, which is told. */
  comeBack(): void {
    this.closed = false;
    this.state.value = "connecting";
    void this.open();
  }

  private end(how: "elsewhere" | "over"): void {
    this.room = undefined;
    this.closed = true;
    this.state.value = how;
  }

  private openAgain(): void {
    if (this.closed) return;
    this.room = undefined;
    this.state.value = "reconnecting";
    setTimeout(() => !this.closed && void this.open(), pauseBefore(this.tries));
    this.tries += 1;
  }

  private count(room: Room): void {
    this.counting = undefined;
    const users = new Set<string>();
    let encoder: RemoteTrack | undefined;
    for (const person of room.remoteParticipants.values()) {
      const tracks = [...person.videoTrackPublications.values()];
      encoder ??= tracks.find(({ track }) => track)?.track as RemoteTrack | undefined;
      const user = person.identity.replace(TAB, "");
      if (person.permissions?.canPublish !== true && user !== this.host) users.add(user);
    }
    this.people.value = [...users].sort();
    this.encoder.value = encoder;
  }

  private publishInTurn(tracks: LocalTrack[]): void {
    this.turn = this.turn.then(() => this.publish(tracks)).catch(console.warn);
  }

  /** Sends those that are not sent yet, and lets go of those that are gone for good. */
  private async publish(tracks: LocalTrack[]): Promise<void> {
    const person = this.room?.localParticipant;
    if (!person) return;
    const sent = [...person.trackPublications.values()].map(({ track }) => track);
    const { camera, microphone, screen } = this.sources;
    const there = [camera.peek(), microphone.peek(), ...screen.peek()];
    for (const track of sent) {
      if (track && !there.includes(track as never)) await person.unpublishTrack(track, true);
    }
    for (const track of tracks) if (!sent.includes(track)) await person.publishTrack(track);
  }

  private async look(): Promise<void> {
    const publications = [...(this.room?.localParticipant.trackPublications.values() ?? [])];
    const tracks = publications.flatMap(({ track }) => (track && !track.isMuted ? [track] : []));
    const bitrate = tracks.reduce((sum, track) => sum + track.currentBitrate, 0) / 1000;
    const found: Sent = {
      bitrate: Math.round(bitrate),
      width: 0,
      height: 0,
      frames: 0,
      roundTrip: undefined,
      limit: undefined,
    };
    for (const { videoTrack } of publications) {
      for (const layer of (await videoTrack?.getSenderStats()) ?? []) {
        if (layer.roundTripTime !== undefined) found.roundTrip = layer.roundTripTime * 1000;
        if ((layer.framesPerSecond ?? 0) === 0 || (layer.frameWidth ?? 0) <= found.width) continue;
        found.width = layer.frameWidth;
        found.height = layer.frameHeight;
        found.frames = layer.framesPerSecond;
        const limit = layer.qualityLimitationReason;
        found.limit = limit === "cpu" || limit === "bandwidth" ? limit : undefined;
      }
    }
    this.sent.value = found;
    this.bitrates.value = [...this.bitrates.peek(), found.bitrate].slice(-KEPT);
  }
}
