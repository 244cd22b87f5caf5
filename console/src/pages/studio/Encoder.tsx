import { useSignal, type Signal } from "@preact/signals";
import { api, ApiError, ask, told, type Schemas } from "../../api/client";
import { Dialog } from "../../components/Dialog";
import { Field } from "../../components/Field";
import { Icon } from "../../components/Icon";
import { toast } from "../../components/toast";

type Ingress = Schemas["IngressOfStream"];
type Protocol = "rtmp" | "whip";

interface Props {
  stream: string;
  byEncoder: Signal<boolean>;
}

/** What an encoder needs, whose key is hidden until it is asked for. */
export function Encoder({ stream, byEncoder }: Props) {
  const isOpen = useSignal(false);
  return (
    <>
      <button type="button" onClick={() => (isOpen.value = true)}>
        <Icon name="plug" /> Use an encoder
      </button>
      {isOpen.value && (
        <Dialog title="Use an encoder" onClose={() => (isOpen.value = false)}>
          <Settings stream={stream} />
          <label class="switch">
            <input
              type="checkbox"
              checked={byEncoder.value}
              onChange={(event) => (byEncoder.value = event.currentTarget.checked)}
            />
            <span>
              Only the encoder sends <small>Camera and microphone of this browser are off.</small>
            </span>
          </label>
        </Dialog>
      )}
    </>
  );
}

function Settings({ stream }: { stream: string }) {
  const protocol = useSignal<Protocol | undefined>(undefined);
  const found = useSignal<Ingress | undefined>(undefined);
  const problem = useSignal("");
  const params = { path: { id: stream } };
  const other = useSignal(false);

  async function trying(get: () => Promise<Ingress>): Promise<void> {
    problem.value = "";
    other.value = false;
    try {
      found.value = await get();
    } catch (error) {
      found.value = undefined;
      other.value = error instanceof ApiError && error.status === 409;
      problem.value = told(error);
    }
  }

  function make(type: Protocol | undefined): Promise<Ingress> {
    return ask(api.POST("/api/live/{id}/ingress", { params, body: { type } }));
  }

  function choose(chosen: Protocol): void {
    protocol.value = chosen;
    void trying(() => make(chosen));
  }

  async function replace(): Promise<Ingress> {
    await ask(api.DELETE("/api/live/{id}/ingress", { params }));
    return make(protocol.value);
  }

  function rotate(): Promise<Ingress> {
    return ask(api.POST("/api/live/{id}/ingress/rotate", { params, body: {} }));
  }

  const url = found.value?.whipUrl ?? found.value?.rtmpUrl;
  return (
    <>
      <div class="protocols" role="group" aria-label="How it sends">
        <button
          type="button"
          aria-pressed={protocol.value === "rtmp"}
          onClick={() => choose("rtmp")}
        >
          RTMP <small>OBS, vMix, Larix</small>
        </button>
        <button
          type="button"
          aria-pressed={protocol.value === "whip"}
          onClick={() => choose("whip")}
        >
          WHIP <small>OBS 30 and later, sooner seen</small>
        </button>
      </div>
      {problem.value && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      {other.value && (
        <button type="button" class="danger" onClick={() => void trying(replace)}>
          End the other key and make this one
        </button>
      )}
      {found.value && url && (
        <>
          {found.value.warning && <p class="limit">{found.value.warning}</p>}
          <Copied label="Server" value={url} />
          <Copied
            key={found.value.streamKey}
            label={found.value.whipUrl ? "Bearer token" : "Stream key"}
            value={found.value.streamKey}
            isSecret
          />
          <p class="advice">
            Whoever has the key can send into your stream.{" "}
            <button type="button" onClick={() => void trying(rotate)}>
              Make a new key
            </button>
          </p>
        </>
      )}
    </>
  );
}

interface CopiedProps {
  label: string;
  value: string;
  isSecret?: boolean;
}

function Copied({ label, value, isSecret }: CopiedProps) {
  const isShown = useSignal(!isSecret);

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(value);
      toast(`${label}: copied.`);
    } catch {
      toast("The browser does not allow it: select it and copy it.", "bad");
    }
  }

  return (
    <div class="copied">
      <Field label={label}>
        {(id) => (
          <input
            id={id}
            readOnly
            type={isShown.value ? "text" : "password"}
            autocomplete="off"
            value={value}
          />
        )}
      </Field>
      {isSecret && (
        <button
          type="button"
          aria-pressed={isShown.value}
          onClick={() => (isShown.value = !isShown.value)}
        >
          <Icon name="eye" label={`Show: ${label}`} />
        </button>
      )}
      <button type="button" onClick={() => void copy()}>
        <Icon name="copy" label={`Copy: ${label}`} />
      </button>
    </div>
  );
}
