// Who is signed in. The session itself is a cookie that no script can read; what is kept here is
// gone with the page.
import { signal } from "@preact/signals";
import { api, ask, ApiError, type Schemas } from "./api/client";

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
 * first. Returns what was wrong with the code. */
export async function openSession(): Promise<string | undefined> {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code) {
    // Out of the address at once, so that it is in no history and no screenshot.
    history.replaceState(history.state, "", location.pathname + location.search);
    try {
      await signIn({ code });
      return undefined;
    } catch (error) {
      await recallSession();
      return session.peek() ? undefined : message(error);
    }
  }
  await recallSession();
  return undefined;
}

async function recallSession(): Promise<void> {
  try {
    session.value = await ask(api.GET("/api/session"));
  } catch (error) {
    session.value = null;
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
  }
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
