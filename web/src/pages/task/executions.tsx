import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { execution, executions, type ExecutionQuery } from "../../api/client";
import type { Execution } from "../../api/types";
import { usePages, useAsk } from "../../api/use";
import { useLiveRefresh } from "../../api/use-live";
import { reasonText } from "../../tasks/reasons";
import { Stalled } from "../../tasks/stalled";
import { StateBadge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { CopyButton } from "../../ui/copy";
import { EmptyState, ErrorState, Skeleton } from "../../ui/feedback";
import { moment } from "../../ui/format";
import { Icon } from "../../ui/icon";
import { Ago, Took } from "../../ui/time";
import { advice, ending } from "./advice";

interface Props {
  query: Pick<ExecutionQuery, "task" | "client">;
  /** Whose page it is: of a task, the rows name clients; of a client, tasks. */
  show: "task" | "client";
}

/** Executions as they run and end; each opens to its last lines of output. */
export function ExecutionTable({ query, show }: Props) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const list = usePages(
    `executions ${JSON.stringify(query)}`,
    async (page, signal) => {
      const { executions: items, next } = await executions({ ...query, ...page }, signal);
      return { items: items ?? [], next };
    },
    (e) => e.id,
    25,
  );
  useLiveRefresh({ kinds: ["execution"], ...query }, list.refresh);
  if (list.items.length === 0) {
    if (list.error !== undefined) return <ErrorState error={list.error} retry={list.refresh} />;
    if (list.loading) return <Skeleton lines={4} label="Loading the executions" />;
    return (
      <EmptyState icon="play" title="It has not run yet">
        {show === "task" ? "Start the task: its server side and each client that takes it appear here." : "When this client takes a task, it appears here."}
      </EmptyState>
    );
  }
  const toggle = (id: string) => {
    const next = new Set(open);
    if (!next.delete(id)) next.add(id);
    setOpen(next);
  };
  const head = show === "task" ? "Where" : "Task";
  return (
    <>
      {list.error !== undefined && <ErrorState error={list.error} retry={list.refresh} title="These rows may be out of date" />}
      <div class="table-scroll" tabIndex={0} role="group" aria-label="Executions">
        <table class="table execs">
          <caption class="sr-only">Executions, newest first</caption>
          <thead>
            <tr>
              <th scope="col">{head}</th>
              <th scope="col">State</th>
              <th scope="col" class="right">PID</th>
              <th scope="col">Started</th>
              <th scope="col" class="right">Duration</th>
              <th scope="col">Ended with</th>
              <th scope="col">Reason</th>
            </tr>
          </thead>
          <tbody>
            {list.items.map((e) => (
              <Fragment key={e.id}>
                <Row e={e} show={show} head={head} open={open.has(e.id)} onToggle={() => toggle(e.id)} />
                {open.has(e.id) && (
                  <tr class="exec-more">
                    <td colSpan={7}>
                      <More e={e} />
                    </td>
                  </tr>
                )}
              </Fragment>
            ))}
          </tbody>
        </table>
      </div>
      {list.hasMore && (
        <div class="table-more">
          <Button size="small" busy={list.loadingMore} onClick={list.more}>Show more</Button>
        </div>
      )}
    </>
  );
}

const nameOf = (e: Execution) => (e.side === "server" ? "Server" : (e.client ?? "client"));

function Row({ e, show, head, open, onToggle }: { e: Execution; show: Props["show"]; head: string; open: boolean; onToggle: () => void }) {
  const title = show === "task" ? nameOf(e) : e.task;
  const href = show === "task" ? (e.side === "client" && e.client ? `/clients/${encodeURIComponent(e.client)}` : null) : `/tasks/${encodeURIComponent(e.task)}`;
  return (
    <tr>
      <th scope="row" data-title={head}>
        <span class="exec-name">
          <button type="button" class="exec-toggle" aria-expanded={open} aria-label={`Output of ${title}, started ${moment(e.started)}`} onClick={onToggle}>
            <Icon name={open ? "down" : "next"} />
          </button>
          {href ? <Link href={href}>{title}</Link> : title}
        </span>
      </th>
      <td data-title="State" class="w-state">
        <span class="row">
          <StateBadge state={e.state} />
          <Stalled of={e} />
          {e.quarantined && <StateBadge state="quarantined" title="The client keeps this task from running again" />}
        </span>
      </td>
      <td data-title="PID" class="right num">{e.pid || "–"}</td>
      <td data-title="Started" class="w-time"><Ago at={e.started} /></td>
      <td data-title="Duration" class="right num"><Took from={e.started} to={e.ended || undefined} /></td>
      <td data-title="Ended with" class="num">{e.state === "running" ? <span class="muted">–</span> : ending(e) || <span class="muted">not known</span>}</td>
      <td data-title="Reason" class="exec-reason">{e.detail || reasonText(e.reason ?? "") || <span class="muted">–</span>}</td>
    </tr>
  );
}

function More({ e }: { e: Execution }) {
  // Lists may leave the lines out; they come with the end.
  const asked = useAsk(e.last_lines ? null : `execution ${e.id} ${e.state}`, (signal) => execution(e.id, signal));
  const lines = e.last_lines ?? asked.data?.last_lines;
  return (
    <div class="exec-detail">
      {e.state === "failed" && <p>{advice(e.reason ?? "", e)}</p>}
      <p class="muted">
        Execution <code>{e.id}</code>
        {e.reason && <> · reason <code title={reasonText(e.reason)}>{e.reason}</code></>}
        {e.ended ? <> · ended {moment(e.ended)}</> : null}
      </p>
      {asked.error !== undefined && <ErrorState error={asked.error} retry={asked.refresh} />}
      {asked.loading && !lines && <Skeleton lines={2} />}
      {lines && lines.length > 0 ? (
        <div class="exec-lines">
          <div class="exec-lines-head">
            <span class="muted">Last {lines.length} lines of output</span>
            <CopyButton text={lines.join("\n")} label="Copy the lines" />
          </div>
          <pre tabIndex={0} role="region" aria-label="Last lines of output">{lines.join("\n")}</pre>
        </div>
      ) : (
        !asked.loading && (
          <p class="muted">
            {e.state !== "running" ? (
              "It wrote nothing, or its last lines were not kept."
            ) : e.side === "server" ? (
              <>It runs: its output is on the <Link href={`/tasks/${encodeURIComponent(e.task)}/logs`}>logs page</Link>, live.</>
            ) : (
              "It runs: a client's last lines come to the cloud when it ends."
            )}
          </p>
        )
      )}
    </div>
  );
}
