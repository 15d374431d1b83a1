import { Link } from "wouter-preact";
import type { Execution } from "../../api/types";
import { reasonText } from "../../tasks/reasons";
import { Stalled } from "../../tasks/stalled";
import { Ago, Took } from "../../ui/time";
import { LinkButton } from "../../ui/button";
import { EmptyState } from "../../ui/feedback";
import { count } from "../../ui/format";
import { StateBadge } from "../../ui/badge";
import { Where } from "./where";

/** Executions as a short list: where each runs, since when, and why it failed. */
export function Executions({ of, list, total }: { of: "running" | "failures"; list: Execution[]; total: number }) {
  if (list.length === 0) {
    return of === "running" ? (
      <EmptyState icon="play" title="Nothing runs now" action={<LinkButton href="/tasks" size="small">Go to tasks</LinkButton>}>
        Start a task; its server side and each client that takes it show here.
      </EmptyState>
    ) : (
      <EmptyState icon="check" title="No failures">
        When an execution fails, its reason is told here.
      </EmptyState>
    );
  }
  return (
    <>
      <ul class="runs">
        {list.map((e) => (
          <li key={e.id}>
            <div class="run-main">
              <div class="run-name">
                <Link href={`/tasks/${encodeURIComponent(e.task)}`}>{e.task}</Link>
                <Where execution={e} />
              </div>
              {of === "failures" && <p class="muted run-why">{e.detail || reasonText(e.reason ?? "") || "No reason is known."}</p>}
            </div>
            <div class="run-when">
              <Stalled of={e} />
              {of === "running" ? <Took from={e.started} /> : <Ago at={e.ended || e.started} />}
              {of === "failures" && e.quarantined && <StateBadge state="quarantined" />}
            </div>
          </li>
        ))}
      </ul>
      {total > list.length && <p class="muted runs-more num">and {count(total - list.length)} more</p>}
    </>
  );
}
