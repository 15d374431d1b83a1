// Requests that wait for a session, and the ones that begin and end it.
import { ApiError, request as send, type Options, type Reply } from "./http";
import { session, type SessionView } from "./session";

const path = "/api/v1/session";

/**
 * Makes an attempt once somebody may, and again after the session turned out to
 * be over and its operator signed in again: a refused request had no effect. For
 * another operator it is not made again.
 */
export async function admitted<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    await session.wait(signal);
    const { turn, generation } = session;
    try {
      const reply = await attempt();
      if (session.standing.is === "unknown") void checkSession(); // the cloud is back
      return reply;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 403) void checkSession(); // the role may be another now
      if (error.status !== 401 || error.code !== "unauthorized") throw error;
      session.end(turn);
      await session.wait(signal);
      if (session.generation !== generation) throw error;
    }
  }
}

/** Asks the API as the operator that has signed in; see http.ts. */
export const request = <T>(method: string, address: string, options: Options = {}): Promise<Reply<T>> =>
  admitted(() => send<T>(method, address, options), options.signal);

/** Asks the cloud how the session stands; that it cannot be reached says nothing of it. */
export async function checkSession(): Promise<void> {
  const { turn, generation } = session;
  try {
    const { data } = await send<SessionView>("GET", path, { timeout: 5000 });
    if (session.turn === turn && session.generation === generation) session.take(data);
  } catch {
    session.giveUp();
  }
}

/** Asks before the first page is shown. */
export function beginSession(): void {
  session.ask();
  void checkSession();
}

export async function signIn(name: string, password: string): Promise<void> {
  const { data } = await send<{ operator: SessionView["operator"] }>("POST", path, { body: { name, password } });
  session.take({ operator: data.operator, open: false });
}

export async function signOut(): Promise<void> {
  await send("DELETE", path);
  session.leave();
}
