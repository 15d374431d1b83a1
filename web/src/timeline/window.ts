/** The part of time that is looked at, in unix seconds. */
export interface Window {
  from: number;
  to: number;
}

/** The narrowest and widest windows, in seconds: events have microseconds; history is days. */
export const narrowest = 1e-4;
export const widest = 400 * 86400;

export const span = (w: Window): number => w.to - w.from;

/** A window of allowed width around the middle of another. */
export function fitWindow(w: Window): Window {
  const width = Math.min(Math.max(span(w), narrowest), widest);
  if (width === span(w)) return w;
  const middle = (w.from + w.to) / 2;
  return { from: middle - width / 2, to: middle + width / 2 };
}

/** Zooms about a place (0: left edge, 1: right edge); a factor below 1 goes in. */
export function zoom(w: Window, factor: number, at = 0.5): Window {
  const width = Math.min(Math.max(span(w) * factor, narrowest), widest);
  const fixed = w.from + span(w) * at;
  return { from: fixed - width * at, to: fixed + width * (1 - at) };
}

/** Moves by a part of the window's width: 0.1 is a tenth later. */
export function pan(w: Window, part: number): Window {
  const by = span(w) * part;
  return { from: w.from + by, to: w.to + by };
}

/** A window that shows from first to last with some air; a single moment gets a second. */
export function around(first: number, last: number, air = 0.05): Window {
  const width = Math.max(last - first, 0);
  const pad = width > 0 ? width * air : 0.5;
  return fitWindow({ from: first - pad, to: last + pad });
}

/** What keys do, for the timeline that has the focus; null: not a key of ours. */
export function onKey(w: Window, key: string, whole: Window | null): Window | null {
  switch (key) {
    case "ArrowLeft":
      return pan(w, -0.15);
    case "ArrowRight":
      return pan(w, 0.15);
    case "+":
    case "=":
      return zoom(w, 1 / 1.6);
    case "-":
    case "_":
      return zoom(w, 1.6);
    case "Home":
      return whole;
    default:
      return null;
  }
}
