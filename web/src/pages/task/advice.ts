// What to do about a failed execution, by its reason.
import type { ExecutionRun } from "../../api/types";

const byReason: Record<string, string> = {
  report_error: "The task itself reported this error: mend its code or its data, upload the files again and start it.",
  signaled: "Its process was ended by a signal: see whether the machine ran out of memory, or whether somebody ended it.",
  exited: "Its process ended by itself without reporting Finished: its last lines may tell why; report Finished at the end of a good run.",
  exit_nonzero: "Its process ended by itself with an error: its last lines tell why, often a missing package or file.",
  server_unreachable: "It could not reach the task's server: check the task's host and port, and that its server side runs.",
  start_failed: "Its process could not be started: check that the files are there and the arguments are right.",
  oom_killed: "It ran out of memory, its own limit's or the machine's: give it more, or make the model or its batches smaller.",
  limit_exceeded: "It passed a limit of processor time or file size: raise the limit, or write and compute less.",
  start_timeout: "It took too long to start: see whether it waits for its server.",
  stalled: "It made no progress any more and was stopped: see what it waited for, most often its server. It is tried again.",
  operator_stop: "An operator stopped it.",
  withdrawn: "The task is offered to this client no more: its server has ended, or its criteria changed.",
  service_stopped: "The task manager that ran it was stopped: it starts again where the task is still offered.",
  revoked: "Its signed files were revoked: sign and upload a corrected version.",
  untrusted: "Its files are not signed by one whom the client trusts: sign them, or add the key to the client's allow-list.",
  download_failed: "Its files could not be downloaded: check that all are uploaded, and that the client reaches the file port.",
  bad_digest: "A file came with another content than the cloud has: it is fetched again; if that goes on, upload it again.",
  lost: "Its process was gone when its manager came back: the machine may have been restarted.",
};

/** What to do, as a sentence. */
export function advice(reason: string, run?: Pick<ExecutionRun, "exit_code" | "signal">): string {
  if (reason === "exit_nonzero" && run?.exit_code === 127) return "Its program was not found: check the interpreter and the file's name.";
  if (run?.signal === 9) return "Its process was killed: most often the machine ran out of memory, or it did not end when asked to.";
  return byReason[reason] ?? "Read its last lines, mend what they name, and start it again.";
}

const signals: Record<number, string> = { 1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM" };

/** How a process ended: "exit 1", "SIGKILL"; "" when nothing is known. */
export function ending(run: Pick<ExecutionRun, "exit_code" | "signal">): string {
  if (run.signal != null && run.signal !== 0) return signals[run.signal] ?? `signal ${run.signal}`;
  return run.exit_code == null ? "" : `exit ${run.exit_code}`;
}
