import { useId } from "preact/hooks";
import { Icon } from "../../components/Icon";
import type { Sources } from "../../live/sources";
import { Level } from "./Level";
import { remember } from "./memory";

/** Camera, microphone and screen: on, off, and which. */
export function Controls({ sources }: { sources: Sources }) {
  const { isHidden, isMuted, screen, camera, microphone, problem } = sources;
  const isShared = screen.value.length > 0;
  return (
    <div class="controls" role="group" aria-label="Camera, microphone and screen">
      <div class="control">
        <button
          type="button"
          class={isHidden.value ? "off" : ""}
          aria-pressed={isHidden.value}
          aria-label="Hide the camera"
          title={isHidden.value ? "Show the camera" : "Hide the camera"}
          onClick={() => void sources.hide(!isHidden.value)}
        >
          <Icon name={isHidden.value ? "camera-off" : "camera"} />
        </button>
        <Devices
          kind="videoinput"
          label="Camera"
          sources={sources}
          current={camera.value?.mediaStreamTrack.getSettings().deviceId}
          onChoose={(id) => {
            remember({ camera: id });
            void sources.chooseCamera(id);
          }}
        />
      </div>
      <div class="control">
        <button
          type="button"
          class={isMuted.value ? "off" : ""}
          aria-pressed={isMuted.value}
          aria-label="Mute the microphone"
          title={isMuted.value ? "Unmute the microphone" : "Mute the microphone"}
          onClick={() => void sources.mute(!isMuted.value)}
        >
          <Icon name={isMuted.value ? "mic-off" : "mic"} />
        </button>
        <Devices
          kind="audioinput"
          label="Microphone"
          sources={sources}
          current={microphone.value?.mediaStreamTrack.getSettings().deviceId}
          onChoose={(id) => {
            remember({ microphone: id });
            void sources.chooseMicrophone(id);
          }}
        />
        {microphone.value && !isMuted.value && <Level track={microphone.value} />}
      </div>
      {"getDisplayMedia" in (navigator.mediaDevices ?? {}) && (
        <button
          type="button"
          onClick={() => (isShared ? sources.endScreen() : void sources.shareScreen())}
        >
          <Icon name="screen" /> {isShared ? "Stop sharing" : "Share a screen"}
        </button>
      )}
      {problem.value && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
    </div>
  );
}

interface DevicesProps {
  kind: MediaDeviceKind;
  label: string;
  sources: Sources;
  current: string | undefined;
  onChoose: (id: string) => void;
}

function Devices({ kind, label, sources, current, onChoose }: DevicesProps) {
  const id = useId();
  const all = sources.devices.value.filter((one) => one.kind === kind && one.deviceId);
  return (
    <>
      <label class="hidden" for={id}>
        {label}
      </label>
      <select
        id={id}
        disabled={all.length === 0}
        value={current}
        onChange={(event) => onChoose(event.currentTarget.value)}
      >
        {all.length === 0 && <option>No {label.toLowerCase()}</option>}
        {all.map((one, at) => (
          <option key={one.deviceId} value={one.deviceId}>
            {one.label || `${label} ${at + 1}`}
          </option>
        ))}
      </select>
    </>
  );
}
