// @vitest-environment jsdom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, it } from "vitest";
import { mergePages, useAsk, usePages, type Asked, type Paged, type PageOf } from "./use";

/** A question that a test answers when it wants to. */
function questions<A, T>() {
  const open: { asked: A; signal: AbortSignal; answer: (value: T) => Promise<void>; fail: (error: unknown) => Promise<void> }[] = [];
  const ask = (asked: A, signal: AbortSignal) =>
    new Promise<T>((resolve, reject) => {
      open.push({
        asked,
        signal,
        answer: (value) => act(async () => resolve(value)),
        fail: (error) => act(async () => reject(error)),
      });
    });
  const next = () => {
    const question = open.shift();
    if (!question) throw new Error("nothing was asked");
    return question;
  };
  return { ask, open, next };
}

const root = document.createElement("div");
afterEach(() => act(() => render(null, root)));
const settle = () => act(() => new Promise<void>((resolve) => setTimeout(resolve, 5)));

describe("useAsk", () => {
  function setup() {
    const q = questions<string, string>();
    let now!: Asked<string>;
    function Probe({ name }: { name: string | null }) {
      now = useAsk(name, (signal) => q.ask(name ?? "", signal));
      return null;
    }
    const show = (name: string | null) => act(() => render(<Probe name={name} />, root));
    return { q, show, now: () => now };
  }

  it("keeps an answer while it is refreshed, also by a failure", async () => {
    const { q, show, now } = setup();
    show("a");
    expect(now()).toMatchObject({ data: undefined, loading: true });
    await q.next().answer("1");
    expect(now()).toMatchObject({ data: "1", loading: false });
    act(() => now().refresh());
    expect(now()).toMatchObject({ data: "1", loading: true });
    await q.next().fail(new Error("no"));
    expect(now()).toMatchObject({ data: "1", loading: false, error: new Error("no") });
  });

  it("drops the answer of an old key, also one that comes late", async () => {
    const { q, show, now } = setup();
    show("a");
    const old = q.next();
    show("b");
    expect(old.signal.aborted).toBe(true);
    await old.answer("of a");
    expect(now().data).toBeUndefined();
    await q.next().answer("of b");
    expect(now().data).toBe("of b");
  });

  it("makes one more request of many refreshes", async () => {
    const { q, show, now } = setup();
    show("a");
    for (let i = 0; i < 5; i++) act(() => now().refresh());
    expect(q.open).toHaveLength(1);
    await q.next().answer("1");
    await settle();
    expect(q.open).toHaveLength(1);
    await q.next().answer("2");
    await settle();
    expect(q.open).toHaveLength(0);
    expect(now().data).toBe("2");
  });

  it("asks nothing without a key", () => {
    const { q, show, now } = setup();
    show(null);
    expect(q.open).toHaveLength(0);
    expect(now().loading).toBe(false);
  });
});

describe("usePages", () => {
  interface Ask {
    cursor?: string | undefined;
    limit: number;
  }
  function setup() {
    const q = questions<Ask, PageOf<string>>();
    let now!: Paged<string>;
    function Probe({ name }: { name: string }) {
      now = usePages(name, q.ask, (item) => item, 2);
      return null;
    }
    const show = (name: string) => act(() => render(<Probe name={name} />, root));
    return { q, show, now: () => now };
  }

  it("goes on page by page and ends", async () => {
    const { q, show, now } = setup();
    show("");
    await q.next().answer({ items: ["a", "b"], next: "b", total: 3 });
    expect(now()).toMatchObject({ items: ["a", "b"], total: 3, hasMore: true, loading: false });
    act(() => now().more());
    expect(now().loadingMore).toBe(true);
    const second = q.next();
    expect(second.asked).toEqual({ cursor: "b", limit: 2 });
    await second.answer({ items: ["c"], total: 3 });
    expect(now()).toMatchObject({ items: ["a", "b", "c"], hasMore: false, loadingMore: false });
    act(() => now().more());
    expect(q.open).toHaveLength(0);
  });

  it("refreshes all that was loaded at once", async () => {
    const { q, show, now } = setup();
    show("");
    await q.next().answer({ items: ["a", "b"], next: "b" });
    act(() => now().more());
    await q.next().answer({ items: ["c", "d"], next: "d" });
    act(() => now().refresh());
    const again = q.next();
    expect(again.asked).toEqual({ cursor: undefined, limit: 4 });
    await again.answer({ items: ["new", "a", "b", "c"], next: "c" });
    expect(now()).toMatchObject({ items: ["new", "a", "b", "c"], hasMore: true });
  });

  it("gives the next page after a refresh that it was asked for in", async () => {
    const { q, show, now } = setup();
    show("");
    await q.next().answer({ items: ["a", "b"], next: "b" });
    act(() => now().refresh());
    act(() => now().more());
    expect(q.open).toHaveLength(1);
    await q.next().answer({ items: ["a", "b"], next: "b" });
    await settle();
    expect(q.next().asked.cursor).toBe("b");
  });

  it("keeps its rows when a page fails, and begins anew for another key", async () => {
    const { q, show, now } = setup();
    show("x");
    await q.next().answer({ items: ["a", "b"], next: "b" });
    act(() => now().more());
    await q.next().fail(new Error("no"));
    expect(now()).toMatchObject({ items: ["a", "b"], error: new Error("no"), loadingMore: false });
    show("y");
    expect(now()).toMatchObject({ items: [], error: undefined, loading: true });
    await q.next().answer({ items: ["z"] });
    expect(now().items).toEqual(["z"]);
  });
});

it("joins a refreshed head and an older tail, each once", () => {
  expect(mergePages(["new", "a", "b"], ["b", "c"], (s) => s)).toEqual(["new", "a", "b", "c"]);
});
