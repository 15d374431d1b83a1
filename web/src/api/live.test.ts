import { describe, expect, it, vi } from "vitest";
import { backOff, Live, matches, union, type LiveStatus, type Source } from "./live";
import type { Entry } from "./types";

/** A server and a clock that a test moves by hand. */
function world() {
  const sources: (Source & { address: string; closed: boolean; emit: (type: string, data: unknown) => void })[] = [];
  let now = 0;
  let ids = 0;
  const timers = new Map<number, { at: number; f: () => void }>();
  const live = new Live({
    connect: (address) => {
      const listeners = new Map<string, (e: MessageEvent<string>) => void>();
      const source = {
        address,
        closed: false,
        onopen: null,
        onerror: null,
        addEventListener: (type: string, f: (e: MessageEvent<string>) => void) => void listeners.set(type, f),
        close() {
          this.closed = true;
        },
        emit: (type: string, data: unknown) => listeners.get(type)?.({ data: JSON.stringify(data) } as MessageEvent<string>),
      };
      sources.push(source);
      return source;
    },
    setTimeout: (f, ms) => {
      timers.set(++ids, { at: now + ms, f });
      return ids;
    },
    clearTimeout: (id) => void timers.delete(id),
    random: () => 0,
  });
  const pass = (ms: number) => {
    const until = now + ms;
    for (;;) {
      const next = [...timers].filter(([, t]) => t.at <= until).sort((a, b) => a[1].at - b[1].at)[0];
      if (!next) break;
      timers.delete(next[0]);
      now = next[1].at;
      next[1].f();
    }
    now = until;
  };
  const last = () => {
    const source = sources[sources.length - 1];
    if (!source) throw new Error("nothing was connected");
    return source;
  };
  return { live, sources, pass, last };
}

const entry = (seq: number, more: Partial<Entry> = {}): Entry => ({ seq, id: String(seq), kind: "event", time: seq, ...more });

