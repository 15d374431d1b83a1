import { Link } from "wouter-preact";
import { executions } from "../../api/client";
import { useAsk } from "../../api/use";
import { useLiveRefresh } from "../../api/use-live";
import { reasonText } from "../../tasks/reasons";
import { Stalled } from "../../tasks/stalled";
import { StateBadge } from "../../ui/badge";
import { LinkButton } from "../../ui/button";
import { ErrorState, Skeleton } from "../../ui/feedback";
import { Card } from "../../ui/page";
import { Ago } from "../../ui/time";
import { Where } from "./where";

/**
 * The executions that began last, however they stand. Not the events: with many
 * clients those are mostly clients asking for work; the timeline is for them.
 */
export function Recent() {
  const asked = useAsk("recent executions", (signal) => executions({ limit: 10 }, signal));
  useLiveRefresh({ kinds: ["execution"] }, asked.refresh, undefined, 1500);
  const list = asked.data?.executions ?? [];
  return (
    <Card title="Latest executions" flush actions={<LinkButton href="/timeline" size="small" variant="ghost">Timeline</LinkButton>}>
      {asked.error !== undefined && !asked.data ? (
        <ErrorState error={asked.error} retry={asked.refresh} />
      ) : !asked.data ? (
        <Skeleton lines={5} />
      ) : list.length === 0 ? (
        <p class="muted pad">Nothing has run yet.</p>
      ) : (
        <ul class="runs">
          {list.map((e) => (
            <li key={e.id}>
              <div class="run-name">
                <Link href={`/tasks/${encodeURIComponent(e.task)}`}>{e.task}</Link>
                <Where execution={e} />
              </div>
              <div class="run-when row">
                <Ago at={e.ended || e.started} />
                <Stalled of={e} />
                <StateBadge state={e.state} {...(e.detail || e.reason ? { title: e.detail || reasonText(e.reason ?? "") } : {})} />
              </div>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
