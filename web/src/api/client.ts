// The functions of /api/v1 that the console uses, one for each.
import { request } from "./gate";
import { url, type Query } from "./http";
import type * as t from "./types";

export { ApiError, errorText, isAbort, newKey } from "./http";

const root = "/api/v1";
const seg = encodeURIComponent;
const task = (id: string) => `${root}/tasks/${seg(id)}`;
const client = (id: string) => `${root}/clients/${seg(id)}`;
/** A file's path keeps its slashes. */
const file = (id: string, path: string) => `${task(id)}/files/${path.split("/").map(seg).join("/")}`;

type Signal = AbortSignal | undefined;
export interface Paging {
  limit?: number | undefined;
  cursor?: string | undefined;
}

async function get<T>(path: string, query?: object, signal?: Signal): Promise<T> {
  return (await request<T>("GET", path, { query: query as Query | undefined, signal })).data;
}

export const overview = (signal?: Signal) => get<t.Overview>(`${root}/overview`, {}, signal);
export const schema = (name: string, signal?: Signal) => get<unknown>(`${root}/schemas/${seg(name)}`, {}, signal);

// Tasks

export interface TaskQuery extends Paging {
  state?: string;
  q?: string;
  order?: "id" | "newest";
}
export const listTasks = (query: TaskQuery, signal?: Signal) => get<t.TaskList>(`${root}/tasks`, query, signal);

export async function getTask(id: string, signal?: Signal): Promise<t.VersionedTask> {
  const { data, etag } = await request<t.TaskDetail>("GET", task(id), { signal });
  return { task: data, etag };
}

export async function createTask(body: t.CreateTask, idempotencyKey: string): Promise<t.VersionedTask> {
  const { data, etag } = await request<t.TaskDetail>("POST", `${root}/tasks`, { body, idempotencyKey });
  return { task: data, etag };
}

/** Changes a task if it still is as `etag` says; else ApiError with status 412. */
export async function updateTask(id: string, change: t.TaskChange, etag: string): Promise<t.VersionedTask> {
  const reply = await request<t.TaskDetail>("PATCH", task(id), { body: change, headers: { "If-Match": etag } });
  return { task: reply.data, etag: reply.etag };
}

export async function deleteTask(id: string): Promise<void> {
  await request("DELETE", task(id));
}

/** Starts a task; `args`, when given, replace the stored server arguments this once. */
export async function startTask(id: string, args: string | undefined, idempotencyKey: string): Promise<t.TaskDetail> {
  const body = args === undefined ? {} : { arguments: args };
  return (await request<t.TaskDetail>("POST", `${task(id)}/start`, { body, idempotencyKey, timeout: 60_000 })).data;
}

export async function stopTask(id: string, idempotencyKey: string): Promise<t.TaskDetail> {
  return (await request<t.TaskDetail>("POST", `${task(id)}/stop`, { body: {}, idempotencyKey, timeout: 60_000 })).data;
}

export const taskFiles = (id: string, signal?: Signal) => get<t.TaskFiles>(`${task(id)}/files`, {}, signal);
export const fileURL = file;
export async function deleteFile(id: string, path: string): Promise<void> {
  await request("DELETE", file(id, path));
}

export const taskClients = (id: string, query: Paging & { q?: string }, signal?: Signal) =>
  get<t.TaskClients>(`${task(id)}/clients`, query, signal);
export const explain = (id: string, clientID: string, signal?: Signal) =>
  get<t.Explanation>(`${task(id)}/explain`, { client: clientID }, signal);
export const metrics = (id: string, query: { points?: number; execution?: string }, signal?: Signal) =>
  get<t.Metrics>(`${task(id)}/metrics`, query, signal);
export const logs = (id: string, query: { lines?: number; after?: string }, signal?: Signal) =>
  get<t.Logs>(`${task(id)}/logs`, query, signal);
/** Where the lines of a task's server side come as server-sent events; see logs. */
export const logsLiveURL = (id: string) => `${task(id)}/logs/live`;

export const checkCriteria = async (expression: string, signal?: Signal): Promise<t.CriteriaCheck> =>
  (await request<t.CriteriaCheck>("POST", `${root}/criteria/check`, { body: { expression }, signal })).data;

// Clients

export const listClients = (query: Paging & { q?: string }, signal?: Signal) => get<t.ClientList>(`${root}/clients`, query, signal);
export const getClient = (id: string, signal?: Signal) => get<t.ClientDetail>(client(id), {}, signal);
export const clientExecutions = (id: string, query: Paging, signal?: Signal) =>
  get<t.ExecutionList>(`${client(id)}/executions`, query, signal);
export const releaseQuarantine = async (id: string, taskID: string, idempotencyKey: string): Promise<t.CommandView> =>
  (await request<t.CommandView>("POST", `${client(id)}/quarantine/${seg(taskID)}/release`, { body: {}, idempotencyKey })).data;
export const command = (id: string, signal?: Signal) => get<t.CommandView>(`${root}/commands/${seg(id)}`, {}, signal);

export const credential = (id: string, signal?: Signal) => get<t.CredentialView>(`${client(id)}/credential`, {}, signal);
export async function revokeCredential(id: string): Promise<void> {
  await request("DELETE", `${client(id)}/credential`);
}
/** A token with which a client gets its credential, once; without a client, one that has none yet. */
export const newEnrolment = async (body: { client?: string; hours: number }): Promise<t.NewEnrolment> =>
  (await request<t.NewEnrolment>("POST", `${root}/enrolments`, { body })).data;

// Who may use the cloud

const operator = (name: string) => `${root}/operators/${seg(name)}`;
export const listOperators = (signal?: Signal) => get<t.OperatorList>(`${root}/operators`, {}, signal);
export async function addOperator(body: { name: string; role: string; password: string }): Promise<void> {
  await request("POST", `${root}/operators`, { body });
}
export async function changeOperator(name: string, body: { role?: string; password?: string; old_password?: string }): Promise<void> {
  await request("PATCH", operator(name), { body });
}
export async function removeOperator(name: string): Promise<void> {
  await request("DELETE", operator(name));
}
export const listTokens = (signal?: Signal) => get<t.TokenList>(`${root}/tokens`, {}, signal);
export const newToken = async (body: { label: string; days: number }): Promise<t.NewToken> => (await request<t.NewToken>("POST", `${root}/tokens`, { body })).data;
export async function revokeToken(id: string): Promise<void> {
  await request("DELETE", `${root}/tokens/${seg(id)}`);
}

// What happened

export interface ExecutionQuery extends Paging {
  task?: string;
  client?: string;
  state?: string;
  side?: string;
}
export const executions = (query: ExecutionQuery, signal?: Signal) => get<t.ExecutionList>(`${root}/executions`, query, signal);
export const execution = (id: string, signal?: Signal) => get<t.Execution>(`${root}/executions/${seg(id)}`, {}, signal);
export const events = (query: t.EventFilter & Paging & { order?: "oldest" | "newest" }, signal?: Signal) =>
  get<t.EventList>(`${root}/events`, query, signal);
export const density = (query: t.EventFilter & { by?: "service" | "client"; buckets?: number; lanes?: number }, signal?: Signal) =>
  get<t.Density>(`${root}/events/density`, query, signal);
/** Where the contract's events.json of a filter can be downloaded. */
export const eventsFileURL = (filter: t.EventFilter) => url(`${root}/events.json`, filter as Query);
