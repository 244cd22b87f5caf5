// The address bar: `place` is where one is, `go` takes one elsewhere without loading the page anew.
import { computed, signal } from "@preact/signals";

const path = signal(location.pathname);
let hasGoneBack = false;

/** Whether the browser's own buttons have led here, and not a link. */
export function wentBack(): boolean {
  return hasGoneBack;
}

export type Place =
  | { page: "browse" }
  | { page: "sign-in" }
  | { page: "watch"; stream: string }
  | { page: "replay"; stream: string }
  | { page: "studio" }
  | { page: "ops"; part: string }
  | { page: "nowhere" };

export const place = computed<Place>(() => {
  const [first = "", second = "", ...more] = path.value.split("/").slice(1);
  if (more.length) return { page: "nowhere" };
  if (first === "") return { page: "browse" };
  if (first === "s" && second) return { page: "watch", stream: second };
  if (first === "v" && second) return { page: "replay", stream: second };
  if (first === "sign-in" && !second) return { page: "sign-in" };
  if (first === "studio" && !second) return { page: "studio" };
  if (first === "ops") return { page: "ops", part: second };
  return { page: "nowhere" };
});

export function go(to: string): void {
  history.pushState(null, "", to);
  hasGoneBack = false;
  path.value = location.pathname;
  scrollTo(0, 0);
}

addEventListener("popstate", () => {
  hasGoneBack = true;
  path.value = location.pathname;
});

addEventListener("click", (event) => {
  const link = (event.target as Element).closest?.("a");
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
  if (!link || !plain || event.altKey || event.defaultPrevented) return;
  const isPage = link.origin === location.origin && !/^\/(docs|auth)\b/.test(link.pathname);
  if (!isPage || link.target || link.download || link.getAttribute("href")?.startsWith("#")) return;
  event.preventDefault();
  go(link.pathname + link.search);
});
