import { Link, useLocation } from "wouter-preact";
import { ApiError, getTask } from "../../api/client";
import { useAsk } from "../../api/use";
import { useLiveRefresh } from "../../api/use-live";
import { TaskActions } from "../../tasks/actions";
import { Stalled } from "../../tasks/stalled";
import { StateBadge } from "../../ui/badge";
import { EmptyState, ErrorState, Skeleton } from "../../ui/feedback";
import { Page } from "../../ui/page";
import { Tabs } from "../../ui/tabs";
import { Failure } from "./failure";
import { FilesTab } from "./files";
import { LogsTab } from "./logs";
import { OverviewTab } from "./overview";
import { TimelineTab } from "./timeline";
import { WhyTab } from "./why";
import "./task.css";

const tabs = [
  { tab: "", label: "Overview" },
  { tab: "logs", label: "Logs" },
  { tab: "clients", label: "Why" },
  { tab: "timeline", label: "Timeline" },
  { tab: "files", label: "Files" },
];

/** A task: what it is, how it stands, and what can be done with it. */
export default function TaskPage({ id, tab }: { id: string; tab: string }) {
  const [, navigate] = useLocation();
  const asked = useAsk(id, async (signal) => (await getTask(id, signal)).task);
  useLiveRefresh({ kinds: ["execution", "round"], task: id }, asked.refresh);
  const { data: task, error } = asked;
  const parent = { href: "/tasks", label: "Tasks" };

  if (!task) {
    const missing = error instanceof ApiError && error.status === 404;
    return (
      <Page title={id} parent={parent}>
        {missing ? (
          <EmptyState icon="tasks" title={`There is no task ${id}`} action={<Link href="/tasks">All tasks</Link>}>
            <p>It may have been deleted. What it did is kept on the <Link href={`/timeline?task=${encodeURIComponent(id)}`}>timeline</Link> for a while.</p>
          </EmptyState>
        ) : error !== undefined ? (
          <ErrorState error={error} retry={asked.refresh} title="The task could not be loaded" />
        ) : (
          <Skeleton lines={6} label="Loading the task" />
        )}
      </Page>
    );
  }
  const base = `/tasks/${encodeURIComponent(id)}`;
  return (
    <Page
      title={id}
      parent={parent}
      beside={<><StateBadge state={task.state} /><Stalled of={task} /></>}
      subtitle={task.tags && task.tags.length > 0 ? task.tags.map((t) => <span key={t} class="tag">{t}</span>) : undefined}
      actions={<TaskActions task={task} onChanged={asked.refresh} onDeleted={() => navigate("/tasks")} />}
      wide={tab === "timeline"}
    >
      {error !== undefined && <ErrorState error={error} retry={asked.refresh} title="What is shown may be out of date" />}
      <Failure task={task} />
      <Tabs label={`Task ${id}`} current={tab === "" ? base : `${base}/${tab}`} tabs={tabs.map((t) => ({ href: t.tab ? `${base}/${t.tab}` : base, label: t.label }))} />
      {tab === "" && <OverviewTab task={task} />}
      {tab === "logs" && <LogsTab task={task} />}
      {tab === "clients" && <WhyTab task={task} />}
      {tab === "timeline" && <TimelineTab task={id} />}
      {tab === "files" && <FilesTab task={task} />}
      {!tabs.some((t) => t.tab === tab) && (
        <EmptyState title="There is no such page of a task" action={<Link href={base}>Overview of {id}</Link>} />
      )}
    </Page>
  );
}
