import type { ComponentChildren } from "preact";
import "./notice.css";

interface Props {
  kind?: "plain" | "good" | "bad";
  children: ComponentChildren;
}

/** Something to know; what is bad is read out at once. */
export function Notice({ kind = "plain", children }: Props) {
  return (
    <div class={`notice ${kind}`} role={kind === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}
