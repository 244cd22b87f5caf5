// A live room's chat, over Socket.IO: what is in it, as signals, and what one can do in it.
import { batch, computed, signal } from "@preact/signals";
import { io, type Socket } from "socket.io-client";
import { whole } from "../api/client";
import { randomId } from "../words";
import { added, entryOf, type Entry, type Said } from "./entries";

export type Connection =
  | "connecting"
  | "here"
  | "reconnecting"
  | "ended"
  | "blocked"
  | "kicked"
  | "signed-out";

export interface Pin {
  messageId: string;
  authorId: string;
  content: string;
  timestamp: string | null;
}

export interface Rules {
  slowSeconds: number;
  frozen: boolean;
  linksOff: boolean;
  allowedOnly: boolean;
}

export interface Reaction {
  emoji: string;
  count: number;
}

/** What keeps one from sending, until when (ms since 1970). */
export interface Wait {
  code: string;
  until: number;
}

interface State {
  streamId: string;
  title: string;
  viewers: number;
  isOwner: boolean;
  isModerator: boolean;
  pinnedMessages: Pin[];
  totalGifts: number;
  isLive: boolean;
  reason: string;
  chat: Rules;
  recentMessages: Said[];
}

interface Told {
  message: string;
  hint?: string;
  code: string;
  retryAfter?: number;
}

type Acknowledged = ({ ok: true; id?: string }) | ({ ok: false } & Told);

export class Refused extends Error {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
}

const ANSWER_WITHIN_MS = 10_000;
// Messages of one moment are drawn together.
const DRAW_EVERY_MS = 60;
const WAITS = new Set(["too_many_requests", "slow_mode", "timed_out"]);
const LAST_WORDS: Record<string, Connection> = {
  blocked: "blocked",
  kicked: "kicked",
  token_expired: "signed-out",
};

export class ChatRoom {
  readonly connection = signal<Connection>("connecting");
  readonly entries = signal<Entry[]>([]);
  readonly title = signal<string | undefined>(undefined);
  readonly viewers = signal(0);
  readonly pins = signal<Pin[]>([]);
  readonly totalGifts = signal(0);
  readonly isOwner = signal(false);
  readonly isModerator = signal(false);
  readonly rules = signal<Rules>({
    slowSeconds: 0,
    frozen: false,
    linksOff: false,
    allowedOnly: false,
  });
  readonly wait = signal<Wait | undefined>(undefined);
  readonly highlight = signal<Entry | undefined>(undefined);
  /** What the moderators told this one user. */
  readonly warning = signal("");
  readonly reason = signal("");
  readonly isStaff = computed(() => this.isOwner.value || this.isModerator.value);
  onReaction: (reaction: Reaction) => void = () => {};

  private readonly socket: Socket;
  private waiting: Entry[] = [];
  private drawing: ReturnType<typeof setTimeout> | undefined;
  private again: ReturnType<typeof setTimeout> | undefined;

  constructor(roomName: string) {
    this.socket = io(`/live:${roomName}`, {
      // Which any of several servers may take; polling where something between allows no other.
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      reconnectionDelayMax: 4000,
      forceNew: true,
    });
    this.listen();
  }

  close(): void {
    clearTimeout(this.again);
    clearTimeout(this.drawing);
    this.socket.disconnect();
  }

  comeBack(): void {
    this.connection.value = "connecting";
    this.socket.connect();
  }

  /** Each raises Refused, where the rules do not allow it or no answer came. */
  async say(content: string): Promise<void> {
    await this.send("live:message", { content });
  }

  async react(emoji: string): Promise<void> {
    await this.send("live:reaction", { emoji });
    this.onReaction({ emoji, count: 1 });
  }

  async give(giftType: string, value: number, message: string): Promise<void> {
    // Sent twice, it counts once: so a gift whose answer was lost can be sent again.
    await this.send("live:gift", { giftType, value, message, clientId: randomId() });
  }

  async pin(entry: { id: string; content: string }): Promise<void> {
    await this.send("live:pin", { messageId: entry.id, content: entry.content });
  }

