import { expect, test } from "vitest";
import type { TaskClient } from "../../api/types";
import { because } from "./because";

const client = (more: Partial<TaskClient>): TaskClient => ({ user_id: "c", selected: true, status: "waiting", last_seen: 0, ...more });
const clause = { text: "data_qnt > 50", outcome: "false", detail: "data_qnt = 10" };

test.each<[Partial<TaskClient>, string | RegExp]>([
  [{ status: "not_selected", selected: false, clause }, "data_qnt > 50: false (data_qnt = 10)"],
  [{ status: "not_selected", selected: false, clause: { text: "gpu", outcome: "error", detail: "name 'gpu' is not defined" } }, "gpu: error (name 'gpu' is not defined)"],
  [{ status: "busy", detail: "runs gofedavg-long" }, "runs gofedavg-long"],
  [{ status: "waiting" }, /when it asks next/],
  [{ status: "away" }, /Not seen/],
  [{ status: "task_not_running", selected: false, clause }, /^data_qnt > 50: false/],
  [{ status: "task_not_running" }, /The criteria let it in/],
  [{ status: "quarantined", quarantine: { task_id: "t", digest: "", reason: "report_error", since: 0, until: 0 } }, /^It reported an error of its own\. Kept out /],
  [{ status: "failed", execution: { id: "x", task: "t", side: "client", state: "failed", pid: 1, started: 0, detail: "exit code 3" } }, "exit code 3"],
])("%j", (c, want) => {
  const text = because(client(c));
  if (typeof want === "string") expect(text).toBe(want);
  else expect(text).toMatch(want);
});
