import { useSignal } from "@preact/signals";
import { ApiError, told } from "../../api/client";
import { record } from "../../api/coming";
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
  const isOn = status?.recordingStatus === "recording";

  async function change(): Promise<void> {
    busy.value = true;
    try {
      await record(stream, isOn ? "stop" : "start");
      toast(isOn ? "The recording has ended: it is being stored." : "It is being recorded.");
      onChange();
    } catch (error) {
      const isMissing = error instanceof ApiError && [404, 405, 503].includes(error.status);
      toast(isMissing ? "This server cannot record yet." : told(error), "bad");
    }
    busy.value = false;
  }

  return (
    <button
      type="button"
      class={isOn ? "recording" : ""}
      disabled={busy.value}
      onClick={() => void change()}
    >
      <Icon name={isOn ? "stop" : "record"} /> {isOn ? "Stop recording" : "Record"}
    </button>
  );
}
