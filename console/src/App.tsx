import { effect, signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { Header } from "./components/Header";
import { lazy } from "./components/lazy";
import { Notice } from "./components/Notice";
import { Toasts } from "./components/toast";
import { Browse } from "./pages/browse/Browse";
import { SignIn } from "./pages/SignIn";
import { askEarly } from "./pages/watch/invitation";
import { go, place, type Place } from "./router";
import { openSession, session } from "./session";

const Watch = lazy(() => {
  // Beside the page, which would only come to it when it is loaded itself; where this fails, the
  // player tries again and tells.
  import("livekit-client").catch(() => {});
  return import("./pages/watch/Watch");
});
const Replay = lazy(() => import("./pages/replay/Replay"));
const Studio = lazy(() => import("./pages/studio/Studio"));
const Ops = lazy(() => import("./pages/ops/Ops"));
const LATER: Partial<Record<Place["page"], { load: () => Promise<unknown> }>> = {
  watch: Watch,
  replay: Replay,
  studio: Studio,
  ops: Ops,
};

const problem = signal("");

/** All that the first page needs is asked for at once, and before anything is painted. */
export function begin(): void {
  const first = place.peek();
  // Whoever comes by a code is nobody yet.
  if (first.page === "watch" && !location.hash) askEarly(first.stream);
  void openSession((what) => (problem.value = what));
  // A code that was no good is of no matter to whoever has come in another way.
  effect(() => {
    if (session.value) problem.value = "";
  });
  // Where it fails, the page itself will say so.
  LATER[first.page]?.load().catch(() => {});
}

export function App() {
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        {problem.value && <Notice kind="bad">{problem.value}</Notice>}
        {session.value === undefined ? null : <Page at={place.value} />}
      </main>
      <Toasts />
    </>
  );
}

function Page({ at }: { at: Place }) {
  switch (at.page) {
    case "browse":
      return <Browse />;
    case "sign-in":
      return session.value ? <SignedInAlready /> : <SignIn />;
    case "watch":
      return (
        <SignedIn>
          <Watch key={at.stream} stream={at.stream} />
        </SignedIn>
      );
    case "replay":
      return (
        <SignedIn>
          <Replay key={at.stream} stream={at.stream} />
        </SignedIn>
      );
    case "studio":
      return (
        <SignedIn>
          <Studio />
        </SignedIn>
      );
    case "ops":
      return (
        <SignedIn>
          {session.value?.administrator ? (
            <Ops part={at.part} />
          ) : (
            <Notice kind="bad">This page is for administrators.</Notice>
          )}
        </SignedIn>
      );
    case "nowhere":
      return (
        <Notice>
          There is nothing at this address. <a href="/">See who is live</a>.
        </Notice>
      );
  }
}

function SignedInAlready() {
  useEffect(() => go("/"), []);
  return null;
}

/** Its children, or else the way in. */
function SignedIn({ children }: { children: ComponentChildren }) {
  return session.value ? <>{children}</> : <SignIn />;
}
