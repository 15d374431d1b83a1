import { useEffect, useRef, useState } from "preact/hooks";
import { signIn } from "../api/gate";
import { ApiError } from "../api/http";
import { Button } from "../ui/button";
import { ErrorState } from "../ui/feedback";
import { TextField } from "../ui/field";

/** Name and password, as password managers know them. What follows a success is the session's to tell. */
export function SignInForm({ name: known = "" }: { name?: string | undefined }) {
  const [name, setName] = useState(known);
  const [password, setPassword] = useState("");
  const [wrong, setWrong] = useState<{ name?: string; password?: string }>({});
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const [attempts, setAttempts] = useState(0);
  const form = useRef<HTMLFormElement>(null);

  // A dialog that opens looks for autofocus; on a page that is there already only this helps.
  useEffect(() => {
    form.current?.querySelector<HTMLElement>(known === "" ? "[name=username]" : "[name=password]")?.focus();
  }, [known]);
  useEffect(() => {
    if (attempts === 0) return;
    const field = form.current?.querySelector<HTMLInputElement>("[aria-invalid=true]");
    field?.focus();
    field?.select();
  }, [attempts]);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setError(undefined);
    const missing = { ...(name.trim() === "" ? { name: "Give your name." } : {}), ...(password === "" ? { password: "Give your password." } : {}) };
    setWrong(missing);
    if (Object.keys(missing).length > 0) {
      setAttempts((n) => n + 1);
      return;
    }
    setBusy(true);
    try {
      await signIn(name.trim(), password);
    } catch (e) {
      if (e instanceof ApiError && e.status === 401) {
        setWrong({ password: "The name or the password is wrong." });
        setAttempts((n) => n + 1);
      } else setError(e);
      setBusy(false);
    }
  };
  return (
    <form ref={form} class="stack" noValidate onSubmit={(e) => void submit(e)}>
      <TextField name="username" label="Name" required autofocus={known === ""} autocomplete="username" value={name} error={wrong.name} onInput={setName} />
      <TextField name="password" label="Password" type="password" required autofocus={known !== ""} autocomplete="current-password" value={password} error={wrong.password} onInput={setPassword} />
      {error !== undefined && <ErrorState error={error} title="You are not signed in" />}
      <Button type="submit" variant="primary" busy={busy}>
        Sign in
      </Button>
      <p class="sr-only" role="status">{wrong.password ?? wrong.name ?? ""}</p>
    </form>
  );
}
