import { useMemo, useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { useRefusal } from "../../access/use-session";
import { listTasks } from "../../api/client";
import type { TaskSummary } from "../../api/types";
import { usePages } from "../../api/use";
import { useLiveRefresh } from "../../api/use-live";
import { reasonText } from "../../tasks/reasons";
import { TaskButtons, TaskDialog, type Act } from "../../tasks/actions";
import { Badge, StateBadge, stateText } from "../../ui/badge";
import { Button, LinkButton } from "../../ui/button";
import { EmptyState } from "../../ui/feedback";
import { figure, plural } from "../../ui/format";
import { Card, Page } from "../../ui/page";
import { SearchBox } from "../../ui/search";
import { DataTable, type Column } from "../../ui/table";
import { Segmented } from "../../ui/tabs";
import { readQuery, states, writeQuery, type ListQuery } from "./query";

export default function TasksPage() {
  const [, go] = useLocation();
  const query = readQuery(useSearch());
  const set = (change: Partial<ListQuery>) => go(`/tasks${writeQuery({ ...query, ...change })}`, { replace: true });
  const pages = usePages<TaskSummary>(
    JSON.stringify(query),
    async (page, signal) => {
      const list = await listTasks({ ...query, ...page }, signal);
      return { items: list.tasks, next: list.next, total: list.total };
    },
    (t) => t.ID,
  );
  // Only what happens at the cloud changes this list; rounds show in it too.
  useLiveRefresh({ kinds: ["event", "execution", "round"] }, pages.refresh, (e) => !e.client && !!e.task);
  const refused = useRefusal("operator");
  const [acting, setActing] = useState<{ act: Act; task: TaskSummary }>();
  const columns = useMemo(() => columnsFor((act, task) => setActing({ act, task })), []);
  const filtered = query.state !== "" || query.q !== "";

  return (
    <Page
      title="Tasks"
      beside={pages.total === undefined ? undefined : <span class="muted num">{plural(pages.total, "task")}</span>}
      actions={
        <LinkButton href="/tasks/new" variant="primary" icon="plus" refused={refused}>
          New task
        </LinkButton>
      }
    >
      <div class="toolbar">
        <SearchBox label="Search tasks" placeholder="Search ids and tags" value={query.q} onSearch={(q) => set({ q })} />
        <Segmented
          label="State"
          value={query.state}
          options={[{ value: "" as const, label: "All" }, ...states.map((s) => ({ value: s, label: stateText(s) }))]}
          onChange={(state) => set({ state })}
        />
        <span class="grow" />
        <Segmented
          label="Order"
          value={query.order}
          options={[
            { value: "newest", label: "Newest" },
            { value: "id", label: "By id" },
          ]}
          onChange={(order) => set({ order })}
        />
      </div>
      <Card flush>
        <DataTable
          caption="Tasks"
          columns={columns}
          rows={pages.items}
          rowKey={(t) => t.ID}
          loading={pages.loading}
          error={pages.error}
          retry={pages.refresh}
          total={pages.total}
          hasMore={pages.hasMore}
          loadingMore={pages.loadingMore}
          onMore={pages.more}
          empty={filtered ? <NoMatch onClear={() => set({ state: "", q: "" })} /> : <NoTasks />}
        />
      </Card>
      {acting && <TaskDialog {...acting} onClose={() => setActing(undefined)} onChanged={pages.refresh} />}
    </Page>
  );
}

function columnsFor(onAct: (act: Act, task: TaskSummary) => void): Column<TaskSummary>[] {
  return [
    { title: "Task", header: true, cell: (t) => <Link href={`/tasks/${encodeURIComponent(t.ID)}`}>{t.ID}</Link> },
    { title: "State", class: "w-state", cell: (t) => <StateBadge state={t.state} {...(t.reason ? { title: reasonText(t.reason) } : {})} /> },
    {
      title: "Round",
      align: "right",
      cell: (t) => t.round || <span class="muted">–</span>,
    },
    { title: "Accuracy", align: "right", cell: (t) => (t.acc ? figure(t.acc) : <span class="muted">–</span>) },
    {
      title: "Tags",
      cell: (t) =>
        t.tags?.length ? (
          <span class="row">
            {t.tags.slice(0, 4).map((tag) => (
              <Badge key={tag}>{tag}</Badge>
            ))}
            {t.tags.length > 4 && <span class="muted">+{t.tags.length - 4}</span>}
          </span>
        ) : (
          <span class="muted">–</span>
        ),
    },
    { title: "Created", class: "w-time wide-only", cell: (t) => <span class="num muted">{t.creation_date}</span> },
    { title: "Actions", hideTitle: true, class: "w-actions", cell: (t) => <TaskButtons compact task={t} onAct={(act) => onAct(act, t)} /> },
  ];
}

function NoTasks() {
  return (
    <EmptyState
      icon="tasks"
      title="There is no task yet"
      action={
        <LinkButton href="/tasks/new" variant="primary" icon="plus" refused={useRefusal("operator")}>
          Create the first task
        </LinkButton>
      }
    >
      <p>
        A task is a server.py that runs at the cloud and a client.py that runs at each client it is for. From a terminal: <code>agata task create</code>.
      </p>
    </EmptyState>
  );
}

function NoMatch({ onClear }: { onClear: () => void }) {
  return (
    <EmptyState icon="search" title="No task is like this" action={<Button onClick={onClear}>Show all tasks</Button>}>
      <p>The search looks at parts of ids and of tags.</p>
    </EmptyState>
  );
}
