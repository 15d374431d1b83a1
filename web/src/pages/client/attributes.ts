import type { User } from "../../api/types";

/** What a client told of itself, by the names that criteria use. What it did not tell is left out. */
export function attributes(u: User): [name: string, value: string][] {
  const list: [string, unknown][] = [
    ["data_qnt", u.data_qnt],
    ["sensors", u.sensors?.length ? u.sensors.join(", ") : null],
    ["avg_acc_contrib", u.avg_acc_contrib],
    ["avg_disconnection_per_round", u.avg_disconnection_per_round],
    ...Object.entries(u.attributes ?? {}).sort(([a], [b]) => a.localeCompare(b)),
  ];
  return list.filter(([, v]) => v !== null && v !== undefined).map(([name, v]) => [name, typeof v === "string" ? v : JSON.stringify(v)]);
}
