import type { TaskClient } from "../../api/types";
import { duration, moment } from "../../ui/format";
import { reasonText } from "../../tasks/reasons";
import { untilText } from "../client/until";

/** Why a client stands to a task as it does, in a line. */
export function because(c: TaskClient): string {
  const clause = c.clause && `${c.clause.text}: ${c.clause.outcome}${c.clause.detail ? ` (${c.clause.detail})` : ""}`;
  switch (c.status) {
    case "running":
      return c.execution ? `Runs it as process ${c.execution.pid} since ${moment(c.execution.started)}` : c.detail || "Runs it";
    case "finished":
      return c.detail || (c.execution?.ended ? `Ran it for ${duration(c.execution.ended - c.execution.started)}` : "Has run it to its end");
    case "failed":
      return c.execution?.detail || c.detail || reasonText(c.execution?.reason ?? "") || "Its execution failed";
    case "quarantined":
      return c.quarantine ? `${reasonText(c.quarantine.reason)} Kept out ${untilText(c.quarantine.until)}, or its files change` : c.detail || "Kept out after a failure";
    case "busy":
      return c.detail || "Runs another task, and one at a time";
    case "waiting":
      return c.detail || "Fits, and is offered the task when it asks next";
    case "away":
      return c.detail || (clause ? `Not seen lately; and ${clause}` : "Not seen for a minute or more: see that it runs and reaches the cloud");
    case "not_selected":
      return clause ?? (c.detail || "The criteria do not let it in");
    case "task_not_running":
      return c.selected ? c.detail || "The criteria let it in; the task is not running" : (clause ?? (c.detail || "The task is not running"));
    default:
      return c.detail ?? clause ?? "";
  }
}
