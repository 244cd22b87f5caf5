import { useSignal } from "@preact/signals";
import { api, ask, told, type Schemas } from "../../api/client";
import { Dialog } from "../../components/Dialog";
import { toast } from "../../components/toast";
import { ago, count } from "../../words";
import { useAsked } from "./asking";
import { Choices } from "./Choices";
import { DoOnce } from "./DoOnce";
import { Loaded } from "./Loaded";

type Webhook = Schemas["WebhookView"];
type Whole = Schemas["WebhookWithBody"];

const EVERY_S = 5;
const WHICH = { all: "All", parked: "Failed", pending: "Waiting", done: "Handled" };
const STATUS: Record<string, string> = { parked: "failed", pending: "waiting", done: "handled" };

export function Webhooks() {
  const which = useSignal<keyof typeof WHICH>("all");
  const opened = useSignal<Whole | undefined>(undefined);
  const asked = useAsked(EVERY_S, () => look(which.value), [which.value]);

  async function replay(body: Schemas["ReplayWebhooks"]): Promise<void> {
    const { queued } = await ask(api.POST("/api/webhooks/replay", { body }));
    toast(`${count(queued, "webhook")} will be handled again.`);
    await asked.again();
  }

  async function open(id: string): Promise<void> {
    const params = { path: { webhook_id: id } };
    try {
      opened.value = await ask(api.GET("/api/webhooks/{webhook_id}", { params }));
    } catch (error) {
      toast(told(error), "bad");
    }
  }

  return (
    <>
      <Choices label="Which webhooks" choices={WHICH} chosen={which} />
      <Loaded asked={asked}>
        {({ items, pending, parked, oldest }) => (
          <>
            <div class="tools">
              <p role="status">
                {pending ? `${count(pending, "waits", "wait")}` : "None waits"}
                {oldest && `, the oldest came ${ago(oldest)}`}; {parked || "none"} failed.
              </p>
              {parked > 0 && (
                <DoOnce act={() => replay({ failed: true })}>Try all failed again</DoOnce>
              )}
            </div>
            {items.length === 0 ? (
              <p class="none">There are none.</p>
            ) : (
              <Table webhooks={items} onOpen={open} onReplay={(id) => replay({ ids: [id] })} />
            )}
          </>
        )}
      </Loaded>
      {opened.value && (
        <Dialog title={opened.value.type} onClose={() => (opened.value = undefined)}>
          {opened.value.error && <p class="problem">{opened.value.error}</p>}
          <pre tabIndex={0}>{JSON.stringify(opened.value.body, null, 2)}</pre>
        </Dialog>
      )}
    </>
  );
}

async function look(which: keyof typeof WHICH): Promise<Schemas["WebhookPage"]> {
  const query = { limit: 200, ...(which === "all" ? {} : { status: which }) };
  return ask(api.GET("/api/webhooks", { params: { query } }));
}

interface TableProps {
  webhooks: Webhook[];
  onOpen: (id: string) => void;
  onReplay: (id: string) => Promise<void>;
}

function Table({ webhooks, onOpen, onReplay }: TableProps) {
  return (
    <table class="list">
      <thead>
        <tr>
          <th scope="col">Event</th>
          <th scope="col">Came</th>
          <th scope="col">State</th>
          <th scope="col" class="number">
            Tries
          </th>
          <th scope="col">
            <span class="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {webhooks.map((one) => (
          <tr key={one.id}>
            <th scope="row">
              <button type="button" class="link" onClick={() => onOpen(one.id)}>
                {one.type}
              </button>
              {one.room && <code>{one.room}</code>}
            </th>
            <td data-label="Came">{ago(one.receivedAt)}</td>
            <td data-label="State">
              <span class={one.status === "parked" ? "bad" : undefined}>
                {STATUS[one.status] ?? one.status}
              </span>
              {one.error && <small> {one.error}</small>}
            </td>
            <td data-label="Tries" class="number">
              {one.attempts}
            </td>
            <td class="acts">
              <DoOnce
                act={() => onReplay(one.id)}
                kind={one.status === "parked" ? undefined : "bare"}
                label={`Handle ${one.type} again`}
              >
                Again
              </DoOnce>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
