import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import "./field.css";

interface Props {
  label: string;
  help?: string;
  /** Gets the id for its control, and that of the help. */
  children: (id: string, helpId: string | undefined) => ComponentChildren;
}

/** A control with its name above it. */
export function Field({ label, help, children }: Props) {
  const id = useId();
  const helpId = help ? `${id}-help` : undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id, helpId)}
      {help && <small id={helpId}>{help}</small>}
    </div>
  );
}
