import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { api, ask, told, type Schemas } from "../../api/client";
import { Notice } from "../../components/Notice";
import { Spinner } from "../../components/Spinner";
import { Sources } from "../../live/sources";
import { session } from "../../session";
import { titleOf } from "../../words";
import { Ended } from "../watch/Ended";
import { Live } from "./Live";
import { recall, remember } from "./memory";
import { Setup } from "./Setup";
import "./studio.css";

type Started = Schemas["Started"];
type Mine = Schemas["ActiveStream"];

/** Where a host goes live, and where a reload goes on with what is live. */
export default function Studio() {
  const me = session.value?.userId ?? "";
  const sources = useMemo(() => new Sources(recall()), []);
  const byEncoder = useSignal(recall().byEncoder);
  const mine = useSignal<Mine | null | undefined>(undefined);
  const defaults = useSignal<Schemas["StartDefaults"] | undefined>(undefined);
  const started = useSignal<Started | undefined>(undefined);
  const over = useSignal<{ stream: string; reason: string } | undefined>(undefined);
  const problem = useSignal("");

  useEffect(() => {
    document.title = "Studio · livectl";
    void import("livekit-client"); // while one looks around
    void look();
    void askDefaults();
    return () => sources.close();
  }, []);

  useSignalEffect(() => {
    const { isHidden, isMuted } = sources;
    remember({ isHidden: isHidden.value, isMuted: isMuted.value, byEncoder: byEncoder.value });
  });

  const isOver = over.value !== undefined;
  const isSetUp = mine.value !== undefined;
  useEffect(() => {
    if (!isSetUp || isOver || byEncoder.value) sources.close();
    else void sources.open();
  }, [isSetUp, isOver, byEncoder.value]);

  async function look(): Promise<void> {
    try {
      const query = { owner: me };
      const found = (await ask(api.GET("/api/live/active", { params: { query } }))).items[0];
      if (found && found.streamId === recall().stream) await goOn(found.streamId);
      mine.value = found ?? null;
    } catch (error) {
      problem.value = told(error);
    }
  }

  /** Only a start needs them: nothing that is live waits for them, or ends without. */
  async function askDefaults(): Promise<void> {
    try {
      defaults.value = await ask(api.GET("/api/live/start"));
    } catch (error) {
      problem.value = told(error);
    }
  }

  function tryAgain(): void {
    problem.value = "";
    if (mine.value === undefined) void look();
    if (!defaults.value) void askDefaults();
  }

  async function goOn(stream: string): Promise<void> {
    begin(await ask(api.POST("/api/live/{id}/token", { params: { path: { id: stream } } })));
  }

  function begin(with_: Started): void {
    remember({ stream: with_.streamId });
    started.value = with_;
  }

  function end(reason: string): void {
    over.value = { stream: started.value?.streamId ?? "", reason };
    started.value = undefined;
    mine.value = null;
    remember({ stream: "" });
  }

  if (over.value) {
    return (
      <Ended stream={over.value.stream} reason={over.value.reason}>
        <button type="button" class="main" onClick={() => (over.value = undefined)}>
          Go live again
        </button>
      </Ended>
    );
  }
  if (started.value) {
    return (
      <Live
        key={started.value.streamId}
        started={started.value}
        sources={sources}
        byEncoder={byEncoder}
        onOver={end}
      />
    );
  }
  if (problem.value) {
    return (
      <Notice kind="bad">
        {problem.value}{" "}
        <button type="button" onClick={tryAgain}>
          Try again
        </button>
      </Notice>
    );
  }
  if (mine.value === undefined || !defaults.value) return <Spinner label="Opening the studio" />;
  return (
    <Setup
      sources={sources}
      byEncoder={byEncoder}
      defaults={defaults.value}
      onStart={begin}
    >
      {mine.value && <GoOn stream={mine.value} onGoOn={goOn} />}
    </Setup>
  );
}

interface GoOnProps {
  stream: Mine;
  onGoOn: (stream: string) => Promise<void>;
}

/** One's stream is live, but not from this tab. */
function GoOn({ stream, onGoOn }: GoOnProps) {
  const problem = useSignal("");
  return (
    <div class="go-on" role="status">
      <p>
        You are live with <bdi>{titleOf(stream)}</bdi>, from another window or device.
      </p>
      <button
        type="button"
        class="main"
        onClick={() => void onGoOn(stream.streamId).catch((error) => (problem.value = told(error)))}
      >
        Go on with it here
      </button>
      {problem.value && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
    </div>
  );
}
