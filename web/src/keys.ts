import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "wouter-preact";

/** The keys that work on every page, for the help as well. */
export const keys: { keys: string[]; does: string; to?: string }[] = [
  { keys: ["g", "o"], does: "Overview", to: "/" },
  { keys: ["g", "t"], does: "Tasks", to: "/tasks" },
  { keys: ["g", "c"], does: "Clients", to: "/clients" },
  { keys: ["g", "e"], does: "Timeline of events", to: "/timeline" },
  { keys: ["g", "a"], does: "Access", to: "/access" },
  { keys: ["n"], does: "New task", to: "/tasks/new" },
  { keys: ["/"], does: "Search on this page" },
  { keys: ["?"], does: "This help" },
  { keys: ["Esc"], does: "Close a dialog, empty the search" },
];

/** Where a key leads, after the one before it ("" when that was long ago). */
export function destination(before: string, key: string): string | undefined {
  return keys.find((k) => k.to !== undefined && (k.keys.length === 1 ? before !== "g" && k.keys[0] === key : k.keys[0] === before && k.keys[1] === key))?.to;
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export function useKeys(onHelp: () => void): void {
  const [, go] = useLocation();
  const latest = useRef({ onHelp, go });
  latest.current = { onHelp, go };
  useEffect(() => {
    let before = "";
    let at = 0;
    const onKey = (e: KeyboardEvent) => {
      if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || typing(e.target) || document.querySelector("dialog[open]")) return;
      if (e.timeStamp - at > 1000) before = "";
      const to = destination(before, e.key);
      if (to !== undefined) {
        e.preventDefault();
        latest.current.go(to);
      } else if (e.key === "/") {
        const search = document.querySelector<HTMLInputElement>("main [data-search]");
        if (search) {
          e.preventDefault();
          search.focus();
          search.select();
        }
      } else if (e.key === "?") {
        latest.current.onHelp();
      }
      before = to === undefined ? e.key : "";
      at = e.timeStamp;
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
