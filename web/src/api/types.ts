// The shapes of /api/v1, as the cloud gateway answers them. Times are unix
// seconds; dates ("2006-01-02 15:04:05") are the contract's, in the cloud's time.

import type { Operator } from "./session";

export type TaskState = "new" | "running" | "finished" | "failed" | "stopped";

export interface Page {
  /** The cursor of the next page; absent at the end. */
  next?: string;
}

export interface TaskSummary {
  ID: string;
  state: TaskState;
  reason?: string;
  round?: string;
  acc?: string;
  pid?: number;
  revision: number;
  creation_date: string;
  last_mod_date: string;
  tags: string[] | null;
}

export interface TaskList extends Page {
  tasks: TaskSummary[];
  total: number;
}

export interface TaskDetail {
  ID: string;
  creation_date: string;
  last_mod_date: string;
  host: string;
  port: number;
  running: boolean | 0 | 1;
  selection_criteria: string;
  server_arguments: string;
  client_arguments: string | null;
  username: string;
  password_set: boolean;
  tags: string[] | null;
  files_paths: string[] | null;
  state: TaskState;
  reason: string;
  round: string;
  acc: string;
  pid: number;
  execution_id: string;
  /** When it last made progress, if it counts as stalled. */
  stalled_since?: number;
  revision: number;
}

/** A task with the version that a change of it is based on. */
export interface VersionedTask {
  task: TaskDetail;
  etag: string;
}

export interface CreateTask {
  task_id: string;
  host: string;
  port: number;
  username: string;
  password: string;
  files_paths: string[];
  selection_criteria?: string;
  server_arguments?: string;
  client_arguments?: string;
  tags?: string[];
}

export interface TaskChange {
  host?: string;
  port?: number;
  username?: string;
  password?: string;
  selection_criteria?: string;
  server_arguments?: string;
  client_arguments?: string;
}

export interface TaskFile {
  path: string;
  size: number;
  sha256: string;
  /** Clients download it. */
  client: boolean;
}

export interface TaskFiles {
  files: TaskFile[] | null;
  missing: string[] | null;
}

export interface Clause {
  text: string;
  outcome: "true" | "false" | "error" | (string & {});
  detail?: string;
}

export interface QuarantinedFor {
  task_id: string;
  digest: string;
  reason: string;
  since: number;
  until: number;
}

/** One run of a task, on the server side or at a client. */
export interface Execution extends ExecutionRun {
  id: string;
  task: string;
  /** "" for the server side. */
  client?: string;
}

export interface ExecutionRun {
  side: "server" | "client";
  state: "running" | "finished" | "failed" | "stopped";
  pid: number;
  started: number;
  ended?: number;
  reason?: string;
  detail?: string;
  exit_code?: number | null;
  signal?: number | null;
  stalled_since?: number;
  quarantined?: boolean;
  last_lines?: string[];
}

/** What a client says of an execution of its own. */
export interface StateExecution {
  task_id: string;
  execution_id: string;
  pid: number;
  state: string;
  started: number;
  stalled_since?: number;
}

export interface ClientState {
  user_id: string;
  policy: string;
  running: StateExecution[] | null;
  quarantined: QuarantinedFor[] | null;
  last_error?: string;
}

export interface User {
  ID: string;
  creation_date: string;
  last_mod_date: string;
  data_qnt: number | null;
  avg_acc_contrib: number | null;
  avg_disconnection_per_round: number | null;
  sensors: string[] | null;
  attributes?: Record<string, unknown>;
}

export interface ClientSummary extends User {
  last_seen: number;
  online: boolean;
  running: StateExecution[] | null;
  quarantined: number;
  policy: string;
}

export interface ClientList extends Page {
  clients: ClientSummary[];
  total: number;
}

export interface ClientDetail extends User {
  last_seen: number;
  online: boolean;
  state?: ClientState;
}

export type AudienceStatus =
  | "running"
  | "finished"
  | "failed"
  | "quarantined"
  | "busy"
  | "waiting"
  | "away"
  | "not_selected"
  | "task_not_running";

