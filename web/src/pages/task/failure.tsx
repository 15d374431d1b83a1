import { Link } from "wouter-preact";
import { execution } from "../../api/client";
import type { TaskDetail } from "../../api/types";
import { useAsk } from "../../api/use";
import { reasonText } from "../../tasks/reasons";
import { Notice } from "../../ui/feedback";
import { advice } from "./advice";

/** Why a task's server side failed, its last words, and what to do. */
export function Failure({ task }: { task: TaskDetail }) {
  const failed = task.state === "failed";
  const asked = useAsk(failed && task.execution_id ? `failure ${task.execution_id}` : null, (signal) => execution(task.execution_id, signal));
  if (!failed) return null;
  const run = asked.data; // without it, what the task tells has to do
  const last = run?.last_lines?.filter((l) => l.trim() !== "").at(-1);
  const base = `/tasks/${encodeURIComponent(task.ID)}`;
  return (
    <Notice tone="bad" title="The server side failed">
      <p>{run?.detail || reasonText(task.reason) || "No reason is known."}</p>
      {last && <p><code class="break">{last}</code></p>}
      <p>
        {advice(run?.reason ?? "", run)} <Link href={`${base}/logs`}>Logs</Link> · <Link href={`${base}/files`}>Files</Link>
      </p>
    </Notice>
  );
}
