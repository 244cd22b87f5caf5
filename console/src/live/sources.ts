// What a host sends from this browser: camera, microphone, screen. livekit-client captures them.
import { computed, signal } from "@preact/signals";
import type { LocalAudioTrack, LocalTrack, LocalVideoTrack } from "livekit-client";

export interface Choice {
  camera: string;
  microphone: string;
  isHidden: boolean;
  isMuted: boolean;
}

const WHY: Record<string, string> = {
  NotAllowedError: "the browser does not allow it. Allow it beside the address, and try again.",
  NotFoundError: "there is none, or it is not plugged in.",
  NotReadableError: "another program may be using it.",
  OverconstrainedError: "the one that was chosen is not there.",
};

/** Captures on `open`; nothing of it leaves the browser before somebody publishes `tracks`. */
export class Sources {
  readonly camera = signal<LocalVideoTrack | undefined>(undefined);
  readonly microphone = signal<LocalAudioTrack | undefined>(undefined);
  readonly screen = signal<LocalTrack[]>([]);
  readonly isHidden = signal(false);
  readonly isMuted = signal(false);
  readonly isOpen = signal(false);
  readonly devices = signal<MediaDeviceInfo[]>([]);
  readonly problem = signal("");

  /** What there is to send now. A hidden camera captures nothing, and is not among it. */
  readonly tracks = computed(() => {
    const camera = this.isHidden.value ? undefined : this.camera.value;
    const microphone = this.isMuted.value ? undefined : this.microphone.value;
    return [camera, microphone, ...this.screen.value].filter((track) => track !== undefined);
  });
  readonly screenPicture = computed(() =>
    this.screen.value.find((track): track is LocalVideoTrack => track.kind === "video"),
  );

  private gone = new AbortController();

  constructor(private readonly choice: Choice) {
    this.isHidden.value = choice.isHidden;
    this.isMuted.value = choice.isMuted;
  }

  get chosen(): Choice {
    return { ...this.choice, isHidden: this.isHidden.value, isMuted: this.isMuted.value };
  }

  async open(): Promise<void> {
    if (this.isOpen.peek()) return;
    this.isOpen.value = true;
    this.gone = new AbortController();
    if (!navigator.mediaDevices) {
      this.problem.value = "Browsers lend camera and microphone to https pages only.";
      return;
    }
    const { signal } = this.gone;
    navigator.mediaDevices.addEventListener("devicechange", () => void this.list(), { signal });
    // One after the other: a browser asks for one permission at a time.
    if (!this.isHidden.peek()) await this.openCamera();
    if (!this.isMuted.peek()) await this.openMicrophone();
    await this.list();
  }

  close(): void {
    this.gone.abort();
    this.isOpen.value = false;
    this.camera.peek()?.stop();
    this.microphone.peek()?.stop();
    this.camera.value = undefined;
    this.microphone.value = undefined;
    this.endScreen();
  }

  async hide(isHidden: boolean): Promise<void> {
    const camera = this.camera.peek();
    if (isHidden) this.isHidden.value = true;
    await this.trying("camera", () => (isHidden ? camera?.mute() : camera?.unmute()));
    this.isHidden.value = isHidden;
    if (!isHidden && !camera) await this.openCamera();
  }

  async mute(isMuted: boolean): Promise<void> {
    const microphone = this.microphone.peek();
    if (isMuted) this.isMuted.value = true;
    await this.trying("microphone", () => (isMuted ? microphone?.mute() : microphone?.unmute()));
    this.isMuted.value = isMuted;
    if (!isMuted && !microphone) await this.openMicrophone();
  }

  async chooseCamera(id: string): Promise<void> {
    this.choice.camera = id;
    await this.trying("camera", () => this.camera.peek()?.setDeviceId({ exact: id }));
  }

  async chooseMicrophone(id: string): Promise<void> {
    this.choice.microphone = id;
    await this.trying("microphone", () => this.microphone.peek()?.setDeviceId({ exact: id }));
  }

  async shareScreen(): Promise<void> {
    const { createLocalScreenTracks } = await import("livekit-client");
    try {
      const tracks = await createLocalScreenTracks({ audio: true });
      for (const track of tracks) track.on("ended", () => this.endScreen());
      this.screen.value = tracks;
    } catch (error) {
      // Who closes the browser's own question has changed their mind.
      if (!(error instanceof Error) || error.name !== "NotAllowedError") this.failed("screen", error);
    }
  }

  endScreen(): void {
    const tracks = this.screen.peek();
    this.screen.value = [];
    for (const track of tracks) track.stop();
  }

  private async openCamera(): Promise<void> {
    await this.trying("camera", async () => {
      const { createLocalVideoTrack } = await import("livekit-client");
      const ideal = this.choice.camera;
      const track = await createLocalVideoTrack(ideal ? { deviceId: { ideal } } : undefined);
      if (this.gone.signal.aborted) track.stop();
      else this.camera.value = track;
    });
    await this.list();
  }

  private async openMicrophone(): Promise<void> {
    await this.trying("microphone", async () => {
      const { createLocalAudioTrack } = await import("livekit-client");
      const ideal = this.choice.microphone;
      const track = await createLocalAudioTrack(ideal ? { deviceId: { ideal } } : undefined);
      if (this.gone.signal.aborted) track.stop();
      else this.microphone.value = track;
    });
    await this.list();
  }

  private async trying(what: string, capture: () => Promise<unknown> | undefined): Promise<void> {
    this.problem.value = "";
    try {
      await capture();
    } catch (error) {
      this.failed(what, error);
    }
  }

  private failed(what: string, error: unknown): void {
    const name = error instanceof Error ? error.name : "";
    this.problem.value = `No ${what}: ${WHY[name] ?? String(error)}`;
  }

  private async list(): Promise<void> {
    this.devices.value = await navigator.mediaDevices.enumerateDevices();
  }
}
