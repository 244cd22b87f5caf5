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

/** A call: one at a time, and what goes wrong is said. */
export function useOnce(act: () => Promise<unknown>, say: (wrong: string) => void) {
  const busy = useSignal(false);
  async function run(): Promise<void> {
    busy.value = true;
    try {
      await act();
    } catch (error) {
      say(told(error));
    }
    busy.value = false;
  }
  return { busy, run };
}

/** A button for a call. */
export function DoOnce({ act, kind, label, children }: Props) {
  const { busy, run } = useOnce(act, (wrong) => toast(wrong, "bad"));
  return (
    <button type="button" class={kind} aria-label={label} disabled={busy.value} onClick={run}>
      {children}
    </button>
  );
}
