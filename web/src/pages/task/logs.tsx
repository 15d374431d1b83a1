import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { execution, executions } from "../../api/client";
import type { Execution, TaskDetail } from "../../api/types";
import { useAsk } from "../../api/use";
import { useLiveRefresh } from "../../api/use-live";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { ErrorState, Notice } from "../../ui/feedback";
import { count, moment } from "../../ui/format";
import { Card } from "../../ui/page";
import { ending } from "./advice";
import { addLines } from "./log-buffer";
import { LogView } from "./log-view";
import { useLogs } from "./use-logs";

const server = "";

/** What a task's processes wrote: the server side live, clients by their last lines. */
export function LogsTab({ task }: { task: TaskDetail }) {
  const [chosen, setChosen] = useState(server);
  const asked = useAsk(`ended ${task.ID}`, (signal) => executions({ task: task.ID, limit: 200 }, signal));
  useLiveRefresh({ kinds: ["execution"], task: task.ID }, asked.refresh, undefined, 2000);
  const ended = asked.data?.executions?.filter((e) => e.state !== "running") ?? [];
  const picker = (
    <label class="log-pick">
      <span class="sr-only">Whose output</span>
      <select class="input" value={chosen} onChange={(e) => setChosen(e.currentTarget.value)}>
        <option value={server}>Server, live</option>
        {ended.length > 0 && (
          <optgroup label="Last lines of ended executions">
            {ended.map((e) => (
              <option key={e.id} value={e.id}>
                {e.side === "server" ? "Server" : e.client} · {e.state} {ending(e)} · {moment(e.started)}
              </option>
            ))}
          </optgroup>
        )}
      </select>
    </label>
  );
  return chosen === server ? <ServerLogs task={task} picker={picker} /> : <LastLines id={chosen} known={ended.find((e) => e.id === chosen)} picker={picker} />;
}

function ServerLogs({ task, picker }: { task: TaskDetail; picker: ComponentChildren }) {
  const log = useLogs(task.ID, task.execution_id);
  const running = task.state === "running";
  return (
    <Card
      flush
      title={<span class="row">Output {picker}</span>}
      actions={
        <>
          <span role="status" class="row">
            {log.state === "live" && <Badge tone={running ? "good" : "neutral"} icon={running ? "pulse" : "stop"}>{running ? "Following" : "Ended"}</Badge>}
            {log.state === "paused" && <Badge tone="warn" icon="clock">{log.waiting > 0 ? `Paused, ${count(log.waiting)} more lines` : "Paused"}</Badge>}
            {log.state === "lost" && <Badge tone="bad" icon="offline">Connection lost, trying again</Badge>}
          </span>
          <Button size="small" icon={log.state === "paused" ? "play" : "stop"} onClick={() => log.pause(log.state !== "paused")}>
            {log.state === "paused" ? "Resume" : "Pause"}
          </Button>
          <Button size="small" onClick={log.clear} disabled={log.lines.length === 0}>Clear</Button>
        </>
      }
    >
      {log.error !== undefined ? (
        <ErrorState error={log.error} retry={log.retry} title="The output could not be read" />
      ) : (
        <LogView
          label={`Output of the server side of ${task.ID}`}
          lines={log.lines}
          follows={log.state !== "paused"}
          empty={log.state === "loading" ? "Loading…" : running ? "It has written nothing yet." : "Nothing is here: start the task, and what its server side writes appears at once."}
        />
      )}
    </Card>
  );
}

function LastLines({ id, known, picker }: { id: string; known: Execution | undefined; picker: ComponentChildren }) {
  const asked = useAsk(`execution ${id}`, (signal) => execution(id, signal));
  const run = asked.data ?? known;
  const lines = useMemo(() => addLines([], run?.last_lines ?? []), [run]);
  return (
    <Card flush title={<span class="row">Output {picker}</span>}>
      {asked.error !== undefined && <ErrorState error={asked.error} retry={asked.refresh} />}
      {run && (
        <Notice tone={run.state === "failed" ? "warn" : "info"}>
          <p>
            The last lines before its end{run.detail ? `: ${run.detail}` : ""}. The whole output stays {run.side === "server" ? "at the cloud" : `at ${run.client}`}, in the folder of execution <code>{run.id}</code>.
          </p>
        </Notice>
      )}
      <LogView label="Last lines of output" lines={lines} follows={false} empty={asked.loading ? "Loading…" : "It wrote nothing, or its last lines were not kept."} />
    </Card>
  );
}
