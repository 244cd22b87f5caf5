import { useSignal } from "@preact/signals";
import { api, ask, told, type Schemas } from "../../api/client";
import { toast } from "../../components/toast";
import { ago, count } from "../../words";
import { useAsked } from "./asking";
import { Choices } from "./Choices";
import { DoOnce } from "./DoOnce";
import { Kill, type Ended } from "./Kill";
import { Loaded } from "./Loaded";

type Report = Schemas["ReportView"];

const EVERY_S = 10;
const WHICH = { open: "Open", resolved: "Resolved" };

export function Reports() {
  const which = useSignal<keyof typeof WHICH>("open");
  const asked = useAsked(EVERY_S, () => look(which.value), [which.value]);
  return (
    <>
      <Choices label="Which reports" choices={WHICH} chosen={which} />
      <Loaded asked={asked}>
        {(found) => (
          <>
            <p class="none" role="status">
              {found.length ? count(found.length, "report") : "Nothing to see to here."}
            </p>
            <ul class="reports">
              {found.map((one) => (
                <Card key={one.reportId} report={one} onDone={asked.again} />
              ))}
            </ul>
          </>
        )}
      </Loaded>
    </>
  );
}

async function look(status: "open" | "resolved"): Promise<Report[]> {
  const query = { status, limit: 100 };
  return (await ask(api.GET("/api/reports", { params: { query } }))).items;
}

function Card({ report, onDone }: { report: Report; onDone: () => Promise<void> }) {
  const id = `report-${report.reportId}`;
  return (
    <li class="report-card" aria-labelledby={id}>
      <h2 id={id}>
        <span class="kind">{report.type}</span> {report.reason}
      </h2>
      <p class="facts">
        by {report.reporterId}, {ago(report.at)} · <a href={`/s/${report.streamId}`}>the stream</a>
      </p>
      {report.description && <p class="told">{report.description}</p>}
      <Evidence report={report} />
      {report.status === "open" ? (
        <Acts report={report} onDone={onDone} />
      ) : (
        <p class="facts">
          {report.resolution}, {report.resolvedBy}
          {report.resolvedAt && `, ${ago(report.resolvedAt)}`}
        </p>
      )}
    </li>
  );
}

function Evidence({ report }: { report: Report }) {
  const copied = new Set(report.messages.map((one) => one.id));
  const others = report.evidence.filter((one) => !copied.has(one));
  return (
    <>
      {report.messages.map((one) => (
        <blockquote key={one.id}>
          <cite>{one.userId}</cite> <bdi>{one.content}</bdi>
        </blockquote>
      ))}
      {others.length > 0 && (
        <ul class="evidence" aria-label="More evidence">
          {others.map((one) => (
            <li key={one}>
              <bdi>{one}</bdi>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** One click does it, and says in the report what was done. */
function Acts({ report, onDone }: { report: Report; onDone: () => Promise<void> }) {
  const ending = useSignal<Ending | undefined>(undefined);
  const byPeople = report.messages.filter((one) => one.kind !== "system");
  const authors = [...new Set(byPeople.map((one) => one.userId))];
  const messageIds = report.messages.map((one) => one.id);
  const { streamId, reason } = report;

  async function resolve(resolution: string): Promise<void> {
    const params = { path: { id: report.reportId } };
    await ask(api.POST("/api/reports/{id}/resolve", { params, body: { resolution } }));
    toast(`Resolved: ${resolution}.`);
    await onDone();
  }

  async function act(body: Schemas["Delete"] | Schemas["Block"] | Schemas["Timeout"], said: string) {
    await ask(api.POST("/api/moderation", { body, params: {} }));
    await resolve(said);
  }

  async function resolveEnded({ held }: Ended): Promise<void> {
    try {
      await resolve(held ? "stream ended" : "stream ended, LiveKit has not confirmed it yet");
    } catch (error) {
      toast(told(error), "bad");
    }
  }

  async function open(): Promise<void> {
    ending.value = await ask(api.GET("/api/streams/{id}", { params: { path: { id: streamId } } }));
  }

  return (
    <div class="acts">
      {messageIds.length > 0 && (
        <DoOnce act={() => act({ act: "delete", streamId, messageIds, reason }, "messages deleted")}>
          Delete {messageIds.length === 1 ? "the message" : "the messages"}
        </DoOnce>
      )}
      {authors.map((userId) => (
        <DoOnce
          key={`quiet ${userId}`}
          act={() =>
            act({ act: "timeout", streamId, userId, seconds: 600, reason }, `${userId} timed out`)
          }
        >
          Time out {userId}
        </DoOnce>
      ))}
      {authors.map((userId) => (
        <DoOnce
          key={userId}
          act={() => act({ act: "block", streamId, userId, reason }, `${userId} blocked`)}
        >
          Block {userId}
        </DoOnce>
      ))}
      <DoOnce kind="danger" act={open}>
        End the stream…
      </DoOnce>
      <DoOnce kind="bare" act={() => resolve("dismissed")}>
        Dismiss
      </DoOnce>
      {ending.value && (
        <Kill
          stream={ending.value}
          reason={report.type}
          onClose={(ended) => {
            ending.value = undefined;
            if (ended) void resolveEnded(ended);
          }}
        />
      )}
    </div>
  );
}

type Ending = Schemas["StreamView"];
