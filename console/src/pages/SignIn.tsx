import { useSignal } from "@preact/signals";
import { told } from "../api/client";
import { Field } from "../components/Field";
import { signIn } from "../session";
import "./sign-in.css";

/** A token that somebody was given becomes a session; it is not kept in the page. */
export function SignIn() {
  const problem = useSignal("");
  const busy = useSignal(false);

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
      <button class="main" disabled={busy.value}>
        Sign in
      </button>
    </form>
  );
}
