import { useEffect, useState } from "preact/hooks";

/** The colour that a CSS variable stands for where an element is, as the canvas needs it. */
export function color(at: Element, variable: string): string {
  const probe = document.createElement("span");
  probe.hidden = true;
  probe.style.color = `var(${variable})`;
  at.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** A number that changes when the theme does: what is drawn with its colours is drawn again. */
export function useThemeChange(): number {
  const [changes, setChanges] = useState(0);
  useEffect(() => {
    const again = () => setChanges((n) => n + 1);
    const watch = new MutationObserver(again);
    watch.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class"] });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", again);
    return () => {
      watch.disconnect();
      dark.removeEventListener("change", again);
    };
  }, []);
  return changes;
}

/** How many colours lines have; then they repeat, with dashes. */
export const palette = 8;

/**
 * Gives each key a place that it keeps while it is there, the lowest that is free:
 * of few lines none look alike, and none changes its colour as others come and go.
 */
export function assignPlaces(before: ReadonlyMap<string, number>, keys: readonly string[]): Map<string, number> {
  const places = new Map(keys.flatMap((k) => (before.has(k) ? [[k, before.get(k)!] as const] : [])));
  const taken = new Set(places.values());
  let next = 0;
  for (const k of keys) {
    if (places.has(k)) continue;
    while (taken.has(next)) next++;
    taken.add(next);
    places.set(k, next);
  }
  return places;
}

/** The CSS variable of a line: the aggregate's is its own. */
export const lineColor = (place: number): string => (place < 0 ? "--chart-aggregate" : `--series-${(place % palette) + 1}`);
