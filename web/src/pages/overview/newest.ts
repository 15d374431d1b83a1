import type { Entry } from "../../api/types";

/** The newest of both lists, newest first, each entry once. */
export function newest(a: Entry[], b: Entry[], most: number): Entry[] {
  const all = new Map<string, Entry>();
  for (const e of [...a, ...b]) all.set(e.id, e);
  return [...all.values()].sort((x, y) => y.time - x.time || y.seq - x.seq).slice(0, most);
}
