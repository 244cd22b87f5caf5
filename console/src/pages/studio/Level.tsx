import type { LocalAudioTrack } from "livekit-client";
import { useEffect, useRef } from "preact/hooks";

const EVERY_MS = 80;

/** How loud it is: one sees that one is heard. Decoration: it is not read out. */
export function Level({ track }: { track: LocalAudioTrack }) {
  const bar = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    let end = () => {};
    let gone = false;
    void import("livekit-client").then(({ createAudioAnalyser }) => {
      if (gone) return;
      const { calculateVolume, cleanup } = createAudioAnalyser(track, { cloneTrack: true });
      const timer = setInterval(() => {
        if (bar.current) bar.current.style.transform = `scaleX(${Math.min(1, calculateVolume())})`;
      }, EVERY_MS);
      end = () => {
        clearInterval(timer);
        void cleanup();
      };
    });
    return () => {
      gone = true;
      end();
    };
  }, [track]);
  return (
    <span class="level" aria-hidden="true">
      <span ref={bar} />
    </span>
  );
}
