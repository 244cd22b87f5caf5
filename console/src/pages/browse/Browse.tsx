import { useEffect } from "preact/hooks";
import { Icon } from "../../components/Icon";
import { Notice } from "../../components/Notice";
import { SearchTitles } from "../../components/SearchTitles";
import { Spinner } from "../../components/Spinner";
import { useEvery } from "../../every";
import { wentBack } from "../../router";
import { session } from "../../session";
import { count } from "../../words";
import { SignIn } from "../SignIn";
import { LiveCard, ReplayCard } from "./Card";
import {
  hasMore,
  isClosed,
  look,
  lookAtReplays,
  places,
  problem,
  replays,
  showMore,
  startOver,
  streams,
  wanted,
} from "./list";
import "./browse.css";

const EVERY_S = 3;
const REPLAYS_EVERY_S = 30;

/** Who is live, and what can be watched again. */
export function Browse() {
  const { text, tag } = wanted.value;
  const who = session.value;
  useEffect(() => {
    document.title = "Live · livectl";
    if (!wentBack()) startOver();
  }, []);
  useEvery(EVERY_S, look, [text, tag, who]);
  useEvery(REPLAYS_EVERY_S, lookAtReplays, [who]);
  if (isClosed.value) return <SignIn />;
  return (
    <div class="browse">
      <h1 class="hidden">Live streams</h1>
      <Search />
      {problem.value && <Notice kind="bad">{problem.value}</Notice>}
      <Grid />
      {hasMore.value && (
        <button type="button" class="more" onClick={showMore}>
          Show more
        </button>
      )}
      {replays.value.length > 0 && (
        <section aria-labelledby="replays">
          <h2 id="replays">Watch again</h2>
          <ul class="row" tabIndex={0} aria-labelledby="replays">
            {replays.value.map((one) => (
              <ReplayCard key={one.streamId} stream={one} />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function Grid() {
  const { text, tag } = wanted.value;
  const shown = streams.value;
  if (!shown) return problem.value ? null : <Spinner label="Looking who is live" />;
  return (
    <>
      <p class="hidden" role="status">
        {count(shown.length, "live stream")}
      </p>
      {shown.length === 0 && (
        <div class="empty">
          <p>{text || tag ? "Nothing live fits." : "Nobody is live right now."}</p>
          {text || tag ? (
            <button type="button" onClick={() => (wanted.value = { text: "", tag: "" })}>
              Show all
            </button>
          ) : (
            session.value && (
              <a class="button main" href="/studio">
                Go live
              </a>
            )
          )}
        </div>
      )}
      <ul class="grid">
        {places.value?.map(({ stream, isOver }) => (
          <LiveCard key={stream.streamId} stream={stream} isOver={isOver} />
        ))}
      </ul>
    </>
  );
}

function Search() {
  const { tag } = wanted.value;
  function search(text: string): void {
    if (text !== wanted.peek().text) wanted.value = { ...wanted.peek(), text };
  }
  return (
    <div class="search">
      <form role="search" onSubmit={(event) => event.preventDefault()}>
        <Icon name="search" />
        <SearchTitles text={wanted.peek().text} onSearch={search} />
      </form>
      <Tags chosen={tag} />
    </div>
  );
}

function Tags({ chosen }: { chosen: string }) {
  const counted = new Map<string, number>();
  for (const one of streams.value ?? [])
    for (const tag of one.tags) counted.set(tag, (counted.get(tag) ?? 0) + 1);
  const most = [...counted].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  const shown = most.slice(0, 12).map(([tag]) => tag);
  if (chosen && !shown.includes(chosen)) shown.unshift(chosen);
  return (
    <div class="tags" role="group" aria-label="Tags">
      {shown.map((tag) => (
        <button
          key={tag}
          type="button"
          class="tag"
          aria-pressed={tag === chosen}
          onClick={() => (wanted.value = { ...wanted.peek(), tag: tag === chosen ? "" : tag })}
        >
          {tag}
        </button>
      ))}
    </div>
  );
}