  private async send(event: string, data: object): Promise<void> {
    let answer: Acknowledged;
    try {
      if (!this.socket.connected) throw new Error("not connected");
      answer = await this.socket.timeout(ANSWER_WITHIN_MS).emitWithAck(event, data);
    } catch {
      throw new Refused("The chat is not connected: nothing was sent.", "offline");
    }
    if (answer.ok) return;
    this.noteWait(answer);
    throw new Refused(whole(answer.message, answer.hint), answer.code);
  }

  private listen(): void {
    const { socket } = this;
    socket.on("connect", () => (this.connection.value = "here"));
    socket.on("connect_error", (error: Error & { data?: Told }) => this.refused(error));
    socket.on("disconnect", () => this.lost());
    socket.io.on("reconnect_attempt", () => this.lost());
    socket.on("live:state", (state: Partial<State>) => this.learn(state));
    socket.on("live:message", (said: Said) => this.add([entryOf(said)]));
    socket.on("live:gift", (said: Said) => this.add([entryOf(said)]));
    socket.on("live:gift:highlight", (said: Said) => (this.highlight.value = entryOf(said)));
    socket.on("live:message:deleted", (gone: { ids?: string[]; userId?: string }) =>
      this.takeAway(gone),
    );
    socket.on("live:pinned:updated", ({ pinnedMessages }: { pinnedMessages: Pin[] }) => {
      this.pins.value = pinnedMessages;
    });
    socket.on("live:reaction", ({ emoji, count = 1 }: Partial<Reaction>) => {
      if (emoji) this.onReaction({ emoji, count });
    });
    socket.on("error", (told: Told) => this.heard(told));
  }

  private get isOver(): boolean {
    return ["ended", "blocked", "kicked", "signed-out"].includes(this.connection.peek());
  }

  private lost(): void {
    if (this.isOver) return;
    this.connection.value = "reconnecting";
    // Where the server itself closed it, the library leaves it to us to come back.
    if (!this.socket.active) this.comeBackSoon();
  }

  private refused(error: Error & { data?: Told }): void {
    if (error.data?.code === "blocked") this.connection.value = "blocked";
    else if (error.data?.code === "not_found") this.connection.value = "ended";
    else if (error.data?.code === "unauthenticated") this.connection.value = "signed-out";
    else if (!this.socket.active) this.comeBackSoon(error.data?.retryAfter);
  }

  private comeBackSoon(seconds = 1): void {
    clearTimeout(this.again);
    this.again = setTimeout(() => this.socket.connect(), seconds * 1000 * (1 + Math.random()));
  }

  private heard(told: Told): void {
    const last = LAST_WORDS[told.code];
    if (last) this.connection.value = last;
    if (told.code === "warned") this.warning.value = told.message;
    if (told.code === "timed_out") this.noteWait(told);
  }

  private noteWait(told: Told): void {
    if (!WAITS.has(told.code) || !told.retryAfter) return;
    this.wait.value = { code: told.code, until: Date.now() + told.retryAfter * 1000 };
  }

  private learn(state: Partial<State>): void {
    batch(() => {
      if (state.title !== undefined) this.title.value = state.title;
      if (state.viewers !== undefined) this.viewers.value = state.viewers;
      if (state.pinnedMessages) this.pins.value = state.pinnedMessages;
      if (state.totalGifts !== undefined) this.totalGifts.value = state.totalGifts;
      if (state.isOwner !== undefined) this.isOwner.value = state.isOwner;
      if (state.isModerator !== undefined) this.isModerator.value = state.isModerator;
      if (state.chat) this.rules.value = state.chat;
      if (state.recentMessages) this.add(state.recentMessages.map(entryOf));
      if (state.isLive === false) {
        this.reason.value = state.reason ?? "";
        this.connection.value = "ended";
      }
    });
  }

  private add(entries: Entry[]): void {
    this.waiting.push(...entries);
    this.drawing ??= setTimeout(() => {
      this.drawing = undefined;
      const more = this.waiting;
      this.waiting = [];
      this.entries.value = added(this.entries.peek(), more);
    }, DRAW_EVERY_MS);
  }

  private takeAway(gone: { ids?: string[]; userId?: string }): void {
    const ids = new Set(gone.ids);
    const stays = (one: Entry) => !ids.has(one.id) && one.userId !== gone.userId;
    this.waiting = this.waiting.filter(stays);
    this.entries.value = this.entries.peek().filter(stays);
  }
}
