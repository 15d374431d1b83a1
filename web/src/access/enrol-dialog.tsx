import { useState } from "preact/hooks";
import { ApiError, newEnrolment } from "../api/client";
import type { NewEnrolment } from "../api/types";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { ErrorState } from "../ui/feedback";
import { TextField } from "../ui/field";
import { moment } from "../ui/format";
import { joinCommand } from "./join";
import { Line, Secret } from "./secret";
import "./access.css";

/** Makes a token with which a client gets a credential of its own, and says what to do with it. */
export function EnrolDialog({ client: known = "", onClose }: { client?: string; onClose: () => void }) {
  const [client, setClient] = useState(known);
  const [hours, setHours] = useState("24");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [made, setMade] = useState<NewEnrolment>();
  const fields = error instanceof ApiError ? error.fields : {};
  const make = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      setMade(await newEnrolment({ ...(client.trim() === "" ? {} : { client: client.trim() }), hours: Number(hours) }));
    } catch (e) {
      setError(e);
    }
    setBusy(false);
  };
  if (made) {
    return (
      <Dialog wide title={made.client ? `Enrol ${made.client}` : "Enrol a client"} onClose={onClose} footer={<Button variant="primary" onClick={onClose}>Done</Button>}>
        <Secret label="One-time token" text={made.token} />
        <p>It is good once, until {moment(made.expires)}. On the client's machine, run this; it asks for the token:</p>
        <Line label="Command" text={joinCommand(location.origin, made.client ?? "")} />
        <p class="muted">
          It keeps the credential that the client gets, which takes effect within seconds. What it sets belongs into the client's <code>config.ini</code> as well.
        </p>
      </Dialog>
    );
  }
  return (
    <Dialog
      wide
      title={known ? `Enrol ${known}` : "Enrol a client"}
      onClose={onClose}
      busy={busy}
      footer={
        <>
          <Button onClick={onClose} disabled={busy}>Cancel</Button>
          <Button variant="primary" busy={busy} onClick={(e) => void make(e)}>Make a token</Button>
        </>
      }
    >
      <form class="stack" noValidate onSubmit={(e) => void make(e)}>
        <p>A one-time token lets a client get a credential of its own, with which it shows this cloud who it is.</p>
        {known === "" ? (
          <TextField name="client" label="Client id" optional mono autofocus value={client} onInput={setClient} error={fields.client} hint="Only this client may then use it. Empty: any client that has no credential yet." />
        ) : (
          <p class="muted">A credential that {known} has is replaced when it uses the token. Where its machine still keeps an old one, the command says which file to remove first.</p>
        )}
        <TextField name="hours" label="Good for, in hours" type="number" value={hours} onInput={setHours} error={fields.hours} />
        <button type="submit" class="sr-only" tabIndex={-1} aria-hidden="true">Make</button>
      </form>
      {error !== undefined && Object.keys(fields).length === 0 && <ErrorState error={error} title="No token was made" />}
    </Dialog>
  );
}
