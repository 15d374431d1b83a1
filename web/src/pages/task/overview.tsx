import type { ComponentChildren } from "preact";
import { lazyPage } from "../../lazy";
import type { TaskDetail } from "../../api/types";
import { contractDate, figure } from "../../ui/format";
import { Card, Facts } from "../../ui/page";
import { Ago } from "../../ui/time";
import { ExecutionTable } from "./executions";

// uPlot is needed here alone.
const Metrics = lazyPage(() => import("./metrics"));

/** What a task is, how its model does, and where it ran. */
export function OverviewTab({ task }: { task: TaskDetail }) {
  return (
    <div class="stack">
      <Card title="Task">
        <Facts items={facts(task)} />
      </Card>
      <Metrics task={task.ID} running={task.state === "running"} />
      <Card title="Executions" flush>
        <ExecutionTable query={{ task: task.ID }} show="task" />
      </Card>
    </div>
  );
}

function facts(t: TaskDetail): [string, ComponentChildren][] {
  const text = (value: string | null) => (value ? <code class="break">{value}</code> : <span class="muted">none</span>);
  return [
    ["Round", t.round ? <span class="num">{t.round}</span> : <span class="muted">none yet</span>],
    ["Accuracy", t.acc ? <span class="num">{figure(t.acc)}</span> : <span class="muted">none yet</span>],
    ...(t.state === "running" ? [["Process", <span class="num">{t.pid}</span>] as [string, ComponentChildren]] : []),
    ["Task server", <code>{t.host}:{t.port}</code>],
    ["Who gets it", t.selection_criteria ? <code class="break">{t.selection_criteria}</code> : "every client"],
    ["Server arguments", text(t.server_arguments)],
    ["Client arguments", text(t.client_arguments)],
    ["Files for clients", t.files_paths?.length ? <code class="break">{t.files_paths.join(", ")}</code> : <span class="muted">none</span>],
    ["Download user", t.username ? <code>{t.username}</code> : <span class="muted">none</span>],
    ["Created", <Ago at={contractDate(t.creation_date)} />],
    ["Changed", <Ago at={contractDate(t.last_mod_date)} />],
  ];
}
