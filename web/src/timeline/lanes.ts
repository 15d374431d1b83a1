import type { TimelineEvent } from "./model";
import type { Span } from "./spans";

/** What a lane stands for. */
export type LaneBy = "service" | "client" | "both";

/** A row of the timeline with what belongs on it. */
export interface Lane {
  name: string;
  /** The client that it belongs to; "" at the cloud. */
  client: string;
  service: string;
  events: TimelineEvent[];
  spans: Span[];
}

/** The name of the lane of what happened at the cloud, when lanes are clients. */
export const cloudLane = "cloud";

const order = ["Operator", "cloud_gateway", "service_cloud_ml", "service_user_manager", "task_server", "client_gateway", "service_client_ml", "task_client"];

/** The services as they are called in the open; others by their own name. */
const known: Record<string, string> = {
  Operator: "operator",
  cloud_gateway: "cloud gateway",
  service_cloud_ml: "cloud task manager",
  service_user_manager: "user manager",
  task_server: "task server",
  client_gateway: "client gateway",
  service_client_ml: "client task manager",
  task_client: "task client",
};

/** The services of the platform, as they are called in events. */
export const services: readonly string[] = order;

export const serviceName = (service: string): string => known[service] ?? service;

const place = (service: string) => {
  const at = order.indexOf(service);
  return at < 0 ? order.length : at;
};

/** Where the original's services run, for files that name no client. */
const atClients = (service: string) => place(service) >= order.indexOf("client_gateway") && place(service) < order.length;

/** Where an event happened, in a word: a client, the cloud, or, where a file does not tell, some client. */
export const whereOf = (e: TimelineEvent): string => e.client || (atClients(e.service) ? "a client" : cloudLane);

/** The lane that an event belongs to. */
export function laneOf(e: TimelineEvent, by: LaneBy): { name: string; client: string; service: string } {
  const client = e.client || (atClients(e.service) ? "clients" : "");
  if (by === "service") return { name: serviceName(e.service), client: "", service: e.service };
  if (by === "client") return { name: client || cloudLane, client, service: "" };
  return { name: `${client || cloudLane} · ${serviceName(e.service)}`, client, service: e.service };
}

/** Orders lanes: the cloud first, then clients by name, services in the order of a task's life. */
export const byLane = (a: { client: string; service: string; name: string }, b: { client: string; service: string; name: string }): number =>
  a.client.localeCompare(b.client, undefined, { numeric: true }) || place(a.service) - place(b.service) || a.name.localeCompare(b.name);

/** Puts events and spans on lanes: the cloud first, then clients by name, services in the order of a task's life. */
export function lanesOf(events: readonly TimelineEvent[], spans: readonly Span[], by: LaneBy): Lane[] {
  const lanes = new Map<string, Lane>();
  const lane = (e: TimelineEvent) => {
    const at = laneOf(e, by);
    let found = lanes.get(at.name);
    if (!found) lanes.set(at.name, (found = { ...at, events: [], spans: [] }));
    return found;
  };
  for (const e of events) lane(e).events.push(e);
  for (const s of spans) lane(s.start).spans.push(s);
  return [...lanes.values()].sort(byLane);
}
