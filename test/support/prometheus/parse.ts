export interface Series {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Exposition {
  /** Metric name to type, for every declared metric. */
  types: Map<string, string>;
  series: Series[];
  /** The series of that name whose labels include these. */
  find(name: string, labels?: Record<string, string>): Series[];
}

const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
const HEADER = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/;
/** prom-client writes `Nan` for the mean of no values; Prometheus accepts any case. */
const SERIES = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (Na[Nn]|[+-]Inf|[-+0-9.eE]+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/gy;
const PARTS = /_(?:bucket|sum|count)$/;

/**
 * Parses Prometheus's text format, version 0.0.4, more strictly than Prometheus does.
 * @throws Error for a malformed line, a series of an undeclared metric and a duplicate series
 */
export function parseExposition(text: string): Exposition {
  if (!text.endsWith('\n')) throw new Error('the last line has no line break');
  const types = new Map<string, string>();
  const series: Series[] = [];
  const seen = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (line.startsWith('#')) {
      const [, kind, name, rest] = HEADER.exec(line) ?? fail(line, 'is not a header');
      if (kind === 'HELP') continue;
      if (types.has(name!) || !TYPES.includes(rest!)) fail(line, 'declares a metric twice or without a type');
      types.set(name!, rest!);
      continue;
    }
    const [, name, labels = '', value] = SERIES.exec(line) ?? fail(line, 'is not a series');
    if (!types.has(name!) && types.get(name!.replace(PARTS, '')) !== 'histogram')
      fail(line, 'belongs to an undeclared metric');
    const parsed = { name: name!, labels: parseLabels(line, labels), value: Number(value!.replace('Inf', 'Infinity')) };
    const key = `${parsed.name} ${JSON.stringify(Object.entries(parsed.labels).toSorted())}`;
    if (seen.has(key)) fail(line, 'is a duplicate');
    seen.add(key);
    series.push(parsed);
  }
  const find = (name: string, labels: Record<string, string> = {}): Series[] =>
    series.filter(
      (each) => each.name === name && Object.entries(labels).every(([label, value]) => each.labels[label] === value),
    );
  return { types, series, find };
}

function parseLabels(line: string, text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let end = 0;
  for (const [whole, name, value] of text.matchAll(LABEL)) {
    labels[name!] = value!.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    end += whole.length;
  }
  if (end !== text.length) fail(line, 'has malformed labels');
  return labels;
}

function fail(line: string, what: string): never {
  throw new Error(`Line ${what}: ${line}`);
}

/** Names of the metrics in a PromQL expression, as declared: the parts of a histogram count as the histogram. */
export function metricsOf(expression: string): string[] {
  const names = expression
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\{[^}]*\}/g, ' ')
    .replace(/\[[^\]]*\]/g, ' ')
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
    .match(/[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\(|[a-zA-Z0-9_:])/g);
  return (names ?? [])
    .filter((name) => !/^(?:and|or|unless|bool|offset)$/.test(name))
    .map((name) => name.replace(PARTS, ''));
}
