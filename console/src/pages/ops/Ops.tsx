import type { ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Notice } from "../../components/Notice";
import { Events } from "./Events";
import { Overview } from "./Overview";
import { Recordings } from "./Recordings";
import { Reports } from "./Reports";
import { Streams } from "./Streams";
import { Vods } from "./Vods";
import { Webhooks } from "./Webhooks";
import "./ops.css";

const PARTS: Record<string, { title: string; Part: ComponentType }> = {
  "": { title: "Overview", Part: Overview },
  streams: { title: "Streams", Part: Streams },
  reports: { title: "Reports", Part: Reports },
  recordings: { title: "Recordings", Part: Recordings },
  vods: { title: "Replays", Part: Vods },
  webhooks: { title: "Webhooks", Part: Webhooks },
  events: { title: "Events", Part: Events },
};

/** What administrators see to. */
export default function Ops({ part }: { part: string }) {
  const here = PARTS[part];
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    document.title = `${here?.title ?? "Operate"} · livectl`;
    // Where there is no room for all of them side by side.
    const current = nav.current?.querySelector("[aria-current]");
    current?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [part]);
  return (
    <div class="ops">
      <nav ref={nav} aria-label="Operate">
        {Object.entries(PARTS).map(([name, { title }]) => (
          <a
            key={name}
            href={name ? `/ops/${name}` : "/ops"}
            aria-current={name === part ? "page" : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      <section class="part" aria-labelledby="part">
        <h1 id="part">{here?.title ?? "Operate"}</h1>
        {here ? <here.Part key={part} /> : <Notice>There is no such page.</Notice>}
      </section>
    </div>
  );
}
