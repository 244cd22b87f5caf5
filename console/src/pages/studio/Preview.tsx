import type { RemoteTrack, LocalTrack } from "livekit-client";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../../components/Icon";
import type { Sources } from "../../live/sources";

interface Props {
  sources: Sources;
  byEncoder: boolean;
  encoder: RemoteTrack | undefined;
  /** What floats over it. */
  children?: ComponentChildren;
}

/** What viewers see; one's own camera as in a mirror. */
export function Preview({ sources, byEncoder, encoder, children }: Props) {
  const camera = sources.isHidden.value ? undefined : sources.camera.value;
  const screen = sources.screenPicture.value;
  const large = screen ?? camera ?? encoder;
  return (
    <div class="preview">
      {large ? (
        <Picture track={large} isMirrored={large === camera} label="What viewers see" />
      ) : (
        <p class="nothing">
          <Icon name={byEncoder ? "plug" : "camera-off"} />
          {byEncoder ? "Nothing comes from your encoder yet." : "Your camera is off."}
        </p>
      )}
      {screen && camera && <Picture track={camera} isMirrored label="Your camera" isSmall />}
      {children}
    </div>
  );
}

interface PictureProps {
  track: LocalTrack | RemoteTrack;
  label: string;
  isMirrored: boolean;
  isSmall?: boolean;
}

function Picture({ track, label, isMirrored, isSmall }: PictureProps) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (!element) return;
    track.attach(element);
    return () => void track.detach(element);
  }, [track]);
  const kind = `${isSmall ? "small" : "large"}${isMirrored ? " mirrored" : ""}`;
  return <video ref={video} class={kind} autoplay muted playsInline aria-label={label} />;
}
