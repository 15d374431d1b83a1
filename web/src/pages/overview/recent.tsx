import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { events } from "../../api/client";
import type { Entry } from "../../api/types";
import { useAsk } from "../../api/use";
import { useLive } from "../../api/use-live";
import { LinkButton } from "../../ui/button";
import { ErrorState, Skeleton } from "../../ui/feedback";
import { moment, clock } from "../../ui/format";
import { Card } from "../../ui/page";
import { newest } from "./newest";

const shown = 12;

/** The last events of the whole federation, as they come. */
export function Recent() {
  const asked = useAsk("recent events", (signal) => events({ order: "newest", limit: shown }, signal));
  const [come, setCome] = useState<Entry[]>([]);
  useLive({ kinds: ["event"] }, (entries) => setCome((held) => newest(held, entries, shown)), asked.refresh);
  const list = newest(asked.data?.events ?? [], come, shown);
  return (
    <Card title="Latest events" flush actions={<LinkButton href="/timeline" size="small" variant="ghost">Timeline</LinkButton>}>
      {asked.error !== undefined && list.length === 0 ? (
        <ErrorState error={asked.error} retry={asked.refresh} />
      ) : asked.loading && list.length === 0 ? (
        <Skeleton lines={5} />
      ) : list.length === 0 ? (
        <p class="muted pad">Nothing has happened yet.</p>
      ) : (
        <ol class="recent">
          {list.map((e) => (
            <li key={e.id}>
              <time class="num muted mono" dateTime={new Date(e.time * 1000).toISOString()} title={moment(e.time)}>
                {clock(e.time).slice(0, 8)}
              </time>
              <span class="recent-text">
                {e.event?.event}
                <span class="muted">
                  {" "}
                  {e.event?.service}
                  {e.task && (
                    <>
                      {" · "}
                      <Link href={`/tasks/${encodeURIComponent(e.task)}`}>{e.task}</Link>
                    </>
                  )}
                  {e.client && ` · ${e.client}`}
                </span>
              </span>
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}
