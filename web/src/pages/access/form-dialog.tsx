import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { ErrorState } from "../../ui/feedback";

interface Props {
  title: string;
  /** The verb on the button. */
  verb: string;
  busy: boolean;
  /** A failure that is no field's. */
  error: unknown;
  /** What is wrong with fields; the first of them gets the focus. */
  fields: Record<string, string>;
  onSubmit: (event: Event) => void;
  onClose: () => void;
  children: ComponentChildren;
}

/** A dialog that is a form: Enter sends it. */
export function FormDialog(p: Props) {
  const form = useRef<HTMLFormElement>(null);
  const wrong = Object.keys(p.fields).join(" ");
  useEffect(() => {
    if (wrong !== "" && !p.busy) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [wrong, p.busy]);
  return (
    <Dialog
      title={p.title}
      onClose={p.onClose}
      busy={p.busy}
      footer={
        <>
          <Button onClick={p.onClose} disabled={p.busy}>Cancel</Button>
          <Button variant="primary" busy={p.busy} onClick={p.onSubmit}>{p.verb}</Button>
        </>
      }
    >
      <form ref={form} class="stack" noValidate onSubmit={p.onSubmit}>
        {p.children}
        <button type="submit" class="sr-only" tabIndex={-1} aria-hidden="true">{p.verb}</button>
      </form>
      {p.error !== undefined && <ErrorState error={p.error} />}
    </Dialog>
  );
}
