import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { logs, logsLiveURL } from "../../api/client";
import { checkSession } from "../../api/gate";
import { isAbort, url } from "../../api/http";
import { backOff } from "../../api/live";
import { session } from "../../api/session";
import { addLines, keep, type LogLine } from "./log-buffer";

export type Following = "loading" | "live" | "paused" | "lost";

/** How many lines are asked for at first; the API gives no more at once. */
const first = 1000;
/** Lines that come while paused are held up to so many; beyond, the oldest go. */
const held = keep;

/**
 * The lines of a task's server side, and those to come. While paused nothing
 * moves; what came meanwhile is added afterwards.
 */
export function useLogs(task: string, execution: string): { lines: LogLine[]; state: Following; waiting: number; error: unknown; pause: (on: boolean) => void; retry: () => void; clear: () => void } {
  const [lines, setLines] = useState<LogLine[]>([]);
  const [state, setState] = useState<"loading" | "live" | "lost">("loading");
  const [paused, setPaused] = useState(false);
  const [waiting, setWaiting] = useState(0);
  const [error, setError] = useState<unknown>();
  const [attempt, setAttempt] = useState(0);
  const back = useRef({ paused, held: [] as string[] });
  back.current.paused = paused;

  useEffect(() => {
    const abort = new AbortController();
    let source: EventSource | undefined;
    let timer: number | undefined;
    let cursor = "";
    let failures = 0;
    let fresh: string[] = [];
    let frame: number | undefined;
    setLines([]);
    setState("loading");
    setError(undefined);
    back.current.held = [];
    setWaiting(0);

    // Lines come in bursts: they are drawn together.
    const take = (texts: string[]) => {
      fresh.push(...texts);
      frame ??= window.setTimeout(() => {
        frame = undefined;
        const now = fresh;
        fresh = [];
        if (!back.current.paused) setLines((l) => addLines(l, now));
        else {
          back.current.held = [...back.current.held, ...now].slice(-held);
          setWaiting(back.current.held.length);
        }
      }, 100);
    };
    const connect = () => {
      source = new EventSource(url(logsLiveURL(task), { after: cursor }));
      source.onopen = () => {
        failures = 0;
        setState("live");
      };
      source.addEventListener("lines", (e: MessageEvent<string>) => {
        cursor = e.lastEventId || cursor;
        take((JSON.parse(e.data) as { lines: string[] | null }).lines ?? []);
      });
      source.onerror = () => {
        source?.close();
        setState("lost");
        void checkSession(); // it may be that nobody is signed in any more
        timer = window.setTimeout(() => session.wait(abort.signal).then(connect, () => {}), backOff(failures++, Math.random()));
      };
    };
    logs(task, { lines: first }, abort.signal).then(
      (answer) => {
        cursor = answer.next ?? "";
        setLines(addLines([], answer.lines ?? []));
        connect();
      },
      (e: unknown) => {
        if (isAbort(e) || abort.signal.aborted) return;
        setError(e);
      },
    );
    return () => {
      abort.abort();
      source?.close();
      window.clearTimeout(timer);
      window.clearTimeout(frame);
    };
  }, [task, execution, attempt]);

  const pause = useCallback((on: boolean) => {
    setPaused(on);
    if (on) return;
    const late = back.current.held;
    back.current.held = [];
    setWaiting(0);
    if (late.length > 0) setLines((l) => addLines(l, late));
  }, []);
  return {
    lines,
    state: paused ? "paused" : state,
    waiting,
    error,
    pause,
    retry: useCallback(() => setAttempt((n) => n + 1), []),
    clear: useCallback(() => setLines((l) => l.slice(l.length)), []),
  };
}
