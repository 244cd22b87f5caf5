import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ChatRoom } from "../../live/room";

interface Floating {
  id: number;
  emoji: string;
  /** Where across, in percent. */
  across: number;
}

const AT_ONCE = 30;
const OF_ONE_FLOOD = 8;
const FLOATS_MS = 3200;

/** What people feel, on its way up. Decoration: it is not read out. */
export function Reactions({ room }: { room: ChatRoom }) {
  const floating = useSignal<Floating[]>([]);

  useEffect(() => {
    let last = 0;
    const timers = new Set<ReturnType<typeof setTimeout>>();
    room.onReaction = ({ emoji, count }) => {
      const fresh = Array.from({ length: Math.min(count, OF_ONE_FLOOD) }, () => ({
        id: ++last,
        emoji,
        across: 4 + Math.random() * 30,
      }));
      floating.value = [...floating.peek(), ...fresh].slice(-AT_ONCE);
      const ids = new Set(fresh.map((one) => one.id));
      const timer = setTimeout(() => {
        timers.delete(timer);
        floating.value = floating.peek().filter((one) => !ids.has(one.id));
      }, FLOATS_MS);
      timers.add(timer);
    };
    return () => {
      room.onReaction = () => {};
      timers.forEach(clearTimeout);
    };
  }, [room]);

  return (
    <div class="reactions" aria-hidden="true">
      {floating.value.map((one) => (
        <span key={one.id} style={{ right: `${one.across}%` }}>
          {one.emoji}
        </span>
      ))}
    </div>
  );
}
