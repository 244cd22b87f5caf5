import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, ask, told } from "../api/client";
import { Field } from "../components/Field";
import { signIn } from "../session";
import "./sign-in.css";

/** Why one comes back from the identity provider without having signed in. */
const FAILED: Record<string, string> = {
  refused: "You were not signed in there.",
  late: "That took too long, or was begun in another window. Please try again.",
  away: "The sign-in service does not answer as it should. Please try again later.",
};

/** A token that somebody was given becomes a session; it is not kept in the page. */
export function SignIn() {
  const problem = useSignal("");
  const busy = useSignal(false);
  const provider = useSignal<string | null>(null);

  useEffect(() => {
    const failed = new URLSearchParams(location.hash.slice(1)).get("failed");
    if (failed) {
      problem.value = FAILED[failed] ?? "";
      history.replaceState(history.state, "", location.pathname);
    }
    ask(api.GET("/api/session/ways")).then(
      (ways) => (provider.value = ways.provider),
      () => {}, // the token is a way without it
    );
  }, []);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const token = String(new FormData(form).get("token")).trim();
    busy.value = true;
    problem.value = "";
    try {
      await signIn({ token: token.replace(/^Bearer\s+/i, "") });
    } catch (error) {
      problem.value = told(error);
      busy.value = false;
    }
  }

  return (
    <form class="sign-in" onSubmit={submit}>
      <h1>Sign in</h1>
      {provider.value && (
        <>
          <a class="button main" href={`/auth/login?next=${encodeURIComponent(next())}`}>
            Sign in with {provider.value}
          </a>
          <p class="or">or with a token</p>
        </>
      )}
      <Field
        label="Bearer token"
        help="livectl dev prints one for each role; livectl tokens issue makes them."
      >
        {(id, help) => (
          <input
            id={id}
            name="token"
            type="password"
            autocomplete="off"
            spellcheck={false}
            required
            aria-describedby={help}
          />
        )}
      </Field>
      {problem.value && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      <button class={provider.value ? undefined : "main"} disabled={busy.value}>
        Sign in
      </button>
    </form>
  );
}

/** The page to go on with. */
function next(): string {
  return location.pathname === "/sign-in" ? "/" : location.pathname;
}
