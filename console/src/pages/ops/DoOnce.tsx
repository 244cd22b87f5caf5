import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { told } from "../../api/client";
import { toast } from "../../components/toast";

interface Props {
  act: () => Promise<unknown>;
  kind?: string;
  label?: string;
  children: ComponentChildren;
}

/** A button for a call: one at a time, and what goes wrong is said. */
export function DoOnce({ act, kind, label, children }: Props) {
  const busy = useSignal(false);
  async function press(): Promise<void> {
    busy.value = true;
    try {
      await act();
    } catch (error) {
      toast(told(error), "bad");
    }
    busy.value = false;
  }
  return (
    <button type="button" class={kind} aria-label={label} disabled={busy.value} onClick={press}>
      {children}
    </button>
  );
}
