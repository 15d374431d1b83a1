import { describe, expect, it } from "vitest";
import { covers, refusal, Session, type Standing } from "./session";

const ada = { name: "ada", role: "admin" as const };
const vera = { name: "vera", role: "viewer" as const };

function signedIn(operator: typeof ada | typeof vera = ada) {
  const s = new Session();
  s.ask();
  s.take({ operator, open: false });
  return s;
}

describe("a session", () => {
  it("holds nobody before it was asked for, and in an open cloud", () => {
    const s = new Session();
    expect(s.held).toBe(false);
    s.ask();
    expect(s.held).toBe(true);
    s.take({ operator: null, open: true });
    expect([s.held, s.standing.is]).toEqual([false, "open"]);
  });

  it("lets requests tell what is wrong when the cloud cannot be asked", () => {
    const s = new Session();
    s.ask();
    s.giveUp();
    expect([s.held, s.standing.is]).toEqual([false, "unknown"]);
    const in_ = signedIn();
    in_.giveUp();
    expect(in_.standing.is).toBe("in");
  });

  it("begins signed out, and ends under the page", () => {
    const s = new Session();
    s.ask();
    s.take({ operator: null, open: false });
    expect(s.standing).toEqual({ is: "out" });
    s.take({ operator: ada, open: false });
    s.take({ operator: null, open: false });
    expect(s.standing).toEqual({ is: "ended", operator: ada });
    s.take({ operator: null, open: false });
    expect(s.standing).toEqual({ is: "ended", operator: ada });
  });

  it("ends over an open cloud's page that was closed meanwhile, and keeps that page", () => {
    const s = new Session();
    s.ask();
    s.take({ operator: null, open: true });
    s.end(s.turn);
    expect(s.standing).toEqual({ is: "ended" });
    s.take({ operator: ada, open: false });
    expect([s.standing.is, s.generation]).toEqual(["in", 0]);
  });

  it("does not end by a refusal from before it began", () => {
    const s = signedIn();
    const before = s.turn;
    s.end(before);
    s.take({ operator: ada, open: false });
    s.end(before);
    expect(s.standing.is).toBe("in");
  });

  it("is another generation for another operator, or after signing out", () => {
    const s = signedIn();
    s.end(s.turn);
    s.take({ operator: ada, open: false });
    expect(s.generation).toBe(0);
    s.end(s.turn);
    s.take({ operator: vera, open: false });
    expect(s.generation).toBe(1);
    s.leave();
    expect([s.standing.is, s.generation]).toEqual(["out", 2]);
  });

  it("has requests wait until somebody signs in, or until they are given up", async () => {
    const s = signedIn();
    await s.wait();
    s.end(s.turn);
    let went = false;
    const waiting = s.wait().then(() => (went = true));
    const abort = new AbortController();
    const given = s.wait(abort.signal);
    abort.abort();
    await expect(given).rejects.toMatchObject({ name: "AbortError" });
    await expect(s.wait(abort.signal)).rejects.toMatchObject({ name: "AbortError" });
    expect(went).toBe(false);
    s.take({ operator: ada, open: false });
    await waiting;
    expect(went).toBe(true);
  });

  it("tells each change once", () => {
    const s = new Session();
    const told: Standing["is"][] = [];
    const stop = s.watch((standing) => told.push(standing.is));
    s.ask();
    s.take({ operator: ada, open: false });
    s.take({ operator: { ...ada }, open: false });
    stop();
    s.leave();
    expect(told).toEqual(["unknown", "asking", "in"]);
  });
});

it.each([
  ["viewer", "operator", false],
  ["operator", "operator", true],
  ["admin", "operator", true],
  ["operator", "admin", false],
  ["auditor", "operator", false],
  ["auditor", "viewer", true],
] as const)("%s covers %s: %s", (role, wanted, want) => expect(covers(role as "viewer", wanted)).toBe(want));

it("says why something is refused, in a closed cloud only", () => {
  expect(refusal({ is: "in", operator: vera }, "operator")).toMatch(/viewer.*operator.*admin/);
  expect(refusal({ is: "ended", operator: vera }, "operator")).toMatch(/viewer/);
  expect(refusal({ is: "in", operator: ada }, "operator")).toBeUndefined();
  expect(refusal({ is: "open" }, "admin")).toBeUndefined();
  expect(refusal({ is: "unknown" }, "admin")).toBeUndefined();
});
