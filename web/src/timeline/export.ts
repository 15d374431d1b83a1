import type { TimelineEvent } from "./model";

/** Writes events in the contract's form: one array sorted by time, one event a line. */
export function eventsJSON(events: readonly TimelineEvent[]): string {
  const lines = [...events]
    .sort((a, b) => a.time - b.time)
    .map((e) => "\t" + JSON.stringify({ time: e.time, service: e.service, function: e.fn, event: e.text }));
  return lines.length === 0 ? "[]\n" : `[\n${lines.join(",\n")}\n]\n`;
}

/** Hands a text to the browser as a file to keep. */
export function saveAs(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
