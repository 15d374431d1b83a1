import type { Experiment } from "../../timeline/figures";
import type { TimelineEvent } from "../../timeline/model";
import type { ReportRow } from "../../timeline/open";
import { duration } from "../../timeline/texts";
import { Card } from "../../ui/page";

const range = (r: [number, number] | null | undefined) => (r ? (r[0] === r[1] ? duration(r[0]) : `${duration(r[0])} – ${duration(r[1])}`) : "–");

/** The figures of an experiment whose events are on the timeline; a figure's button shows where it was read. */
export function ExperimentFigures({ experiment, onShow }: { experiment: Experiment; onShow: (from: TimelineEvent, to: TimelineEvent) => void }) {
  return (
    <Card title={`Experiment ${experiment.number}: ${experiment.title}`} flush>
      <div class="table-scroll" tabIndex={0} role="group" aria-label={`Figures of experiment ${experiment.number}`}>
        <table class="table">
          <caption class="sr-only">Figures of experiment {experiment.number}: the times between two events</caption>
          <thead>
            <tr>
              <th scope="col">Figure</th>
              <th scope="col" class="right num">This run</th>
              <th scope="col" class="right num">Original</th>
              <th scope="col">From → to</th>
            </tr>
          </thead>
          <tbody>
            {experiment.figures.map((f) => (
              <tr key={f.name}>
                <th scope="row">
                  {f.start && f.end ? (
                    <button type="button" class="tl-pick" onClick={() => onShow(f.start!, f.end!)}>{f.name}</button>
                  ) : (
                    f.name
                  )}
                </th>
                <td class="right num" data-title="This run">{f.seconds === null ? "not in this file" : duration(f.seconds)}</td>
                <td class="right num" data-title="Original">{range(f.original)}</td>
                <td class="muted" data-title="From → to">{f.from} → {f.to}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

/** A report's figures: means over runs. */
export function ReportFigures({ name, experiment, rows }: { name: string; experiment: number | null; rows: ReportRow[] }) {
  return (
    <Card title={experiment === null ? `Report ${name}` : `Experiment ${experiment}: report ${name}`} flush>
      <div class="table-scroll" tabIndex={0} role="group" aria-label={`Figures of ${name}`}>
        <table class="table">
          <caption class="sr-only">Figures of {name}</caption>
          <thead>
            <tr>
              <th scope="col">Figure</th>
              <th scope="col" class="right num">Mean</th>
              <th scope="col" class="right num">± 95 % CI</th>
              <th scope="col" class="right num">Runs</th>
              <th scope="col" class="right num">Original</th>
              <th scope="col" class="right num">Times faster</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((r) => (
              <tr key={r.figure}>
                <th scope="row">{r.figure}</th>
                <td class="right num" data-title="Mean">{r.mean === null ? "–" : duration(r.mean)}</td>
                <td class="right num" data-title="± 95 % CI">{r.ci === null ? "–" : duration(r.ci)}</td>
                <td class="right num" data-title="Runs">{r.runs}</td>
                <td class="right num" data-title="Original">{range(r.original)}</td>
                <td class="right num" data-title="Times faster">{r.timesFaster === null ? "–" : r.timesFaster.toFixed(1)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
