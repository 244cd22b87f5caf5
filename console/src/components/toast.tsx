// Short messages that go by themselves.
import { signal } from "@preact/signals";
import "./toast.css";

interface Toast {
  id: number;
  text: string;
  kind: "good" | "bad";
}

const toasts = signal<Toast[]>([]);
let last = 0;

export function toast(text: string, kind: Toast["kind"] = "good"): void {
  const id = ++last;
  toasts.value = [...toasts.peek(), { id, text, kind }].slice(-3);
  setTimeout(() => (toasts.value = toasts.peek().filter((one) => one.id !== id)), 6000);
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
