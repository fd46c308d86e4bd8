import type { Summary } from './statistics.js';

/** The upper or lower bound of a value. */
export type Target = ({ atMost: number } | { atLeast: number }) & { unit: Unit };

type Unit = 'ms' | 'kB' | 'MB' | 'x' | '%' | '';

const COLUMNS = { label: 34, value: 10, target: 14 };
const COLOURS = { ok: 32, missed: 31 };

/** Prints a table and records missed targets. */
export class Report {
  readonly missed: string[] = [];
  private title = '';

  constructor(private readonly print: (line: string) => void = console.log) {}

  section(title: string): void {
    this.print(
      `\n${title.padEnd(COLUMNS.label)}${['min', 'median', 'p95'].map((name) => name.padStart(COLUMNS.value)).join('')}${'target'.padStart(COLUMNS.target)}`,
    );
    this.title = title;
  }

  /** Prints minimum, median and 95th percentile; the target is for the median. */
  times(label: string, { min, median, p95 }: Summary, target?: Target): void {
    this.row(
      label,
      [min, median, p95].map((value) => format(value, 'ms')),
      median,
      target,
    );
  }

  /** Prints one value, in the column of the medians. */
  value(label: string, value: number, unit: Unit, target?: Target): void {
    this.row(label, ['', format(value, unit), ''], value, target);
  }

  note(text: string): void {
    this.print(`  ${text}`);
  }

  private row(label: string, values: string[], value: number, target?: Target): void {
    const line = `  ${label}`.padEnd(COLUMNS.label) + values.map((text) => text.padStart(COLUMNS.value)).join('');
    if (target === undefined) return this.print(line);
    const [sign, bound, isMet] =
      'atMost' in target
        ? ['≤', target.atMost, value <= target.atMost]
        : ['≥', target.atLeast, value >= target.atLeast];
    const verdict = isMet ? 'ok' : 'missed';
    if (verdict === 'missed') this.missed.push(`${this.title}: ${label}`);
    this.print(`${line}${`${sign} ${format(bound, target.unit)}`.padStart(COLUMNS.target)}  ${paint(verdict)}`);
  }
}

function format(value: number, unit: Unit): string {
  switch (unit) {
    case 'ms':
      return `${value.toFixed(value < 100 ? 1 : 0)} ms`;
    case 'kB':
      return `${value.toFixed(0)} kB`;
    case 'MB':
      return `${value.toFixed(0)} MB`;
    case 'x':
      return value.toFixed(2);
    case '%':
      return `${value.toFixed(1)} %`;
    case '':
      return String(value);
  }
}

function paint(verdict: 'ok' | 'missed'): string {
  return process.stdout.isTTY && !process.env['NO_COLOR'] ? `\x1b[${COLOURS[verdict]}m${verdict}\x1b[0m` : verdict;
}
