// Whether the cloud asks for credentials, who has signed in, and the gate at
// which requests wait while nobody has.

export type Role = "viewer" | "operator" | "admin";

export interface Operator {
  name: string;
  role: Role;
}

/** What GET /api/v1/session answers. */
export interface SessionView {
  operator: Operator | null;
  /** No credentials are asked for. */
  open: boolean;
}

export type Standing =
  /** It could not be asked yet: requests go, and tell what is wrong themselves. */
  | { is: "unknown" }
  | { is: "asking" }
  /** The cloud asks nobody for credentials. */
  | { is: "open" }
  | { is: "out" }
  | { is: "in"; operator: Operator }
  /** The session is over, in the middle of something; whose it was, if that is known. */
  | { is: "ended"; operator?: Operator };

export class Session {
  standing: Standing = { is: "unknown" };
  /** Grows whenever somebody signs in: a refusal from before says nothing of the session since. */
  turn = 0;
  /** Grows when the page is another operator's: what was begun before is not theirs. */
  generation = 0;
  private watchers = new Set<(standing: Standing) => void>();

  /** Nobody may ask for anything now. */
  get held(): boolean {
    return this.standing.is === "asking" || this.standing.is === "out" || this.standing.is === "ended";
  }

  /** Tells the standing now and whenever it changes. */
  watch(watcher: (standing: Standing) => void): () => void {
    this.watchers.add(watcher);
    watcher(this.standing);
    return () => this.watchers.delete(watcher);
  }

  /** The first answer is being waited for. */
  ask(): void {
    this.set({ is: "asking" });
  }

  /** The first answer did not come. */
  giveUp(): void {
    if (this.standing.is === "asking") this.set({ is: "unknown" });
  }

  /** Takes what the cloud says of it. */
  take(view: SessionView): void {
    const before = this.standing;
    if (view.open) this.set({ is: "open" });
    else if (view.operator) {
      const mine = "operator" in before ? before.operator : undefined;
      if (mine && mine.name !== view.operator.name) this.generation++;
      if (before.is !== "in") this.turn++;
      this.set({ is: "in", operator: view.operator });
    } else if (before.is === "asking" || before.is === "out") this.set({ is: "out" });
    else this.end(this.turn);
  }

  /** The cloud refused what was asked for in a turn: that session is over. */
  end(turn: number): void {
    if (turn !== this.turn || this.held) return;
    this.set(this.standing.is === "in" ? { is: "ended", operator: this.standing.operator } : { is: "ended" });
  }

  /** The operator signed out: nothing of the page stays. */
  leave(): void {
    this.generation++;
    this.set({ is: "out" });
  }

  /** Waits while nobody may ask. Throws AbortError when it is given up. */
  async wait(signal?: AbortSignal): Promise<void> {
    if (!this.held) return;
    await new Promise<void>((resolve, reject) => {
      const over = () => {
        stop();
        signal?.removeEventListener("abort", given);
      };
      const given = () => {
        over();
        reject(new DOMException("given up", "AbortError"));
      };
      let stop = () => {};
      stop = this.watch(() => {
        if (this.held) return;
        over();
        resolve();
      });
      if (signal?.aborted) given();
      else signal?.addEventListener("abort", given);
    });
  }

  private set(standing: Standing): void {
    if (JSON.stringify(standing) === JSON.stringify(this.standing)) return;
    this.standing = standing;
    for (const w of [...this.watchers]) w(standing);
  }
}

/** This page's session. */
export const session = new Session();

const ranks: Record<Role, number> = { viewer: 1, operator: 2, admin: 3 };

/** Whether a role may what another may. A role that this console does not know may what a viewer may. */
export const covers = (role: Role, wanted: Role): boolean => (ranks[role] ?? 1) >= ranks[wanted];

/** Why what needs a role is refused now; undefined if it is not. */
export function refusal(standing: Standing, wanted: Role): string | undefined {
  const mine = "operator" in standing ? standing.operator : undefined;
  if (!mine || covers(mine.role, wanted)) return undefined;
  return `You are signed in as ${mine.role}; this needs the role ${wanted}. Ask an admin.`;
}
