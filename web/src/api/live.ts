// What happens, as it happens: one connection to /api/v1/live that all parts of
// the page share, resumed where it broke, with back-off between attempts.
import type { Entry, RecordKind } from "./types";
import { url } from "./http";

export interface LiveFilter {
  /** Absent: all kinds. */
  kinds?: RecordKind[];
  task?: string;
  client?: string;
}

export interface LiveSubscriber {
  filter: LiveFilter;
  /** Entries since the last call, oldest first, at most every 250 ms. An entry may come twice: tell by its seq. */
  onEntries: (entries: Entry[]) => void;
  /** Some entries were missed: ask for the state anew. */
  onGap?: () => void;
}

export type LiveStatus = "idle" | "connecting" | "open" | "lost";

/** The part of EventSource that is used; tests give their own. */
export interface Source {
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  onopen: ((event: Event) => void) | null;
  onerror: ((event: Event) => void) | null;
  close(): void;
}

export interface LiveParts {
  connect: (address: string) => Source;
  setTimeout: (f: () => void, ms: number) => number;
  clearTimeout: (id: number) => void;
  random: () => number;
  /** Told at each attempt that failed: a stream does not say why. */
  onLost?: () => void;
}

const kinds: RecordKind[] = ["event", "round", "execution", "client"];
const flushEvery = 250;
const firstDelay = 500;
const longestDelay = 15_000;
/** The most entries that are held for a flush; beyond, readers are told of a gap. */
const mostHeld = 5000;

/** Milliseconds before attempt n (from 0), doubling, with up to a quarter taken off by chance (0..1). */
export function backOff(attempt: number, chance: number): number {
  const full = Math.min(longestDelay, firstDelay * 2 ** Math.min(attempt, 10));
  return Math.round(full * (1 - chance / 4));
}

/** The narrowest filter that lets through all that any of these wants. */
export function union(filters: LiveFilter[]): LiveFilter {
  const wanted = kinds.filter((k) => filters.some((f) => f.kinds === undefined || f.kinds.includes(k)));
  const same = (of: (f: LiveFilter) => string | undefined): string | undefined => {
    const first = filters[0] === undefined ? undefined : of(filters[0]);
    return filters.every((f) => of(f) === first) ? first : undefined;
  };
  const all: LiveFilter = {};
  if (wanted.length < kinds.length) all.kinds = wanted;
  const task = same((f) => f.task);
  const client = same((f) => f.client);
  if (task !== undefined) all.task = task;
  if (client !== undefined) all.client = client;
  return all;
}

export function matches(filter: LiveFilter, entry: Entry): boolean {
  return (
    (filter.kinds === undefined || filter.kinds.includes(entry.kind)) &&
    (filter.task === undefined || filter.task === entry.task) &&
    (filter.client === undefined || filter.client === entry.client)
  );
}

export class Live {
  private subscribers = new Set<LiveSubscriber>();
  private watchers = new Set<(status: LiveStatus) => void>();
  private source: Source | undefined;
  private address = "";
  private after = 0;
  private attempt = 0;
  private held: Entry[] = [];
  private kept = false;
  private timers: { retry?: number; flush?: number; change?: number } = {};
  status: LiveStatus = "idle";

  constructor(private readonly parts: LiveParts) {}

  /** Delivers what the filter lets through until the returned function is called. */
  subscribe(subscriber: LiveSubscriber): () => void {
    this.subscribers.add(subscriber);
    this.changed();
    return () => {
      this.subscribers.delete(subscriber);
      this.changed();
    };
  }

  /** Tells the status now and whenever it changes. */
  watch(watcher: (status: LiveStatus) => void): () => void {
    this.watchers.add(watcher);
    watcher(this.status);
    return () => this.watchers.delete(watcher);
  }

  /** Keeps the connection closed while nobody may have it; then it goes on where it was. */
  hold(on: boolean): void {
    if (on === this.kept) return;
    this.kept = on;
    if (on) {
      this.close();
      this.tell("idle");
    } else if (this.subscribers.size > 0) this.open();
  }

  /** Tries at once instead of at the end of the back-off. */
  retryNow(): void {
    if (this.status !== "lost") return;
    this.attempt = 0;
    this.open();
  }

  // A page that opens subscribes several times, and one that closes unsubscribes
  // as the next subscribes: the connection changes once, after all of them.
  private changed(): void {
    if (this.timers.change !== undefined) return;
    this.timers.change = this.parts.setTimeout(() => {
      delete this.timers.change;
      if (this.subscribers.size === 0) {
        this.close();
        this.after = 0; // whoever comes next begins with the present
        this.address = "";
        this.tell("idle");
      } else if (this.filterAddress() !== this.address) {
        this.open();
      }
    }, 0);
  }

  private filterAddress(): string {
    const filter = union([...this.subscribers].map((s) => s.filter));
    return url("/api/v1/live", { kinds: filter.kinds?.join(","), task: filter.task, client: filter.client });
  }

  private open(): void {
    this.close();
    if (this.kept) return;
    this.address = this.filterAddress();
    if (this.status !== "lost") this.tell("connecting");
    const join = this.address.includes("?") ? "&" : "?";
    const source = this.parts.connect(this.after > 0 ? `${this.address}${join}after=${this.after}` : this.address);
    this.source = source;
    source.onopen = () => {
      this.attempt = 0;
      this.tell("open");
    };
    // The browser's own retry has no back-off and gives up at a status that is
    // not 200: this one replaces it.
    source.onerror = () => this.lost();
    source.addEventListener("hello", (e) => {
      // A stream that resumes tells where the history is, not where this reader is.
      if (this.after === 0) this.after = (JSON.parse(e.data) as { seq: number }).seq;
    });
    source.addEventListener("gap", (e) => {
      // It may be less than before: then it is another history.
      this.after = (JSON.parse(e.data) as { seq: number }).seq;
      this.gap();
    });
    for (const kind of kinds) source.addEventListener(kind, (e) => this.take(JSON.parse(e.data) as Entry));
  }

  private take(entry: Entry): void {
    this.after = Math.max(this.after, entry.seq);
    this.held.push(entry);
    if (this.held.length > mostHeld) {
      this.held = [];
      this.gap();
    }
    this.timers.flush ??= this.parts.setTimeout(() => {
      delete this.timers.flush;
      this.flush();
    }, flushEvery);
  }

  private flush(): void {
    const entries = this.held;
    this.held = [];
    for (const s of [...this.subscribers]) {
      const mine = entries.filter((e) => matches(s.filter, e));
      if (mine.length > 0) s.onEntries(mine);
    }
  }

  private gap(): void {
    for (const s of [...this.subscribers]) s.onGap?.();
  }

  private lost(): void {
    this.close();
    this.tell("lost");
    this.timers.retry = this.parts.setTimeout(() => this.open(), backOff(this.attempt++, this.parts.random()));
    this.parts.onLost?.();
  }

  private close(): void {
    if (this.timers.retry !== undefined) this.parts.clearTimeout(this.timers.retry);
    delete this.timers.retry;
    this.source?.close();
    this.source = undefined;
  }

  private tell(status: LiveStatus): void {
    if (status === this.status) return;
    this.status = status;
    for (const w of [...this.watchers]) w(status);
  }
}
