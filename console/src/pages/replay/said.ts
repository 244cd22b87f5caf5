// What was said while it was live, to be shown in step with the recording.
import { signal } from "@preact/signals";
import { api, ask, type Schemas } from "../../api/client";
import { entryOfHistory, KEPT, type Entry } from "../../live/entries";

type View = Schemas["MessageView"];

const AHEAD_MS = 60_000;
const PAGE = 500;

/** Reads the history as far as it is needed, page by page. */
export class SaidThen {
  readonly shown = signal<Entry[]>([]);
  private all: View[] = [];
  private cursor: string | undefined;
  private isWhole = false;
  private reading: Promise<void> | undefined;

  constructor(private readonly stream: string) {}

  /** What had been said by then, in milliseconds from the stream's start. */
  async showUntil(offsetMs: number): Promise<void> {
    while (!this.isWhole && (this.all.at(-1)?.offsetMs ?? 0) < offsetMs + AHEAD_MS) {
      this.reading ??= this.readOn().finally(() => (this.reading = undefined));
      await this.reading;
    }
    const until = this.all.findIndex((one) => (one.offsetMs ?? 0) > offsetMs);
    const said = this.all.slice(0, until < 0 ? undefined : until).slice(-KEPT);
    const before = this.shown.peek();
    if (said.at(-1)?.id !== before.at(-1)?.id || said.length !== before.length)
      this.shown.value = said.map(entryOfHistory);
  }

  private async readOn(): Promise<void> {
    const params = {
      path: { id: this.stream },
      query: { order: "oldest" as const, limit: PAGE, cursor: this.cursor },
    };
    const page = await ask(api.GET("/api/live/{id}/messages", { params }));
    this.all.push(...page.items);
    this.cursor = page.nextCursor;
    this.isWhole = !page.nextCursor;
  }
}
