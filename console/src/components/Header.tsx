import { told } from "../api/client";
import { go, place } from "../router";
import { session, signOut } from "../session";
import { toast } from "./toast";
import "./header.css";

export function Header() {
  const at = place.value.page;
  const who = session.value;
  return (
    <header class="top">
      <a class="home" href="/" aria-label="livectl, who is live">
        <img src="/icon.svg" alt="" width="28" height="28" />
        <span>livectl</span>
      </a>
      <nav aria-label="Main">
        <a href="/" aria-current={at === "browse" ? "page" : undefined}>
          Live
        </a>
        {who && (
          <a href="/studio" aria-current={at === "studio" ? "page" : undefined}>
            Studio
          </a>
        )}
        {who?.administrator && (
          <a href="/ops" aria-current={at === "ops" ? "page" : undefined}>
            Operate
          </a>
        )}
      </nav>
      {who === null && at !== "sign-in" && (
        <a class="button" href="/sign-in">
          Sign in
        </a>
      )}
      {who && (
        <div class="who">
          <span title={who.userId}>{who.userId}</span>
          <button type="button" class="bare" onClick={leave}>
            Sign out
          </button>
        </div>
      )}
    </header>
  );
}

async function leave(): Promise<void> {
  try {
    await signOut();
    go("/");
  } catch (error) {
    toast(told(error), "bad");
  }
}
