import type { Window } from "./window";

/** A mark of the time axis. A major one begins a new day, minute or second. */
export interface Tick {
  time: number;
  label: string;
}

/** The scale of an axis: its ticks and what they all have in common. */
export interface Axis {
  ticks: Tick[];
  /** Date and, for short windows, the time that the labels count from. */
  context: string;
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000];

const two = (n: number) => String(n).padStart(2, "0");

/** Seconds between ticks so that at most `most` fit into a width of time. */
export function step(width: number, most: number): number {
  const least = width / Math.max(most, 1);
  if (least <= 1) {
    const power = 10 ** Math.floor(Math.log10(least));
    for (const m of [1, 2, 5, 10]) if (m * power >= least * (1 - 1e-9)) return m * power;
  }
  return steps.find((s) => s >= least) ?? Math.ceil(least / 2592000) * 2592000;
}

/**
 * Ticks for a window, in local time. Windows of less than about a second are told
 * in milliseconds from a full second: a clock's digits would not fit.
 */
export function axis(w: Window, most: number): Axis {
  const by = step(w.to - w.from, most);
  if (by < 0.1) return fineAxis(w, by);
  const offset = new Date(w.from * 1000).getTimezoneOffset() * 60;
  const ticks: Tick[] = [];
  for (let n = Math.ceil((w.from - offset) / by); n * by + offset <= w.to; n++) {
    const time = n * by + offset;
    ticks.push({ time, label: clock(time, by) });
  }
  return { ticks, context: day(w.from) === day(w.to) ? day(w.from) : `${day(w.from)} – ${day(w.to)}` };
}

function fineAxis(w: Window, by: number): Axis {
  const base = Math.floor(w.from);
  const digits = Math.max(0, Math.ceil(-Math.log10(by * 1000) - 1e-9));
  const ticks: Tick[] = [];
  // Counted in whole steps, so that no rounding piles up.
  for (let n = Math.ceil((w.from - base) / by - 1e-9); base + n * by <= w.to; n++) {
    ticks.push({ time: base + n * by, label: `+${(n * by * 1000).toFixed(digits)} ms` });
  }
  return { ticks, context: `${day(base)} ${clock(base, 1)}` };
}

function clock(time: number, by: number): string {
  const d = new Date(time * 1000);
  if (by >= 86400) return `${d.getDate()} ${d.toLocaleString("en", { month: "short" })}`;
  if (by >= 43200 && d.getHours() === 0) return `${d.getDate()} ${d.toLocaleString("en", { month: "short" })}`;
  const minutes = `${two(d.getHours())}:${two(d.getMinutes())}`;
  if (by >= 60) return minutes;
  const seconds = `${minutes}:${two(d.getSeconds())}`;
  return by >= 1 ? seconds : `${seconds}.${Math.round(d.getMilliseconds() / 100) % 10}`;
}

function day(time: number): string {
  const d = new Date(time * 1000);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** A moment in full: local date and time with as many decimals as asked for. */
export function moment(time: number, decimals = 3): string {
  const whole = Math.floor(time);
  const part = Math.min(time - whole, 1 - 10 ** -decimals / 2 - 1e-12);
  return `${day(whole)} ${clock(whole, 1)}${decimals > 0 ? part.toFixed(decimals).slice(1) : ""}`;
}

/** A moment's time of day alone. */
export const timeOfDay = (time: number, decimals = 3): string => moment(time, decimals).slice(11);
