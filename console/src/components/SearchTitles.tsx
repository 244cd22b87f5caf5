import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** How long somebody who types has to rest before it counts. */
const REST_MS = 250;

interface Props {
  /** What is searched for when it is first shown. */
  text?: string;
  onSearch: (text: string) => void;
}

/** A field whose words are searched for while one types. */
export function SearchTitles({ text = "", onSearch }: Props) {
  const typed = useSignal(text);
  useEffect(() => {
    const timer = setTimeout(() => onSearch(typed.value.trim()), REST_MS);
    return () => clearTimeout(timer);
  }, [typed.value]);
  return (
    <input
      type="search"
      aria-label="Search titles"
      placeholder="Search titles"
      maxLength={120}
      value={typed}
      onInput={(event) => (typed.value = event.currentTarget.value)}
    />
  );
}
