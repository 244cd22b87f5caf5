import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import {
  api,
  ask,
  problem as refused,
  reached,
  sentence,
  told,
  whole,
  type Schemas,
} from "../../api/client";
import { Icon } from "../../components/Icon";
import { Notice } from "../../components/Notice";
import { useAsked } from "./asking";
import { Loaded } from "./Loaded";

type Readiness = Schemas["Readiness"];
type Finding = Schemas["Finding"];

const EVERY_S = 5;
const BUCKET_EVERY_S = 15;
const ANSWER_MS = 10_000;
const NAMES: Record<string, string> = {
  livekit: "LiveKit",
  store: "Store",
  redis: "Redis",
  s3: "S3",
  files: "Files",
};
/** Where recordings lie: of what only the doctor asks. */
const BUCKETS = new Set(["s3", "files"]);

/** Whether the parts work; the doctor looks closer, and tells what to do. */
export function Health() {
  const asked = useAsked(EVERY_S, readiness, []);
  const bucket = useAsked(BUCKET_EVERY_S, lookAtBucket, []);
  const findings = useSignal<Finding[] | undefined>(undefined);
  const busy = useSignal(false);
  const problem = useSignal("");

  async function examine(): Promise<void> {
    busy.value = true;
    try {
      findings.value = (await ask(api.GET("/api/doctor"))).checks;
      problem.value = "";
    } catch (error) {
      problem.value = told(error);
    }
    busy.value = false;
  }
  useEffect(() => void examine(), []);

  return (
    <section aria-labelledby="health">
      <div class="tools">
        <h2 id="health">Health</h2>
        <button type="button" disabled={busy.value} onClick={examine}>
          {busy.value ? "Looking…" : "Check everything"}
        </button>
      </div>
      <Loaded asked={asked}>
        {({ checks }) => (
          <ul class="parts">
            {Object.entries(checks).map(([name, one]) => (
              <Part
                key={name}
                name={NAMES[name] ?? name}
                known={!asked.problem.value}
                ok={one.ok}
                said={one.error ?? `${one.ms} ms`}
              />
            ))}
            {bucket.answer.value?.map(({ name, status, detail, remedy }) => (
              <Part
                key={name}
                name={NAMES[name] ?? name}
                known={!bucket.problem.value}
                ok={status === "pass"}
                said={status === "pass" ? detail : whole(detail, remedy)}
              />
            ))}
          </ul>
        )}
      </Loaded>
      {bucket.problem.value && (
        <Notice kind="bad">Whether the bucket works is not known. {bucket.problem.value}</Notice>
      )}
      {problem.value && <Notice kind="bad">{problem.value}</Notice>}
      {findings.value && <Findings findings={findings.value} />}
    </section>
  );
}

interface PartProps {
  name: string;
  /** Whether it could be asked the last time: what was said before that tells nothing now. */
  known: boolean;
  ok: boolean;
  said: string;
}

function Part({ name, known, ok, said }: PartProps) {
  const works = known && ok;
  const label = known ? (ok ? "Works" : "Does not work") : "Not known";
  return (
    <li class={works ? "good" : "bad"}>
      <Icon name={works ? "check" : "close"} label={label} />
      <span>
        {name} <small>{known ? said : "not known"}</small>
      </span>
    </li>
  );
}

function Findings({ findings }: { findings: Finding[] }) {
  const wrong = findings.filter((one) => one.status !== "pass");
  const right = findings.filter((one) => one.status === "pass");
  return (
    <>
      {wrong.map((one) => (
        <Notice key={one.name} kind={one.status === "fail" ? "bad" : "plain"}>
          <strong>{NAMES[one.name] ?? one.name}</strong>: {one.detail}
          {one.remedy && <small class="remedy">{sentence(one.remedy)}</small>}
        </Notice>
      ))}
      <details>
        <summary>{right.length} checks are fine</summary>
        <dl class="checks">
          {right.map((one) => (
            <div key={one.name}>
              <dt>{one.name}</dt>
              <dd>{one.detail}</dd>
            </div>
          ))}
        </dl>
      </details>
    </>
  );
}

/** It answers 503 with the same content when a part is away. */
async function readiness(): Promise<Readiness> {
  const answer = await reached(fetch("/readyz", { signal: soon() }));
  const found: unknown = await answer.json().catch(() => undefined);
  if (typeof found !== "object" || !found || !("checks" in found)) throw refused(found, answer);
  return found as Readiness;
}

async function lookAtBucket(): Promise<Finding[]> {
  const params = { query: { quick: true } };
  const { checks } = await ask(api.GET("/api/doctor", { params, signal: soon() }));
  return checks.filter((one) => BUCKETS.has(one.name));
}

/** Whoever gives no answer for long is not heard: what is shown would grow old meanwhile. */
function soon(): AbortSignal {
  return AbortSignal.timeout(ANSWER_MS);
}
