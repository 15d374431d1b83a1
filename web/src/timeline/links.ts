import type { TimelineEvent } from "./model";
import { taskOf, tone } from "./texts";

/** An event that led to another, and how that is known. */
export interface Link {
  from: TimelineEvent;
  to: TimelineEvent;
  why: string;
}

/** What is remembered of a client while the events are read in order of time. */
interface Last {
  error?: TimelineEvent; // Error! of its task
  done?: TimelineEvent; // Finished client
  freed?: TimelineEvent; // the end of the handling of an error, or of a finalization
  request?: TimelineEvent;
  download?: TimelineEvent;
  init?: TimelineEvent;
}

/** How long after a server's failure a client's end is still its effect, in seconds. */
const serverReach = 30;

/**
 * Links causes to effects: what shares a trace, in order of time, and rules over
 * the texts of the contract for each client and task. Events must be sorted.
 */
export function linkEvents(events: readonly TimelineEvent[]): Link[] {
  const links: Link[] = [];
  const clients = new Map<string, Last>();
  const traces = new Map<string, TimelineEvent>();
  const servers = new Map<string, TimelineEvent>(); // by task: the server came up
  const failures = new Map<string, TimelineEvent>(); // by task: the server failed
  const welcomed = new Set<string>(); // server start and client: the first download is linked
  const link = (from: TimelineEvent | undefined, to: TimelineEvent, why: string) => {
    if (from) links.push({ from, to, why });
  };
  /** The link, if both are about the same task as far as they tell. */
  const about = (from: TimelineEvent | undefined, to: TimelineEvent, why: string) => {
    if (from && sameTask(from, to)) link(from, to, why);
  };

  for (const e of events) {
    if (tone(e) === "measure") continue; // it tells of what ended and leads to nothing
    const before = links.length;
    let last = clients.get(e.client);
    if (!last) clients.set(e.client, (last = {}));
    const task = taskOf(e);
    const { text } = e;
    if (text === "Finished server task initialization") {
      if (task) failures.delete(task);
      servers.set(task, e);
    } else if (text === "Ended server" || (text === "Error!" && e.service.includes("server"))) {
      failures.set(task, e);
    } else if (text === "Error!") {
      stopped(e, "the server failed");
      last.error = e;
    } else if (text === "Finished client") {
      last.done = e;
    } else if (text.startsWith("Started handling error from task ")) {
      if (last.error && sameTask(last.error, e)) link(last.error, e, "the task's error is handled");
      else stopped(e, "the server failed");
      last.error = undefined;
    } else if (/^Started handling task .+ finalization$/.test(text)) {
      about(last.done, e, "the task's end is handled");
      last.done = undefined;
    } else if (text.startsWith("Finished handling ")) {
      last.freed = e;
    } else if (text === "Started requesting task") {
      link(last.freed, e, "the client is free and asks for a task");
      last.request = e;
      last.freed = undefined;
    } else if (text === "Started downloading task") {
      link(last.request, e, "the client was offered the task");
      const server = servers.get(task);
      if (server && !welcomed.has(`${server.key} ${e.client}`)) {
        welcomed.add(`${server.key} ${e.client}`);
        link(server, e, "the task's server is up");
      }
      last.download = e;
      last.request = undefined;
    } else if (text === "Started client task initialization") {
      about(last.download, e, "its files are there");
      last.download = undefined;
      last.init = e;
    } else if (text === "Started client") {
      about(last.init, e, "its process was started");
      last.init = undefined;
    }
    if (e.trace) {
      const cause = traces.get(e.trace);
      if (!links.slice(before).some((l) => l.from === cause)) link(cause, e, "the same call (trace)");
      traces.set(e.trace, e);
    }
  }
  return links;

  function stopped(e: TimelineEvent, why: string) {
    const failure = failures.get(taskOf(e));
    if (failure && e.time - failure.time <= serverReach) link(failure, e, why);
  }
}

const sameTask = (a: TimelineEvent, b: TimelineEvent) => {
  const x = taskOf(a);
  const y = taskOf(b);
  return x === "" || y === "" || x === y;
};
