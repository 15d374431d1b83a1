// What an edit changes, and where it meets somebody else's. Pure.
import type { TaskChange, TaskDetail } from "../api/types";

/** The form's fields, all texts. The password is empty as long as it is to stay. */
export interface TaskForm {
  host: string;
  port: string;
  username: string;
  password: string;
  selection_criteria: string;
  server_arguments: string;
  client_arguments: string;
}

export type FormField = keyof TaskForm;

export const labels: Record<FormField, string> = {
  host: "Host",
  port: "Port",
  username: "User name",
  password: "Password",
  selection_criteria: "Selection criteria",
  server_arguments: "Server arguments",
  client_arguments: "Client arguments",
};

export function formOf(task: TaskDetail): TaskForm {
  return {
    host: task.host,
    port: String(task.port),
    username: task.username,
    password: "",
    selection_criteria: task.selection_criteria,
    server_arguments: task.server_arguments,
    client_arguments: task.client_arguments ?? "",
  };
}

/** A port as typed: a number where it is one. */
export const portOf = (text: string): number => (text.trim() === "" ? NaN : Number(text));

/** The fields that the form changes of what it began with. */
export function changed(base: TaskForm, form: TaskForm): FormField[] {
  return (Object.keys(labels) as FormField[]).filter((f) => form[f] !== base[f]);
}

export function changeOf(base: TaskForm, form: TaskForm): TaskChange {
  const change: TaskChange = {};
  for (const field of changed(base, form)) {
    if (field === "port") change.port = portOf(form.port);
    else change[field] = form[field];
  }
  return change;
}

export interface Difference {
  field: FormField;
  before: string;
  /** What the cloud has now. */
  theirs: string;
  /** What this form would make of it. */
  mine: string;
  /** Both changed it, to different values. */
  conflict: boolean;
}

/** How the task was changed meanwhile, and what this form would change. */
export function differences(base: TaskForm, latest: TaskForm, form: TaskForm): Difference[] {
  const fields = new Set([...changed(base, latest), ...changed(base, form)]);
  return [...fields].map((field) => {
    const mine = form[field] !== base[field];
    const theirs = latest[field] !== base[field];
    return {
      field,
      before: base[field],
      theirs: latest[field],
      mine: mine ? form[field] : latest[field],
      conflict: mine && theirs && form[field] !== latest[field],
    };
  });
}

/** The form on top of the latest state: what this form changed stays, the rest is the latest. */
export function rebase(base: TaskForm, latest: TaskForm, form: TaskForm): TaskForm {
  const next = { ...latest };
  for (const field of changed(base, form)) next[field] = form[field];
  return next;
}
