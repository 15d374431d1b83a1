import { useState } from "preact/hooks";
import { ApiError } from "../../api/http";

/** How the sending of a form stands: what is wrong with its fields, or with all of it. */
export function useSubmit(send: () => Promise<void>) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [here, setHere] = useState<Record<string, string>>({});
  const fields = { ...(error instanceof ApiError ? error.fields : {}), ...here };
  return {
    busy,
    fields,
    /** A failure that is no field's. */
    error: Object.keys(fields).length === 0 ? error : undefined,
    /** Sends, unless something is wrong that is known without the cloud. */
    submit: async (event: Event, wrong: Record<string, string | false> = {}) => {
      event.preventDefault();
      if (busy) return;
      const faults = Object.fromEntries(Object.entries(wrong).filter((f): f is [string, string] => f[1] !== false));
      setHere(faults);
      setError(undefined);
      if (Object.keys(faults).length > 0) return;
      setBusy(true);
      try {
        await send();
      } catch (e) {
        setError(e);
      }
      setBusy(false);
    },
  };
}
