/** A line with its number since following began; numbers stay when old lines go. */
export interface LogLine {
  n: number;
  text: string;
}

/** How many lines are kept. */
export const keep = 5000;

/** Adds lines; the oldest go when there are more than are kept. */
export function addLines(lines: readonly LogLine[], texts: readonly string[], most = keep): LogLine[] {
  let n = (lines.at(-1)?.n ?? 0) + 1;
  const all = [...lines, ...texts.map((text) => ({ n: n++, text }))];
  return all.length > most ? all.slice(all.length - most) : all;
}

/** The numbers of the lines that hold a text, whatever its case. */
export function find(lines: readonly LogLine[], text: string): number[] {
  if (text === "") return [];
  const wanted = text.toLowerCase();
  return lines.filter((l) => l.text.toLowerCase().includes(wanted)).map((l) => l.n);
}

/** A line cut at the places of a text: those at odd places are it. */
export function cut(line: string, text: string): string[] {
  if (text === "") return [line];
  const parts: string[] = [];
  const low = line.toLowerCase();
  const wanted = text.toLowerCase();
  let from = 0;
  for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, from)) {
    parts.push(line.slice(from, at), line.slice(at, at + wanted.length));
    from = at + wanted.length;
  }
  return [...parts, line.slice(from)];
}

/** Lines in groups whose bounds do not move as lines come and go: so that most are not drawn again. */
export function groups(lines: readonly LogLine[], size = 200): { first: number; lines: LogLine[] }[] {
  const out: { first: number; lines: LogLine[] }[] = [];
  for (const l of lines) {
    const first = l.n - (l.n % size);
    const last = out.at(-1);
    if (last?.first === first) last.lines.push(l);
    else out.push({ first, lines: [l] });
  }
  return out;
}
