// Short messages that go by themselves.
import { signal } from "@preact/signals";
import "./toast.css";

interface Toast {
  id: number;
  text: string;
  kind: "good" | "bad";
}

const SHOWN_MS = 6000;
const READ_MS = 80; // a character, by those who read slowly

const toasts = signal<Toast[]>([]);
let last = 0;

export function toast(text: string, kind: Toast["kind"] = "good"): void {
  const id = ++last;
  toasts.value = [...toasts.peek(), { id, text, kind }].slice(-3);
  const shown = Math.max(SHOWN_MS, text.length * READ_MS);
  setTimeout(() => (toasts.value = toasts.peek().filter((one) => one.id !== id)), shown);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((one) => (
        <p key={one.id} class={one.kind}>
          {one.text}
        </p>
      ))}
    </div>
  );
}
