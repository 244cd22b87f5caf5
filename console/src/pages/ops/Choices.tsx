import type { Signal } from "@preact/signals";

interface Props<K extends string> {
  label: string;
  choices: Record<K, string>;
  chosen: Signal<K>;
}

/** One of a few. */
export function Choices<K extends string>({ label, choices, chosen }: Props<K>) {
  return (
    <div class="one-of" role="group" aria-label={label}>
      {(Object.entries(choices) as [K, string][]).map(([value, words]) => (
        <button
          key={value}
          type="button"
          aria-pressed={chosen.value === value}
          onClick={() => (chosen.value = value)}
        >
          {words}
        </button>
      ))}
    </div>
  );
}