describe("live", () => {
  it("shares one connection, as narrow as all readers allow", () => {
    const { live, sources, pass } = world();
    live.subscribe({ filter: { kinds: ["event"], task: "a" }, onEntries: () => {} });
    live.subscribe({ filter: { kinds: ["round"], task: "a" }, onEntries: () => {} });
    pass(0);
    expect(sources.map((s) => s.address)).toEqual(["/api/v1/live?kinds=event%2Cround&task=a"]);
  });

  it("gives each reader what it asked for, gathered", () => {
    const { live, pass, last } = world();
    const a = vi.fn();
    const b = vi.fn();
    live.subscribe({ filter: { task: "a" }, onEntries: a });
    live.subscribe({ filter: { kinds: ["round"] }, onEntries: b });
    pass(0);
    last().emit("event", entry(1, { task: "a" }));
    last().emit("round", entry(2, { task: "a", kind: "round" }));
    last().emit("round", entry(3, { task: "b", kind: "round" }));
    expect(a).not.toHaveBeenCalled();
    pass(250);
    expect(a.mock.calls.map(([entries]) => (entries as Entry[]).map((e) => e.seq))).toEqual([[1, 2]]);
    expect(b.mock.calls.map(([entries]) => (entries as Entry[]).map((e) => e.seq))).toEqual([[2, 3]]);
  });

  it("resumes after the last entry, waiting longer each time", () => {
    const { live, sources, pass, last } = world();
    const states: LiveStatus[] = [];
    live.watch((s) => states.push(s));
    live.subscribe({ filter: {}, onEntries: () => {} });
    pass(0);
    last().onopen?.(new Event("open"));
    last().emit("hello", { seq: 40 });
    last().emit("event", entry(42));
    last().onerror?.(new Event("error"));
    expect(sources[0]?.closed).toBe(true);
    pass(499);
    expect(sources).toHaveLength(1);
    pass(1);
    expect(last().address).toBe("/api/v1/live?after=42");
    last().onerror?.(new Event("error"));
    pass(999);
    expect(sources).toHaveLength(2);
    pass(1);
    expect(sources).toHaveLength(3);
    last().onopen?.(new Event("open"));
    expect(states).toEqual(["idle", "connecting", "open", "lost", "open"]);
    // After a success the waits begin short again.
    last().onerror?.(new Event("error"));
    pass(500);
    expect(sources).toHaveLength(4);
  });

  it("resumes from where it began when nothing has come yet", () => {
    const { live, pass, last } = world();
    live.subscribe({ filter: {}, onEntries: () => {} });
    pass(0);
    last().emit("hello", { seq: 7 });
    last().onerror?.(new Event("error"));
    pass(500);
    expect(last().address).toBe("/api/v1/live?after=7");
    last().emit("hello", { seq: 7 });
  });

  it("tells of a gap and goes on from its end, also when the history is another one", () => {
    const { live, pass, last } = world();
    const onGap = vi.fn();
    live.subscribe({ filter: {}, onEntries: () => {}, onGap });
    pass(0);
    last().emit("hello", { seq: 900 });
    last().emit("gap", { seq: 3 });
    expect(onGap).toHaveBeenCalledOnce();
    last().onerror?.(new Event("error"));
    pass(500);
    expect(last().address).toBe("/api/v1/live?after=3");
  });

  it("keeps still while it is held, and then goes on where it was", () => {
    const { live, sources, pass, last } = world();
    const states: LiveStatus[] = [];
    live.watch((s) => states.push(s));
    live.subscribe({ filter: {}, onEntries: () => {} });
    pass(0);
    last().onopen?.(new Event("open"));
    last().emit("event", entry(5));
    last().onerror?.(new Event("error"));
    live.hold(true);
    pass(60_000);
    expect(sources).toHaveLength(1);
    expect(last().closed).toBe(true);
    live.subscribe({ filter: {}, onEntries: () => {} });
    pass(0);
    expect(sources).toHaveLength(1);
    live.hold(false);
    expect(last().address).toBe("/api/v1/live?after=5");
    last().onopen?.(new Event("open"));
    expect(states).toEqual(["idle", "connecting", "open", "lost", "idle", "connecting", "open"]);
  });

  it("connects anew when the readers want something else, and not when they want the same", () => {
    const { live, sources, pass, last } = world();
    const stop = live.subscribe({ filter: { task: "a" }, onEntries: () => {} });
    pass(0);
    last().emit("event", entry(5, { task: "a" }));
    // A page leaves and the next comes: one change.
    stop();
    const stop2 = live.subscribe({ filter: { task: "a" }, onEntries: () => {} });
    pass(0);
    expect(sources).toHaveLength(1);
    live.subscribe({ filter: { task: "b" }, onEntries: () => {} });
    pass(0);
    expect(sources.map((s) => s.address)).toEqual(["/api/v1/live?task=a", "/api/v1/live?after=5"]);
    stop2();
    pass(0);
    expect(last().address).toBe("/api/v1/live?task=b&after=5");
  });

  it("closes when nobody listens, and then begins with the present", () => {
    const { live, sources, pass, last } = world();
    const stop = live.subscribe({ filter: {}, onEntries: () => {} });
    pass(0);
    last().emit("event", entry(5));
    stop();
    pass(0);
    expect(sources[0]?.closed).toBe(true);
    expect(live.status).toBe("idle");
    live.subscribe({ filter: {}, onEntries: () => {} });
    pass(0);
    expect(last().address).toBe("/api/v1/live");
  });

  it("drops a flood and says so, instead of holding it", () => {
    const { live, pass, last } = world();
    const onGap = vi.fn();
    const onEntries = vi.fn();
    live.subscribe({ filter: {}, onEntries, onGap });
    pass(0);
    for (let seq = 1; seq <= 5001; seq++) last().emit("event", entry(seq));
    expect(onGap).toHaveBeenCalledOnce();
    pass(250);
    expect(onEntries).not.toHaveBeenCalled();
  });

  it("tries at once when asked to, only while lost", () => {
    const { live, sources, pass, last } = world();
    live.subscribe({ filter: {}, onEntries: () => {} });
    pass(0);
    live.retryNow();
    expect(sources).toHaveLength(1);
    last().onerror?.(new Event("error"));
    live.retryNow();
    expect(sources).toHaveLength(2);
    pass(60_000);
    expect(sources).toHaveLength(2);
  });
});

describe("backOff", () => {
  it.each([
    [0, 0, 500],
    [1, 0, 1000],
    [4, 0, 8000],
    [5, 0, 15_000],
    [1000, 0, 15_000],
    [0, 1, 375],
  ])("attempt %i with chance %f waits %i ms", (attempt, chance, want) => {
    expect(backOff(attempt, chance)).toBe(want);
  });
});

describe("union", () => {
  it.each([
    [[{}], {}],
    [[{ kinds: ["event" as const] }, {}], {}],
    [[{ kinds: ["event" as const], task: "a" }, { kinds: ["client" as const], task: "a" }], { kinds: ["event", "client"], task: "a" }],
    [[{ task: "a" }, { task: "b" }], {}],
    [[{ task: "a" }, {}], {}],
    [[{ client: "x" }, { client: "x", task: "a" }], { client: "x" }],
  ])("%j", (filters, want) => {
    expect(union(filters)).toEqual(want);
    // Whatever one of them lets through, the union does.
    const one = entry(1, { kind: "event", task: "a", client: "x" });
    if (filters.some((f) => matches(f, one))) expect(matches(union(filters), one)).toBe(true);
  });
});
