// Between tries of something that failed.
import { pauseBefore } from "./live/ticket";

/** Longer with each try in vain, but over at once when the browser is online again. */
export function pause(tries: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, pauseBefore(tries));
    addEventListener("online", end);

    function end(): void {
      clearTimeout(timer);
      removeEventListener("online", end);
      resolve();
    }
  });
}
