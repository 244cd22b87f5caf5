import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { told } from "../../api/client";
import { GIFTS } from "../../live/entries";
import type { ChatRoom } from "../../live/room";
import { characters, clock } from "../../words";
import { Dialog } from "../Dialog";
import { Field } from "../Field";
import { Icon } from "../Icon";
import { toast } from "../toast";

const MOST = 1000;
const COUNT_FROM = 800;
const REACTIONS = ["❤️", "👏", "😂", "🔥", "😮", "👍"];

/** Where one writes; it says what the rules of the room are before they are broken. */
export function Composer({ room }: { room: ChatRoom }) {
  const text = useSignal("");
  const problem = useSignal("");
  const gives = useSignal(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const left = useSecondsLeft(room);
  const length = characters(text.value.trim());
  const isHere = room.connection.value === "here";
  const isFrozen = room.rules.value.frozen && !room.isStaff.value;
  const may = isHere && !isFrozen && left === 0 && length > 0 && length <= MOST;

  async function send(event?: Event): Promise<void> {
    event?.preventDefault();
    if (!may) return;
    const content = text.value;
    text.value = "";
    problem.value = "";
    try {
      await room.say(content);
    } catch (error) {
      // Unless something new has been written meanwhile, it can be sent again.
      text.value ||= content;
      problem.value = told(error);
    }
    field.current?.focus();
  }

  async function react(emoji: string): Promise<void> {
    try {
      await room.react(emoji);
    } catch (error) {
      toast(told(error), "bad");
    }
  }

  return (
    <>
    <form class="composer" onSubmit={send}>
      <p class="rules" role="status">
        {ruleOf(room, left)}
      </p>
      {problem.value && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      <div class="write">
        <textarea
          ref={field}
          rows={1}
          aria-label="Message"
          placeholder={isFrozen ? "The chat is frozen" : "Say something"}
          disabled={isFrozen}
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
            problem.value = "";
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter" && !event.shiftKey && !event.isComposing) void send(event);
          }}
        />
        <button class="main" disabled={!may}>
          {left > 0 ? clock(left) : <Icon name="send" label="Send" />}
        </button>
      </div>
      <div class="extras">
        <div role="group" aria-label="Reactions">
          {REACTIONS.map((emoji) => (
            <button
              key={emoji}
              type="button"
              class="bare reaction"
              aria-label={`React with ${emoji}`}
              disabled={!isHere}
              onClick={() => void react(emoji)}
            >
              {emoji}
            </button>
          ))}
        </div>
        {length >= COUNT_FROM && (
          <span class={length > MOST ? "count over" : "count"}>
            {length}/{MOST}
          </span>
        )}
        <button type="button" class="bare" disabled={!isHere} onClick={() => (gives.value = true)}>
          <Icon name="gift" /> Gift
        </button>
      </div>
    </form>
    {gives.value && <Give room={room} onClose={() => (gives.value = false)} />}
    </>
  );
}

function ruleOf(room: ChatRoom, left: number): string {
  const { slowSeconds, frozen, linksOff, allowedOnly } = room.rules.value;
  if (room.connection.value === "reconnecting") return "The chat is reconnecting…";
  if (left > 0 && room.wait.value?.code === "timed_out")
    return `You were timed out here, for ${clock(left)} more.`;
  if (left > 0 && room.wait.value?.code === "too_many_requests")
    return "That was a lot at once: a short break.";
  if (room.isStaff.value) return "";
  if (frozen) return "The chat is frozen for now.";
  if (allowedOnly) return "Only those on the host’s list may write here.";
  const said = [];
  if (slowSeconds) said.push(`Slow mode: one message in ${slowSeconds} s.`);
  if (linksOff) said.push("No links here.");
  return said.join(" ");
}

/** Whole seconds until one may send again. */
function useSecondsLeft(room: ChatRoom): number {
  const until = room.wait.value?.until ?? 0;
  const left = useSignal(0);
  useEffect(() => {
    const look = () => (left.value = Math.max(0, Math.ceil((until - Date.now()) / 1000)));
    look();
    const timer = setInterval(look, 250);
    return () => clearInterval(timer);
  }, [until]);
  return left.value;
}

function Give({ room, onClose }: { room: ChatRoom; onClose: () => void }) {
  const problem = useSignal("");
  const busy = useSignal(false);

  async function give(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const gift = GIFTS.find((one) => one.type === form.get("gift"));
    if (!gift) return;
    busy.value = true;
    try {
      await room.give(gift.type, gift.value, String(form.get("message")).trim());
      onClose();
    } catch (error) {
      problem.value = told(error);
      busy.value = false;
    }
  }

  return (
    <Dialog title="Give a gift" onClose={onClose}>
      <form class="give" onSubmit={give}>
        <fieldset>
          <legend class="hidden">Which</legend>
          {GIFTS.map((gift, at) => (
            <label key={gift.type}>
              <input type="radio" name="gift" value={gift.type} defaultChecked={at === 0} />
              <span class="picture" aria-hidden="true">
                {gift.picture}
              </span>
              <span>{gift.name}</span>
              <span class="value">{gift.value}</span>
            </label>
          ))}
        </fieldset>
        <Field label="A word with it">
          {(id) => <input id={id} name="message" maxLength={200} autocomplete="off" />}
        </Field>
        {problem.value && (
          <p class="problem" role="alert">
            {problem.value}
          </p>
        )}
        <button class="main" disabled={busy.value}>
          Give
        </button>
      </form>
    </Dialog>
  );
}
