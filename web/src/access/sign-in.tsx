// Where an operator signs in: a page before anything is shown, and a dialog over
// a page whose session ended, so that what was typed there stays.
import { useEffect, useId, useRef } from "preact/hooks";
import { checkSession } from "../api/gate";
import { Mark } from "../ui/mark";
import { SignInForm } from "./sign-in-form";
import "./access.css";

/** Another tab may have signed in meanwhile: the browser's session is one. */
function useOthers() {
  useEffect(() => {
    const look = () => void checkSession();
    window.addEventListener("focus", look);
    return () => window.removeEventListener("focus", look);
  }, []);
}

export function SignInPage() {
  useOthers();
  useEffect(() => {
    document.title = "Sign in · AGATA";
  }, []);
  return (
    <main class="sign-in">
      <div class="card sign-in-card">
        <p class="brand">
          <Mark />
          AGATA
        </p>
        <h1>Sign in</h1>
        <SignInForm />
        <p class="muted">No account? An admin of this cloud makes one.</p>
      </div>
    </main>
  );
}

/** Cannot be closed: without a session the page beneath can do nothing. */
export function SignInDialog({ name }: { name: string | undefined }) {
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useOthers();
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    if (dialog && !dialog.open) dialog.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={ref} class="dialog sign-in-dialog" aria-labelledby={heading} onCancel={(e) => e.preventDefault()} onClose={() => ref.current?.isConnected && ref.current.showModal()}>
      <div class="dialog-inner">
        <header class="dialog-head">
          <h2 id={heading}>Sign in to go on</h2>
        </header>
        <div class="dialog-body">
          <p>{name === undefined ? "This cloud asks for credentials now." : "Your session is over."} What you typed is still here, and goes on after you have signed in.</p>
          <SignInForm name={name} />
        </div>
      </div>
    </dialog>
  );
}
