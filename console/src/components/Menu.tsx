import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import "./menu.css";

interface Props {
  label: string;
  icon: ComponentChildren;
  choices: { label: string; onChoose: () => unknown }[];
}

/** A button that opens a few choices: arrows move in it, Escape closes it. */
export function Menu({ label, icon, choices }: Props) {
  const open = useSignal(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open.value) return;
    items()[0]?.focus();
    const outside = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) open.value = false;
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open.value]);

  function items(): HTMLElement[] {
    return [...(box.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  }

  function close(): void {
    open.value = false;
    button.current?.focus();
  }

  function keyed(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") close();
    if (event.key === "Tab") open.value = false;
    if (step === undefined) return;
    event.preventDefault();
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    all[(at + step + all.length) % all.length]?.focus();
  }

  return (
    <div class="menu" ref={box}>
      <button
        ref={button}
        type="button"
        class="bare"
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={open.value}
        aria-controls={id}
        onClick={() => (open.value = !open.value)}
      >
        {icon}
      </button>
      {open.value && (
        <div class="choices" id={id} role="menu" aria-label={label} onKeyDown={keyed}>
          {choices.map((choice) => (
            <button
              key={choice.label}
              type="button"
              role="menuitem"
              onClick={() => {
                close();
                choice.onChoose();
              }}
            >
              {choice.label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
