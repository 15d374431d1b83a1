import { Link } from "wouter-preact";
import type { Overview, TaskState } from "../../api/types";
import { Icon, type IconName } from "../../ui/icon";
import { count } from "../../ui/format";
import { stateText } from "../../ui/badge";

const states: { state: TaskState; icon: IconName }[] = [
  { state: "running", icon: "pulse" },
  { state: "new", icon: "circle" },
  { state: "finished", icon: "check" },
  { state: "failed", icon: "cross" },
  { state: "stopped", icon: "stop" },
];

/** The figures at the top: each leads to what it counts. */
export function Stats({ data }: { data: Overview }) {
  const all = states.reduce((sum, s) => sum + (data.tasks[s.state] ?? 0), 0);
  const { clients, executions } = data;
  return (
    <div class="stats">
      <section class="card stat tasks" aria-labelledby="stat-tasks">
        <h2 id="stat-tasks">
          <Link href="/tasks">Tasks</Link>
        </h2>
        <p class="stat-figure num">{count(all)}</p>
        <div class="state-bar" aria-hidden="true">
          {states.map((s) => {
            const n = data.tasks[s.state] ?? 0;
            return n > 0 && <span key={s.state} class={`part ${s.state}`} style={{ flexGrow: n }} />;
          })}
        </div>
        <ul class="state-counts">
          {states.map((s) => (
            <li key={s.state} class={s.state}>
              <Link href={`/tasks?state=${s.state}`}>
                <Icon name={s.icon} />
                {stateText(s.state)} <span class="num">{count(data.tasks[s.state] ?? 0)}</span>
              </Link>
            </li>
          ))}
        </ul>
      </section>
      <section class="card stat" aria-labelledby="stat-clients">
        <h2 id="stat-clients">
          <Link href="/clients">Clients</Link>
        </h2>
        <p class="stat-figure num">
          {count(clients.seen)} <small>of {count(clients.known)} online</small>
        </p>
        <p class="muted num">{count(clients.running_on)} of them run a task</p>
      </section>
      <section class="card stat" aria-labelledby="stat-executions">
        <h2 id="stat-executions">Executions</h2>
        <p class="stat-figure num">
          {count(executions.running)} <small>running</small>
        </p>
        <p class={`num ${executions.failed_lately > 0 ? "bad" : "muted"}`}>
          {executions.failed_lately > 0 && <Icon name="warning" />} {count(executions.failed_lately)} failed in the last 24 hours
        </p>
      </section>
    </div>
  );
}