export interface TaskClient {
  user_id: string;
  selected: boolean;
  status: AudienceStatus;
  detail?: string;
  clause?: Clause;
  last_seen: number;
  execution?: Execution;
  quarantine?: QuarantinedFor;
}

export interface TaskClients extends Page {
  running: boolean;
  clients: TaskClient[] | null;
  total: number;
}

export interface Explanation {
  offered: boolean;
  clauses: Clause[] | null;
  quarantine?: QuarantinedFor;
  limit?: string;
  running?: Execution;
  last?: Execution;
  last_seen: number;
}

export interface ExecutionList extends Page {
  executions: Execution[] | null;
}

export interface Point {
  round: string;
  x: number;
  time: number;
  acc: number | null;
  loss: number | null;
  acc_text?: string;
}

export interface Series {
  task: string;
  execution: string;
  client: string;
  side: "server" | "client";
  points: Point[] | null;
  thinned: boolean;
}

export interface Metrics {
  series: Series[] | null;
}

export interface Logs {
  lines: string[] | null;
  next?: string;
}

export interface EventBody {
  time: number;
  service: string;
  function: string;
  event: string;
}

export type RecordKind = "event" | "round" | "execution" | "client";

/** Something that happened, as the history keeps it; `seq` grows in the order of storage. */
export interface Entry {
  seq: number;
  id: string;
  kind: RecordKind;
  time: number;
  client?: string;
  task?: string;
  execution?: string;
  trace?: string;
  event?: EventBody;
  round?: { side: "server" | "client"; round: string; acc: string; loss?: string };
  run?: ExecutionRun;
  state?: ClientState;
}

export interface EventList extends Page {
  events: Entry[] | null;
}

export interface Density {
  from: number;
  to: number;
  bucket_seconds: number;
  lanes: { name: string; total: number; counts: number[] }[] | null;
  other_lanes: number;
  total: number;
}

/** What may narrow events; all of it may be absent. */
export interface EventFilter {
  task?: string;
  client?: string;
  execution?: string;
  service?: string;
  function?: string;
  q?: string;
  from?: number;
  to?: number;
}

export interface CriteriaCheck {
  valid: boolean;
  error?: string;
  /** From 1; 0 or absent: everywhere. */
  column?: number;
  clients: number;
  matches: number;
  failing: number;
  sample: string[] | null;
  names: string[] | null;
}

export interface CredentialView {
  credential: boolean;
  created?: number;
  /** The operator who let the client enrol. */
  by?: string;
}

export interface NewEnrolment {
  /** Told this once. */
  token: string;
  client?: string;
  expires: number;
}

export interface Account extends Operator {
  created: number;
  /** The last time; absent: never. */
  signed_in?: number;
}

export interface OperatorList {
  operators: Account[] | null;
}

export interface ApiToken {
  id: string;
  label: string;
  created: number;
  expires: number;
}

export interface TokenList {
  tokens: ApiToken[] | null;
}

export interface NewToken extends ApiToken {
  /** Told this once. */
  token: string;
}

export interface CommandView {
  id: string;
  kind: string;
  task: string;
  client: string;
  state: "pending" | "done" | "failed";
  error?: string;
  created: number;
  ended?: number;
}

/** What a service tells of itself; the time it is up is in seconds. */
export interface ServiceInfo {
  name: string;
  id: string;
  version: string;
  host: string;
  pid: number;
  uptime: number;
}

export interface Overview {
  tasks: Partial<Record<TaskState, number>>;
  clients: { known: number; seen: number; running_on: number };
  executions: { running: number; failed_lately: number };
  broker: { up: boolean; error?: string };
  history: {
    events: number;
    first: number;
    last: number;
    last_seq: number;
    bytes: number;
    keep_days: number;
    max_events: number;
  };
  services: ServiceInfo[] | null;
  running: Execution[] | null;
  failures: Execution[] | null;
  version: string;
  /** Why some of it could not be learnt and is empty. */
  missing?: string[];
}
