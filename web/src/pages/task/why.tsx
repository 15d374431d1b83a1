import { useMemo, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { taskClients } from "../../api/client";
import type { TaskClient, TaskDetail } from "../../api/types";
import { usePages } from "../../api/use";
import { useLiveRefresh } from "../../api/use-live";
import { StateBadge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { EmptyState, Notice } from "../../ui/feedback";
import { count } from "../../ui/format";
import { Card } from "../../ui/page";
import { SearchBox } from "../../ui/search";
import { DataTable, type Column } from "../../ui/table";
import { Ago } from "../../ui/time";
import { ExplainDialog } from "./explain";
import { because } from "./because";

/** For each client, whether it runs the task and what keeps it from doing so. */
export function WhyTab({ task }: { task: TaskDetail }) {
  const [query, setQuery] = useState("");
  const [open, setOpen] = useState<string | null>(null);
  const list = usePages(
    `why ${task.ID} ${query}`,
    async (page, signal) => {
      const { clients, next, total } = await taskClients(task.ID, { q: query, ...page }, signal);
      return { items: clients ?? [], next, total };
    },
    (c) => c.user_id,
  );
  useLiveRefresh({ kinds: ["execution", "client"] }, list.refresh, (e) => e.task === task.ID || e.kind === "client", 2000);
  const columns = useMemo(
    (): Column<TaskClient>[] => [
      { title: "Client", header: true, cell: (c) => <Link href={`/clients/${encodeURIComponent(c.user_id)}`}>{c.user_id}</Link> },
      { title: "Status", class: "w-state", cell: (c) => <StateBadge state={c.status} /> },
      { title: "Why", class: "grow why-text", cell: (c) => <span>{because(c)}</span> },
      { title: "Last seen", class: "w-time", cell: (c) => <Ago at={c.last_seen} /> },
      { title: "Explanation", hideTitle: true, class: "w-actions", cell: (c) => <Button size="small" label={`Explain ${c.user_id}`} onClick={() => setOpen(c.user_id)}>Explain</Button> },
    ],
    [],
  );
  return (
    <div class="stack">
      {task.state !== "running" && (
        <Notice>
          <p>The task is not running, so no client is offered it. What is shown is what its criteria say now.</p>
        </Notice>
      )}
      <Card
        flush
        title="Who gets this task, and why not"
        actions={
          <>
            {list.total !== undefined && <span class="muted num">{count(list.total)} clients</span>}
            <SearchBox label="Search clients" value={query} onSearch={setQuery} />
          </>
        }
      >
        <p class="why-criteria muted">
          {task.selection_criteria ? <>Criteria: <code class="break">{task.selection_criteria}</code></> : "No criteria: every client may run it."}
        </p>
        <DataTable
          caption="Clients and what keeps them from this task"
          columns={columns}
          rows={list.items}
          rowKey={(c) => c.user_id}
          loading={list.loading}
          error={list.error}
          retry={list.refresh}
          total={list.total}
          hasMore={list.hasMore}
          loadingMore={list.loadingMore}
          onMore={list.more}
          empty={
            query ? (
              <EmptyState icon="search" title="No client matches"><p>No client's id contains “{query}”.</p></EmptyState>
            ) : (
              <EmptyState icon="clients" title="No clients yet">
                <p>A client is known once it has told about itself: start one with <code>agata serve client-gateway client-task-manager</code>.</p>
              </EmptyState>
            )
          }
        />
      </Card>
      {open !== null && <ExplainDialog task={task.ID} client={open} criteria={task.selection_criteria} onClose={() => setOpen(null)} />}
    </div>
  );
}
