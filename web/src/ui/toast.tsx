// Short messages in a corner, spoken by screen readers.
import { useEffect, useState } from "preact/hooks";
import { ApiError, errorText } from "../api/http";
import { Button } from "./button";
import { Icon } from "./icon";

export interface Toast {
  id: number;
  tone: "good" | "bad" | "info";
  text: string;
  /** Finds it in the services' logs. */
  correlationId?: string;
}

type Listener = (toasts: Toast[]) => void;

let toasts: Toast[] = [];
let lastID = 0;
const listeners = new Set<Listener>();
const most = 4;

function publish(next: Toast[]) {
  toasts = next;
  listeners.forEach((f) => f(toasts));
}

function show(tone: Toast["tone"], text: string, correlationId = "") {
  const id = ++lastID;
  publish([...toasts, { id, tone, text, ...(correlationId ? { correlationId } : {}) }].slice(-most));
  // A failure stays until it is dismissed: it may need to be read twice.
  if (tone !== "bad") window.setTimeout(() => dismiss(id), 6000);
}

function dismiss(id: number) {
  publish(toasts.filter((t) => t.id !== id));
}

export const toast = {
  good: (text: string) => show("good", text),
  info: (text: string) => show("info", text),
  /** A failure: what was tried, and the error with its hint. */
  bad: (what: string, error: unknown) =>
    show("bad", `${what}: ${errorText(error)}`, error instanceof ApiError ? error.correlationId : ""),
};

/** Where toasts appear: once, in the shell. */
export function Toasts() {
  const [shown, setShown] = useState<Toast[]>(toasts);
  useEffect(() => {
    listeners.add(setShown);
    return () => void listeners.delete(setShown);
  }, []);
  return (
    <div class="toasts" role="region" aria-label="Messages" aria-live="polite" aria-relevant="additions">
      {shown.map((t) => (
        <div key={t.id} class={`toast ${t.tone}`}>
          <Icon name={t.tone === "good" ? "check" : t.tone === "bad" ? "warning" : "info"} />
          <div class="toast-text">
            {t.text}
            {t.correlationId && (
              <div class="notice-id">
                In the logs: <code>{t.correlationId}</code>
              </div>
            )}
          </div>
          <Button variant="ghost" size="small" icon="cross" label="Dismiss" onClick={() => dismiss(t.id)} />
        </div>
      ))}
    </div>
  );
}
