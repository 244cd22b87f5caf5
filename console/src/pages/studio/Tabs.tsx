import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";

interface Props {
  label: string;
  /** By their names, in their order. */
  tabs: Record<string, ComponentChildren>;
}

/** One of several; all of them are there, so that each stays as it was left. Arrows move. */
export function Tabs({ label, tabs }: Props) {
  const at = useSignal(0);
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const names = Object.keys(tabs);

  function keyed(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    at.value = (at.value + step + names.length) % names.length;
    list.current?.querySelectorAll("button")[at.value]?.focus();
  }

  return (
    <div class="side tabbed">
      <div class="tabs-list" role="tablist" aria-label={label} ref={list} onKeyDown={keyed}>
        {names.map((name, n) => (
          <button
            key={n}
            type="button"
            role="tab"
            id={`${id}-tab-${n}`}
            aria-controls={`${id}-panel-${n}`}
            aria-selected={n === at.value}
            tabIndex={n === at.value ? 0 : -1}
            onClick={() => (at.value = n)}
          >
            {name}
          </button>
        ))}
      </div>
      {names.map((name, n) => (
        <div
          key={n}
          class="panel"
          role="tabpanel"
          id={`${id}-panel-${n}`}
          aria-labelledby={`${id}-tab-${n}`}
          hidden={n !== at.value}
        >
          {tabs[name]}
        </div>
      ))}
    </div>
  );
}
