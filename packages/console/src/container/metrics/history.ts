import type { ContainerMetrics } from '../../api/types.ts';

/** Seconds since 1970, then a value for each line; null where there is a gap. */
export type Columns = [number[], ...(number | null)[][]];

export interface Plot {
  title: string;
  unit: 'percent' | 'bytes' | 'bytes/s';
  lines: { label: string; colour: string; value: (metrics: ContainerMetrics) => number | null }[];
}

const MIB = 1024 ** 2;

export const PLOTS: readonly Plot[] = [
  { title: 'CPU', unit: 'percent', lines: [{ label: 'CPU', colour: '--accent', value: ({ cpu }) => cpu.percent }] },
  {
    title: 'Memory',
    unit: 'bytes',
    lines: [{ label: 'Memory', colour: '--violet', value: ({ memory }) => memory.usedMB * MIB }],
  },
  {
    title: 'Network',
    unit: 'bytes/s',
    lines: [
      { label: 'Received', colour: '--green', value: ({ network }) => network.rxBytesPerSecond },
      { label: 'Sent', colour: '--amber', value: ({ network }) => network.txBytesPerSecond },
    ],
  },
  {
    title: 'Disk',
    unit: 'bytes',
    lines: [{ label: 'Disk', colour: '--red', value: ({ disk }) => (disk.usedMB === null ? null : disk.usedMB * MIB) }],
  },
];

const HOUR_SECONDS = 3_600;
/** Without a sample for longer there is a gap, as while the container did not run. */
const GAP_SECONDS = 30;

/** The columns of a plot: samples of the last hour in their order, each time once. */
export function columnsOf(samples: readonly ContainerMetrics[], { lines }: Plot): Columns {
  const columns: Columns = [[], ...lines.map((): (number | null)[] => [])];
  const [times, ...values] = columns;
  const end = samples.length === 0 ? 0 : secondsOf(samples.at(-1)!);
  for (const sample of samples) {
    const time = secondsOf(sample);
    const last = times.at(-1);
    if (end - time > HOUR_SECONDS || (last !== undefined && time <= last)) continue;
    if (last !== undefined && time - last > GAP_SECONDS) {
      times.push(last + 1);
      for (const column of values) column.push(null);
    }
    times.push(time);
    values.forEach((column, index) => column.push(lines[index]!.value(sample)));
  }
  return columns;
}

function secondsOf({ timestamp }: ContainerMetrics): number {
  return Date.parse(timestamp) / 1000;
}
