import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { useIsDark } from '../../app/theme.ts';
import { formatBytes, formatPercent } from '../../ui/format.ts';
import type { Columns, Plot } from './history.ts';
import styles from './metrics.module.css';

const HEIGHT = 190;

const POWERS_OF_TWO = Array.from({ length: 48 }, (_, power) => 2 ** power);

const FORMATS: Record<Plot['unit'], (value: number) => string> = {
  percent: formatPercent,
  bytes: formatBytes,
  'bytes/s': (value) => `${formatBytes(value)}/s`,
};

/** What of the hour is shown, in seconds since 1970; null is all of it. */
export type Range = { min: number; max: number } | null;

interface TimePlotProps {
  plot: Plot;
  columns: Columns;
  range: Range;
  /** The person has chosen a part by dragging, or everything by a double click. */
  onRange: (range: Range) => void;
}

export default function TimePlot({ plot, columns, range, onRange }: TimePlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const shown = useRef<uPlot>(null);
  const current = useRef({ columns, range, onRange });
  current.current = { columns, range, onRange };
  const isDark = useIsDark();

  useEffect(() => {
    const element = box.current!;
    const chart = new uPlot(
      optionsOf(plot, element, (next) => current.current.onRange(next)),
      current.current.columns,
      element,
    );
    shown.current = chart;
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      shown.current = null;
    };
  }, [plot, isDark]);

  useEffect(() => {
    const [times] = columns;
    const whole = { min: times[0] ?? 0, max: times.at(-1) ?? 1 };
    shown.current?.batch(() => {
      shown.current?.setData(columns, false);
      shown.current?.setScale('x', range ?? whole);
    });
  }, [columns, range, isDark]);

  const last = columns.slice(1).map((column, index) => {
    const value = column.at(-1) ?? null;
    return `${plot.lines[index]!.label} ${value === null ? '—' : FORMATS[plot.unit](value)}`;
  });
  return (
    <figure className={styles.plot} aria-label={`${plot.title}: ${last.join(', ')}`}>
      <figcaption className={styles.caption}>
        <h2>{plot.title}</h2>
        <span>{last.join(' · ')}</span>
      </figcaption>
      <div ref={box} />
    </figure>
  );
}

function optionsOf(plot: Plot, element: HTMLElement, onRange: (range: Range) => void): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => resolved(element, name);
  const format = FORMATS[plot.unit];
  const axis = {
    stroke: colour('--text-2'),
    grid: { stroke: colour('--border'), width: 1 },
    ticks: { stroke: colour('--border'), width: 1 },
    font: `11px ${style.fontFamily}`,
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    cursor: {
      sync: { key: 'metrics' },
      drag: { x: true, y: false, setScale: false },
      bind: { dblclick: () => () => (onRange(null), null) },
    },
    legend: { show: true },
    scales: {
      x: { time: true },
      y: { range: (_, __, max) => [0, Math.max(max * 1.1, plot.unit === 'percent' ? 5 : 1024)] },
    },
    axes: [
      axis,
      {
        ...axis,
        size: 74,
        ...(plot.unit !== 'percent' && { incrs: POWERS_OF_TWO }),
        values: (_, splits) => splits.map(format),
      },
    ],
    series: [
      {
        label: 'Time',
        value: (_, seconds) => (seconds === null ? '—' : new Date(seconds * 1000).toLocaleTimeString()),
      },
      ...plot.lines.map(({ label, colour: name }) => ({
        label,
        stroke: colour(name),
        width: 1.5,
        points: { show: false },
        value: (_: uPlot, value: number | null) => (value === null ? '—' : format(value)),
      })),
    ],
    hooks: {
      setSelect: [
        (chart) => {
          const { left, width } = chart.select;
          if (width < 4) return;
          onRange({ min: chart.posToVal(left, 'x'), max: chart.posToVal(left + width, 'x') });
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

/** A custom property as a colour that a canvas understands. */
function resolved(element: HTMLElement, name: string): string {
  const probe = element.appendChild(document.createElement('span'));
  probe.style.color = `var(${name})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
