import { useEffect, useRef, useState } from "preact/hooks";
import { command, newKey, releaseQuarantine } from "../../api/client";
import { isAbort } from "../../api/http";
import type { CommandView, QuarantinedFor } from "../../api/types";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { ErrorState, Notice, Progress } from "../../ui/feedback";
import { toast } from "../../ui/toast";
import { Took } from "../../ui/time";

interface Props {
  client: string;
  online: boolean;
  of: QuarantinedFor;
  onClose: () => void;
  onReleased: () => void;
}

/**
 * Ends a quarantine: the command waits at the cloud until the client asks next,
 * and the dialog tells how it stands until it is done. It goes on when the dialog
 * is closed.
 */
export function ReleaseDialog({ client, online, of, onClose, onReleased }: Props) {
  const key = useRef(newKey());
  const [sending, setSending] = useState(false);
  const [error, setError] = useState<unknown>();
  const [sent, setSent] = useState<CommandView | null>(null);
  const latest = useRef(onReleased);
  latest.current = onReleased;

  const waiting = sent?.state === "pending" ? sent.id : null;
  useEffect(() => {
    if (waiting === null) return;
    const abort = new AbortController();
    let timer: number | undefined;
    let pause = 500;
    const poll = async () => {
      try {
        const now = await command(waiting, abort.signal);
        setError(undefined);
        setSent(now);
        if (now.state === "done") {
          toast.good(`${of.task_id} was released at ${client}`);
          latest.current();
        }
        if (now.state !== "pending") return;
      } catch (e) {
        if (isAbort(e) || abort.signal.aborted) return;
        setError(e);
      }
      pause = Math.min(pause * 1.5, 5000);
      timer = window.setTimeout(() => void poll(), pause);
    };
    timer = window.setTimeout(() => void poll(), pause);
    return () => {
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [waiting, client, of.task_id]);

  const release = async () => {
    setSending(true);
    setError(undefined);
    try {
      setSent(await releaseQuarantine(client, of.task_id, key.current));
    } catch (e) {
      setError(e);
    }
    setSending(false);
  };
  return (
    <Dialog
      title={`Release ${of.task_id} at ${client}?`}
      onClose={onClose}
      busy={sending}
      footer={
        sent ? (
          <Button variant="primary" onClick={onClose}>{sent.state === "pending" ? "Close, it goes on" : "Close"}</Button>
        ) : (
          <>
            <Button onClick={onClose} disabled={sending}>Cancel</Button>
            <Button variant="primary" busy={sending} onClick={() => void release()}>Release</Button>
          </>
        )
      }
    >
      {!sent && (
        <>
          <p>
            The client keeps this task from running because of <code>{of.reason}</code>. Released, it takes the task again when it is offered: if what failed has not been mended, it fails again and is kept again.
          </p>
          <p>It takes effect when the client asks next: {online ? "within its request interval, a few seconds." : "it is away now, so that is when it comes back."}</p>
        </>
      )}
      <div role="status">
        {sent?.state === "pending" && (
          <>
            <Progress label="The release waits for the client" />
            <p class="muted">
              Waits for the client to ask, for <Took from={sent.created} />. {online ? "" : "The client is away: it is carried out when it comes back."}
            </p>
          </>
        )}
        {sent?.state === "done" && (
          <Notice tone="good" title="Released">
            <p>The client takes the task when it is offered next.</p>
          </Notice>
        )}
        {sent?.state === "failed" && (
          <Notice tone="bad" title="The client could not release it">
            <p>{sent.error || "It gave no reason."} Look at the client's own log, and try again.</p>
          </Notice>
        )}
      </div>
      {error !== undefined && <ErrorState error={error} title={sent ? "How it stands could not be asked; it is tried again" : "It was not released"} />}
    </Dialog>
  );
}
