// A page that is loaded when one goes there, or a moment before.
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { Notice } from "./Notice";
import { Spinner } from "./Spinner";

export function lazy<P extends object>(
  load: () => Promise<{ default: ComponentType<P> }>,
): ComponentType<P> & { load: () => Promise<unknown> } {
  let loaded: ComponentType<P> | undefined;
  function Lazy(props: P) {
    const page = useSignal({ Page: loaded });
    const failed = useSignal(false);
    useEffect(() => {
      load().then(
        (module) => (page.value = { Page: (loaded = module.default) }),
        () => (failed.value = true),
      );
    }, []);
    if (failed.value) {
      return (
        <Notice kind="bad">
          This page could not be loaded.{" "}
          <button type="button" onClick={() => location.reload()}>
            Try again
          </button>
        </Notice>
      );
    }
    const { Page } = page.value;
    return Page ? <Page {...props} /> : <Spinner label="Loading" />;
  }
  return Object.assign(Lazy, { load });
}
