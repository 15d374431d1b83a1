// What the list of tasks shows, kept in the address, so that it can be shared and
// survives a reload.
import type { TaskState } from "../../api/types";

export const states: TaskState[] = ["new", "running", "finished", "failed", "stopped"];

export interface ListQuery {
  state: TaskState | "";
  q: string;
  order: "newest" | "id";
}

export function readQuery(search: string): ListQuery {
  const params = new URLSearchParams(search);
  const state = params.get("state") ?? "";
  return {
    state: (states as string[]).includes(state) ? (state as TaskState) : "",
    q: params.get("q") ?? "",
    order: params.get("order") === "id" ? "id" : "newest",
  };
}

/** The query as an address's search; the defaults are left out. */
export function writeQuery(query: ListQuery): string {
  const params = new URLSearchParams();
  if (query.state !== "") params.set("state", query.state);
  if (query.q !== "") params.set("q", query.q);
  if (query.order !== "newest") params.set("order", query.order);
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}
