// Who is signed in. The session itself is a cookie that no script can read; what is kept here is
// gone with the page.
import { signal } from "@preact/signals";
import { api, ask, ApiError, told, type Schemas } from "./api/client";
import { pause } from "./pause";

export type Session = Schemas["SignedIn"];

/** undefined while it is not known, null when nobody is signed in. */
export const session = signal<Session | null | undefined>(undefined);

export function csrf(): string {
  return session.peek()?.csrf ?? "";
}

export function forgetSession(): void {
  session.value = null;
}

/** Who is signed in by the cookie that an earlier visit left; a one-time code in the address goes
 * first. `tell` is called with what is wrong, in a sentence; "" when it is over. */
export async function openSession(tell: (problem: string) => void): Promise<void> {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code) {
    // Out of the address at once, so that it is in no history and no screenshot.
    history.replaceState(history.state, "", location.pathname + location.search);
    try {
      await signIn({ code });
    } catch (error) {
      await recallSession(tell);
      if (!session.peek()) tell(message(error));
    }
  } else await recallSession(tell);
}

/** Asks until it is known: somebody who is signed in is not to be sent to sign in by an outage. */
async function recallSession(tell: (problem: string) => void): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      session.value = await ask(api.GET("/api/session"));
      break;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) break; // `ask` has forgotten it
      tell(told(error));
    }
    await pause(tries);
  }
  tell("");
}

export async function signIn(by: { token: string } | { code: string }): Promise<void> {
  session.value = await ask(api.POST("/api/session", { body: by as Schemas["SignIn"] }));
}

export async function signOut(): Promise<void> {
  await ask(api.DELETE("/api/session"));
  session.value = null;
}

function message(error: unknown): string {
  const why = error instanceof ApiError ? error.message : "";
  return `This link does not sign you in any more. ${why}`;
}
