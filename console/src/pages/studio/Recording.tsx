import { useSignal } from "@preact/signals";
import { api, ask, told } from "../../api/client";
import { Icon } from "../../components/Icon";
import { toast } from "../../components/toast";
import type { Status } from "./Live";

interface Props {
  stream: string;
  status: Status | undefined;
  onChange: () => void;
}

export function Recording({ stream, status, onChange }: Props) {
  const busy = useSignal(false);
  const params = { path: { id: stream } };
  const isOn = status?.recordingStatus === "recording";

  async function change(): Promise<void> {
    busy.value = true;
    try {
      if (isOn) await ask(api.POST("/api/live/{id}/recording/stop", { params }));
      else await ask(api.POST("/api/live/{id}/recording/start", { params }));
      toast(isOn ? "The recording has ended: it is being stored." : "It is being recorded.");
      onChange();
    } catch (error) {
      toast(told(error), "bad");
    }
    busy.value = false;
  }

  return (
    <>
      <button
        type="button"
        class={isOn ? "recording" : ""}
        disabled={busy.value}
        onClick={() => void change()}
      >
        <Icon name={isOn ? "stop" : "record"} /> {isOn ? "Stop recording" : "Record"}
      </button>
      {status?.recordingStatus === "failed" && (
        <span class="problem" role="alert">
          The recording failed.
        </span>
      )}
    </>
  );
}
