import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { ErrorState } from "../ui/feedback";
import { labels, type Difference } from "./changes";

export interface ConflictProps {
  id: string;
  differences: Difference[];
  busy: boolean;
  error: unknown;
  onClose: () => void;
  /** Gives up one's own changes and goes on from theirs. */
  onTheirs: () => void;
  /** Back to the form, one's own changes on top of theirs. */
  onBack: () => void;
  /** Saves one's own changes over theirs. */
  onMine: () => void;
}

/** The task was changed by somebody else meanwhile: shows both, and lets the operator decide. */
export function ConflictView(p: ConflictProps) {
  const conflicts = p.differences.filter((d) => d.conflict).length;
  const visible = p.differences.some((d) => d.theirs !== d.before);
  return (
    <Dialog
      title={`Task ${p.id} was changed meanwhile`}
      wide
      busy={p.busy}
      onClose={p.onClose}
      footer={
        <>
          <Button disabled={p.busy} onClick={p.onTheirs}>
            Discard mine
          </Button>
          <Button disabled={p.busy} onClick={p.onBack}>
            Back to the form
          </Button>
          <Button variant={conflicts > 0 ? "danger" : "primary"} busy={p.busy} onClick={p.onMine}>
            {conflicts > 0 ? "Save mine over theirs" : visible ? "Save both" : "Save mine"}
          </Button>
        </>
      }
    >
      <p>
        Nothing was saved.{" "}
        {conflicts > 0
          ? "Somebody changed the same as you; saving yours replaces theirs where the two differ."
          : visible
            ? "Somebody changed other fields than you; saving keeps both."
            : "Somebody changed what is not shown here, such as the password; saving keeps that unless you set it too."}
      </p>
      <table class="conflict">
        <caption class="sr-only">What changed</caption>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">When you began</th>
            <th scope="col">Now at the cloud</th>
            <th scope="col">After saving yours</th>
          </tr>
        </thead>
        <tbody>
          {p.differences.map((d) => (
            <tr key={d.field}>
              <th scope="row">
                {labels[d.field]}
                {d.conflict && <strong> (both changed it)</strong>}
              </th>
              {([["When you began", d.before], ["Now at the cloud", d.theirs], ["After saving yours", d.mine]] as const).map(([title, value]) => (
                <td key={title} data-title={title} class="mono">
                  {d.field === "password" ? (value === "" ? "unchanged" : "a new one") : value === "" ? <span class="muted">empty</span> : value}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {p.error !== undefined && <ErrorState error={p.error} title="It was not saved" />}
    </Dialog>
  );
}
