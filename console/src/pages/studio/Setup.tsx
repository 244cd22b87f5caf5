import { useSignal, type Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { api, ApiError, ask, told, type Schemas } from "../../api/client";
import { Field } from "../../components/Field";
import { Poster } from "../../components/Poster";
import type { Sources } from "../../live/sources";
import { session } from "../../session";
import { characters, randomId } from "../../words";
import { Controls } from "./Controls";
import { Preview } from "./Preview";

interface Props {
  sources: Sources;
  byEncoder: Signal<boolean>;
  defaults: Schemas["StartDefaults"];
  onStart: (started: Schemas["Started"]) => void;
  children: ComponentChildren;
}

const TITLE_MAX = 120;
const TAGS_MAX = 10;

/** What one looks at and fills in before going live. */
export function Setup({ sources, byEncoder, defaults, onStart, children }: Props) {
  const title = useSignal("");
  const tags = useSignal("");
  const cover = useSignal("");
  const records = useSignal(defaults.autoRecord);
  const replays = useSignal(true);
  const problem = useSignal("");
  const busy = useSignal(false);
  // The same start, sent again because no answer came, is one stream.
  const sent = useRef({ body: "", key: "" });
  const left = TITLE_MAX - characters(title.value);
  const named = tagsOf(tags.value);

  async function start(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const body = {
      title: title.value.trim(),
      tags: named,
      coverUrl: cover.value.trim() || null,
      autoRecord: records.value,
      enableReplay: replays.value,
    };
    const text = JSON.stringify(body);
    if (sent.current.body !== text) sent.current = { body: text, key: randomId() };
    busy.value = true;
    problem.value = "";
    try {
      const headers = { "Idempotency-Key": sent.current.key };
      onStart(await ask(api.POST("/api/live/start", { body, headers })));
    } catch (error) {
      if (error instanceof ApiError && error.status) sent.current.body = "";
      problem.value = told(error);
      busy.value = false;
    }
  }

  return (
    <div class="studio">
      <div class="desk">
        <Preview sources={sources} byEncoder={byEncoder.value} encoder={undefined} />
        <fieldset class="ways">
          <legend class="hidden">What sends the picture</legend>
          <Way byEncoder={byEncoder} is={false} label="This browser" />
          <Way byEncoder={byEncoder} is={true} label="An encoder (OBS and the like)" />
        </fieldset>
        {!byEncoder.value && <Controls sources={sources} />}
      </div>
      <div class="side">
        {children}
        <form class="setup" onSubmit={start}>
          <h1>Go live</h1>
          <Field label="Title" help={left < 30 ? `${left} characters left` : undefined}>
            {(id, help) => (
              <input
                id={id}
                value={title.value}
                maxLength={TITLE_MAX}
                autocomplete="off"
                placeholder="What is it about?"
                aria-describedby={help}
                onInput={(event) => (title.value = event.currentTarget.value)}
              />
            )}
          </Field>
          <Field label="Tags" help={`Up to ${TAGS_MAX}, with commas between them.`}>
            {(id, help) => (
              <input
                id={id}
                value={tags.value}
                autocomplete="off"
                placeholder="music, talk"
                aria-describedby={help}
                onInput={(event) => (tags.value = event.currentTarget.value)}
              />
            )}
          </Field>
          {named.length > 0 && (
            <ul class="named" aria-label="Tags as they will be">
              {named.map((tag) => (
                <li key={tag}>{tag}</li>
              ))}
            </ul>
          )}
          <div class="covered">
            <Field label="Cover" help="The address of a picture: it is shown in the list.">
              {(id, help) => (
                <input
                  id={id}
                  type="url"
                  pattern="https?://.+"
                  value={cover.value}
                  autocomplete="off"
                  placeholder="https://…"
                  aria-describedby={help}
                  onChange={(event) => (cover.value = event.currentTarget.value)}
                />
              )}
            </Field>
            <div class="small-cover">
              <Poster
                cover={/^https?:\/\/./.test(cover.value) ? cover.value : null}
                name={session.value?.userId ?? ""}
              />
            </div>
          </div>
          <label class="switch">
            <input
              type="checkbox"
              checked={records.value}
              disabled={!defaults.records}
              onChange={(event) => (records.value = event.currentTarget.checked)}
            />
            <span>
              Record it{" "}
              <small>
                {defaults.records
                  ? "From when you are on air. You can also begin and end it while you are live."
                  : "This server does not record."}
              </small>
            </span>
          </label>
          <label class="switch">
            <input
              type="checkbox"
              checked={replays.value}
              onChange={(event) => (replays.value = event.currentTarget.checked)}
            />
            <span>
              Offer the replay <small>What was recorded can be watched when the stream is over.</small>
            </span>
          </label>
          {problem.value && (
            <p class="problem" role="alert">
              {problem.value}
            </p>
          )}
          <button class="main large" disabled={busy.value}>
            Go live
          </button>
        </form>
      </div>
    </div>
  );
}

function Way(props: { byEncoder: Signal<boolean>; is: boolean; label: string }) {
  return (
    <label>
      <input
        type="radio"
        name="way"
        checked={props.byEncoder.value === props.is}
        onChange={() => (props.byEncoder.value = props.is)}
      />
      {props.label}
    </label>
  );
}

function tagsOf(text: string): string[] {
  const tags = text.split(",").map((tag) => tag.trim());
  return [...new Set(tags)].filter(Boolean).slice(0, TAGS_MAX);
}
