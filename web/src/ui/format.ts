// How values are written for people. Pure; components are elsewhere.

const number = new Intl.NumberFormat("en-GB");
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const dateTime = new Intl.DateTimeFormat("en-GB", {
  year: "numeric", month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
});

/** 12,345 */
export const count = (n: number): string => number.format(n);
/** 12.3K */
export const shortCount = (n: number): string => compact.format(n);
/** "1 task", "2 tasks" */
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

/** 1.4 MB, in powers of 1000. */
export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = n;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Seconds as 430 ms, 1.2 s, 3 min 4 s, 2 h 5 min, 3 d 4 h. */
export function duration(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s < 0.9995) return `${Math.round(s * 1000)} ms`;
  if (s < 59.95) return `${s < 9.95 ? s.toFixed(1) : Math.round(s)} s`;
  const whole = Math.round(s);
  const pair = (big: number, unit: string, small: number, lower: string) =>
    small === 0 ? `${big} ${unit}` : `${big} ${unit} ${small} ${lower}`;
  if (whole < 3600) return pair(Math.floor(whole / 60), "min", whole % 60, "s");
  if (whole < 86_400) return pair(Math.floor(whole / 3600), "h", Math.floor((whole % 3600) / 60), "min");
  return pair(Math.floor(whole / 86_400), "d", Math.floor((whole % 86_400) / 3600), "h");
}

/** Unix seconds, seen from `now`: just now, 12 s ago, in 3 min, 2 d ago; "never" for 0. */
export function ago(at: number, now: number): string {
  if (!at) return "never";
  const past = now - at;
  const s = Math.abs(past);
  if (s < 2) return "just now";
  const [n, unit] = s < 60 ? [s, "s"] : s < 3600 ? [s / 60, "min"] : s < 86_400 ? [s / 3600, "h"] : [s / 86_400, "d"];
  const text = `${Math.floor(n)} ${unit}`;
  return past > 0 ? `${text} ago` : `in ${text}`;
}

/** Unix seconds as 22 Nov 2025, 05:41:07, in the browser's time zone. */
export const moment = (at: number): string => dateTime.format(new Date(at * 1000));

/** Unix seconds as 05:41:07.123. */
export function clock(at: number): string {
  const d = new Date(at * 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, "0")}`;
}

/** The contract's "2006-01-02 15:04:05" as unix seconds, taken as the browser's local time; 0 if it is none. */
export function contractDate(text: string): number {
  const at = Date.parse(text.replace(" ", "T"));
  return Number.isNaN(at) ? 0 : at / 1000;
}

/** A model's figure as reported: 0.91234 becomes 0.9123; any other text stays. */
export function figure(text: string): string {
  const n = Number(text);
  if (text.trim() === "" || !Number.isFinite(n)) return text;
  return Number.isInteger(n) ? text : String(Number(n.toPrecision(4)));
}
