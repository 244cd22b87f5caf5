import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { hueOf } from "../words";
import "./poster.css";

interface Props {
  cover: string | null | undefined;
  /** What goes where there is no cover: the picture of a replay, which each answer links to anew. */
  still?: string | null;
  /** Whose colour and letter stand in where neither can be shown. */
  name: string;
}

/** A stream's cover. */
export function Poster({ cover, still, name }: Props) {
  const failed = useSignal<string[]>([]);
  // Under a new link the same picture would be loaded again.
  const link = useRef(still);
  const isFailed = failed.value.includes(link.current ?? "");
  if (isFailed || addressOf(link.current) !== addressOf(still)) link.current = still;

  const shown = [cover, link.current].find((one) => one && !failed.value.includes(one));
  if (shown) {
    return (
      <img
        class="poster"
        src={shown}
        alt=""
        loading="lazy"
        referrerpolicy="no-referrer"
        onError={() => (failed.value = [...failed.value, shown])}
      />
    );
  }
  const letter = [...name.trim()][0]?.toUpperCase() ?? "";
  return (
    <div class="poster drawn" style={{ "--hue": String(hueOf(name)) }} aria-hidden="true">
      {letter}
    </div>
  );
}

/** Of a link without its signature. */
function addressOf(link: string | null | undefined): string | undefined {
  return link?.split("?")[0];
}
