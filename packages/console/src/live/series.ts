/** The latest values of a figure, oldest first. */
export class Series {
  private values: readonly number[] = [];

  constructor(private readonly length: number) {}

  push(value: number): void {
    this.values = [...this.values.slice(1 - this.length), value];
  }

  /** Another array whenever a value has come. */
  get(): readonly number[] {
    return this.values;
  }
}

/**
 * The points of a line, for an SVG that is `width` by `height`.
 * @param max what reaches the top, unless a value is higher
 * @param length how many values the width has room for; fewer begin further right
 */
export function linePoints(
  values: readonly number[],
  { width, height, max, length }: { width: number; height: number; max: number; length: number },
): string {
  const top = Math.max(max, ...values) || 1;
  const step = width / (length - 1);
  const start = width - (values.length - 1) * step;
  return values
    .map((value, index) => `${round(start + index * step)},${round(height - 1 - (value / top) * (height - 2))}`)
    .join(' ');
}

const round = (value: number): number => Math.round(value * 10) / 10;
