/** Marks of one lane that fall onto the same few pixels. */
export interface Cluster<T> {
  /** Pixels. */
  x: number;
  /** What is shown of it: the one that matters most. */
  item: T;
  count: number;
}

/**
 * Joins items that are nearer to each other than `gap` pixels. Items must be
 * sorted by place. `weight` says which of them is shown: the heaviest, of equals
 * the first.
 */
export function cluster<T>(items: readonly T[], x: (item: T) => number, gap: number, weight: (item: T) => number): Cluster<T>[] {
  const out: Cluster<T>[] = [];
  let begin = -Infinity;
  for (const item of items) {
    const at = x(item);
    const last = out.at(-1);
    if (last && at - begin < gap) {
      last.count++;
      if (weight(item) > weight(last.item)) {
        last.item = item;
        last.x = at;
      }
      continue;
    }
    begin = at;
    out.push({ x: at, item, count: 1 });
  }
  return out;
}

/** A point of a line; y is null where there is no value. */
export interface Point {
  x: number;
  y: number | null;
}

/**
 * Thins a line to at most about `most` points: of each stretch its first, lowest,
 * highest and last, so that no peak is lost.
 */
export function thinLine(points: readonly Point[], most: number): Point[] {
  if (points.length <= most || most < 8) return [...points];
  const stretches = Math.floor(most / 4);
  const out: Point[] = [];
  for (let s = 0; s < stretches; s++) {
    const begin = Math.floor((s * points.length) / stretches);
    const end = Math.floor(((s + 1) * points.length) / stretches);
    let low = begin;
    let high = begin;
    for (let i = begin; i < end; i++) {
      if (value(points, i, Infinity) < value(points, low, Infinity)) low = i;
      if (value(points, i, -Infinity) > value(points, high, -Infinity)) high = i;
    }
    for (const i of [...new Set([begin, low, high, end - 1])].sort((a, b) => a - b)) out.push(points[i]!);
  }
  return out;
}

const value = (points: readonly Point[], i: number, otherwise: number) => points[i]?.y ?? otherwise;
