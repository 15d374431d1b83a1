import type { TimelineEvent } from "./model";

let made = 0;

/** An event for tests: only what matters is given. */
export function event(time: number, text: string, more: Partial<TimelineEvent> = {}): TimelineEvent {
  return { key: `k${made++}`, time, text, service: "s", fn: "f", client: "", task: "", execution: "", trace: "", ...more };
}

/** What a client tells while it runs a task: from its request to the end that is given. */
export function clientStory(at: number, client: string, task: string, end: "finished" | "error"): TimelineEvent[] {
  const manager = { client, service: "service_client_ml", task };
  const own = { client, service: "task_client", fn: "main", task };
  const call = { client, service: "service_client_ml", fn: "rpc_call_request_task" };
  const story = [
    event(at, "Started requesting task", call),
    event(at + 0.1, "Finished requesting task", call),
    event(at + 0.2, "Started downloading task", { ...manager, fn: "_run_task_one_policy" }),
    event(at + 0.3, "Finished downloading task", { ...manager, fn: "_run_task_one_policy" }),
    event(at + 0.4, "Started client task initialization", { ...manager, fn: "start_client_task" }),
    event(at + 0.5, "Finish client task initialization", { ...manager, fn: "start_client_task" }),
    event(at + 0.6, "Started client", own),
  ];
  if (end === "error") {
    story.push(
      event(at + 1, "Error!", own),
      event(at + 1.1, `Started handling error from task ${task}`, { ...manager, fn: "handle_error_from_task" }),
      event(at + 1.2, `Finished handling error from task ${task}`, { ...manager, fn: "handle_error_from_task" }),
    );
  } else {
    story.push(
      event(at + 1, "Finished client", own),
      event(at + 1.1, `Started handling task ${task} finalization`, { ...manager, fn: "finish_task" }),
      event(at + 1.2, `Finished handling task ${task} finalization`, { ...manager, fn: "finish_task" }),
    );
  }
  return story;
}
