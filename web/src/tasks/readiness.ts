import type { TaskFiles } from "../api/types";

/** What a task lacks before it can run, in words. */
export function readiness(files: TaskFiles): string[] {
  const lacks: string[] = [];
  const paths = (files.files ?? []).map((f) => f.path);
  if (!paths.includes("server.py")) lacks.push("There is no server.py among the task's files, and the server side is started from it. Upload it first.");
  const missing = files.missing ?? [];
  if (missing.length > 0) lacks.push(`Clients are to download files that are not there: ${missing.join(", ")}. Upload them first.`);
  return lacks;
}
