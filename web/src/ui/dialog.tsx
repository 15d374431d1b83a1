import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Button } from "./button";
import { ErrorState } from "./feedback";

export interface DialogProps {
  title: string;
  /** Escape, the cross or the ground beside the dialog. Not called while busy. */
  onClose: () => void;
  busy?: boolean;
  /** Beneath, e.g. the buttons. */
  footer?: ComponentChildren;
  wide?: boolean;
  children: ComponentChildren;
}

/**
 * A modal dialog: render it to open it, remove it to close it. The browser keeps
 * the focus inside; afterwards it returns to where it was.
 */
export function Dialog({ title, onClose, busy = false, footer, wide, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    if (dialog && !dialog.open) dialog.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  const close = () => !busy && onClose();
  return (
    <dialog
      ref={ref}
      class={`dialog${wide ? " wide" : ""}`}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onMouseDown={(event) => event.target === ref.current && close()}
    >
      <div class="dialog-inner">
        <header class="dialog-head">
          <h2 id={heading}>{title}</h2>
          <Button variant="ghost" size="small" icon="cross" label="Close" disabled={busy} onClick={close} />
        </header>
        <div class="dialog-body">{children}</div>
        {footer && <footer class="dialog-foot">{footer}</footer>}
      </div>
    </dialog>
  );
}

export interface ConfirmProps {
  title: string;
  /** What it will do, plainly. */
  children: ComponentChildren;
  /** The verb on the button: "Delete task". */
  confirm: string;
  danger?: boolean;
  /** Does it; a failure is shown in the dialog, which stays open. */
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

/** Asks before something is done, and shows how it went. Closes itself after success. */
export function ConfirmDialog({ title, children, confirm, danger, onConfirm, onClose }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const act = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      busy={busy}
      footer={
        <>
          <Button onClick={onClose} disabled={busy}>
            Cancel
          </Button>
          <Button variant={danger ? "danger" : "primary"} busy={busy} onClick={() => void act()}>
            {confirm}
          </Button>
        </>
      }
    >
      {children}
      {error !== undefined && <ErrorState error={error} />}
    </Dialog>
  );
}
