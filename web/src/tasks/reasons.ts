// Why an execution ended, or was not begun, in words.

const sentences: Record<string, string> = {
  finished: "It reported Finished.",
  report_error: "It reported an error of its own.",
  exited: "It ended by itself, without reporting Finished.",
  exit_nonzero: "It ended by itself with an error.",
  signaled: "A signal ended it that AGATA did not send.",
  oom_killed: "It ran out of memory.",
  limit_exceeded: "It passed a limit of processor time or file size.",
  download_failed: "Its files could not be fetched.",
  bad_digest: "A file that was fetched is not the one that the cloud has.",
  untrusted: "Its files are not signed by anybody who is trusted here.",
  start_failed: "It could not be started.",
  start_timeout: "It was not there in time after its start.",
  server_unreachable: "It could not reach its server.",
  stalled: "It made no progress for too long.",
  lost: "Nobody saw how it ended: the machine may have been restarted.",
  operator_stop: "An operator stopped it.",
  withdrawn: "The cloud does not offer it to this client any more.",
  service_stopped: "The task manager that ran it was stopped.",
  revoked: "Its signed files were revoked.",
};

/** A reason's code as a sentence; one that this console does not know as it is. */
export const reasonText = (code: string): string => (Object.hasOwn(sentences, code) ? sentences[code]! : code);
