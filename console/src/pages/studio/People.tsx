import { useSignal } from "@preact/signals";
import { api, ask, told, type Schemas } from "../../api/client";
import { Icon } from "../../components/Icon";
import { Menu } from "../../components/Menu";
import { toast } from "../../components/toast";
import { useEvery } from "../../every";
import { count } from "../../words";

type Act = Schemas["Timeout"] | Schemas["Kick"] | Schemas["Block"] | Schemas["Unblock"];

interface Props {
  stream: string;
  people: string[];
}

const TIMEOUT_S = 300;
const SHOWN = 200;
const BLOCKED_EVERY_S = 10;

/** Who watches, who is kept out, and what can be done about it. */
export function People({ stream, people }: Props) {
  const blocked = useSignal<string[]>([]);
  const scope = { streamId: stream };

  async function learn(): Promise<void> {
    const query = { ...scope, kind: "block" } as const;
    try {
      const found = await ask(api.GET("/api/moderation/restrictions", { params: { query } }));
      blocked.value = found.items.map((one) => one.userId);
    } catch {
      // The next time tells.
    }
  }
  // Moderators block, too.
  useEvery(BLOCKED_EVERY_S, learn, [stream]);

  async function act(body: Act, done: string): Promise<void> {
    try {
      await ask(api.POST("/api/moderation", { body }));
      toast(done);
      await learn();
    } catch (error) {
      toast(told(error), "bad");
    }
  }

  const choices = (user: string) => [
    {
      label: "Time out for 5 minutes",
      onChoose: () =>
        act({ act: "timeout", ...scope, userId: user, seconds: TIMEOUT_S }, `${user} is timed out.`),
    },
    {
      label: "Put out (may come back)",
      onChoose: () => act({ act: "kick", ...scope, userId: user }, `${user} was put out.`),
    },
    {
      label: "Block",
      onChoose: () => act({ act: "block", ...scope, userId: user }, `${user} is blocked.`),
    },
  ];

  return (
    <div class="people">
      <h2>Watching</h2>
      {people.length === 0 && <p class="silence">Nobody yet.</p>}
      <ul>
        {people.slice(0, SHOWN).map((user) => (
          <li key={user}>
            <bdi>{user}</bdi>
            <Menu label={`About ${user}`} icon={<Icon name="more" />} choices={choices(user)} />
          </li>
        ))}
      </ul>
      {people.length > SHOWN && (
        <p class="silence">And {count(people.length - SHOWN, "other")}.</p>
      )}
      {blocked.value.length > 0 && (
        <>
          <h2>Blocked</h2>
          <ul>
            {blocked.value.map((user) => (
              <li key={user}>
                <bdi>{user}</bdi>
                <button
                  type="button"
                  class="bare"
                  aria-label={`Let ${user} in again`}
                  onClick={() =>
                    void act({ act: "unblock", ...scope, userId: user }, `${user} may come in.`)
                  }
                >
                  Let in
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
