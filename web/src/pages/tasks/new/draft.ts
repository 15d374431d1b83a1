// A task as it is being filled in, and the request that it becomes. Pure.
import type { CreateTask } from "../../../api/types";
import { portOf } from "../../../tasks/changes";
import { check, type Messages, type Schema } from "../../../tasks/schema";
import { patternsInWords } from "../../../tasks/use-schema";

export interface Draft {
  task_id: string;
  host: string;
  port: string;
  username: string;
  password: string;
  selection_criteria: string;
  server_arguments: string;
  client_arguments: string;
  tags: string[];
  /** Paths of the picked files that clients download. */
  forClients: string[];
  /** Further paths that clients download, to be uploaded later. */
  otherForClients: string[];
}

export const emptyDraft = (host: string, password: string): Draft => ({
  task_id: "",
  host,
  port: "8080",
  username: "agata",
  password,
  selection_criteria: "",
  server_arguments: "",
  client_arguments: "",
  tags: [],
  forClients: [],
  otherForClients: [],
});

/** The request of a draft; `picked` are the files at hand. Optional fields that are empty are left out. */
export function requestOf(draft: Draft, picked: string[]): CreateTask {
  const files = new Set([...picked.filter((p) => draft.forClients.includes(p)), ...draft.otherForClients]);
  const request: CreateTask = {
    task_id: draft.task_id,
    host: draft.host.trim(),
    port: portOf(draft.port),
    username: draft.username,
    password: draft.password,
    files_paths: [...files],
  };
  if (draft.selection_criteria.trim() !== "") request.selection_criteria = draft.selection_criteria;
  if (draft.server_arguments !== "") request.server_arguments = draft.server_arguments;
  if (draft.client_arguments !== "") request.client_arguments = draft.client_arguments;
  if (draft.tags.length > 0) request.tags = draft.tags;
  return request;
}

/** What is wrong with a request: by its schema, and what the schema lets through but no task can do without. */
export function faults(request: CreateTask, schema: Schema | undefined): Messages {
  const messages: Messages = {};
  if (request.host === "") messages.host = "Clients need to know where the task's server listens.";
  if (request.username === "") messages.username = "Clients download the files with it.";
  if (request.password === "") messages.password = "Without one, anybody could download the files.";
  if (request.task_id === "") messages.task_id = "This is needed.";
  if (!schema) return messages;
  return { ...messages, ...check(schema, { ...request }, patternsInWords) };
}

/** A remark on the files before the task is created; "" if there is none. */
export function fileRemark(picked: string[], forClients: string[]): string {
  if (picked.length === 0) return "";
  if (!picked.includes("server.py")) return "There is no server.py among them: the task cannot start without one.";
  if (!forClients.includes("client.py")) return "client.py is not among the files for clients: clients that get the task could not run it.";
  return "";
}

/** A message of the API, which may be a fragment such as "is taken", as a sentence about a field. */
export function sentence(label: string, message: string): string {
  if (!/^[a-z]/.test(message)) return message;
  return `${label} ${message}${/[.!?]$/.test(message) ? "" : "."}`;
}

/** A password that nobody guesses. */
export function makePassword(): string {
  const letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  // 56 letters: of the byte's 256 values, 224 are used, so that each is as likely.
  let text = "";
  while (text.length < 20) {
    for (const b of crypto.getRandomValues(new Uint8Array(32))) {
      if (b < 224 && text.length < 20) text += letters[b % 56];
    }
  }
  return text;
}
