import { useSignal } from "@preact/signals";
import { hueOf } from "../words";
import "./poster.css";

interface Props {
  cover: string | null | undefined;
  /** Whose colour and letter stand in for a cover that is not there. */
  name: string;
}

/** A stream's cover. */
export function Poster({ cover, name }: Props) {
  const failed = useSignal("");
  if (cover && failed.value !== cover) {
    return (
      <img
        class="poster"
        src={cover}
        alt=""
        loading="lazy"
        referrerpolicy="no-referrer"
        onError={() => (failed.value = cover)}
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
