import type { Engine } from '../../../test/support/api/engine.js';
import { usageOf } from '../process-usage.js';

/** Processor time of the programs that take part in a request since their start, in ms. */
export type ProcessorTime = Record<'devforge' | 'nginx' | 'container' | 'client', number>;

/** Where processor time is read. The client is this process. */
export interface Participants {
  devforge: number;
  nginx: number;
  container: string;
}

export async function processorTime(engine: Engine, from: Participants): Promise<ProcessorTime> {
  const { user, system } = process.cpuUsage();
  const [devforge, nginx, stats] = await Promise.all([
    usageOf(from.devforge),
    usageOf(from.nginx),
    engine.docker.getContainer(from.container).stats({ stream: false, 'one-shot': true }),
  ]);
  return {
    devforge: devforge.processorMs,
    nginx: nginx.processorMs,
    container: stats.cpu_stats.cpu_usage.total_usage / 1e6,
    client: (user + system) / 1e3,
  };
}

export function difference(after: ProcessorTime, before: ProcessorTime): ProcessorTime {
  return combine(after, before, (a, b) => a - b);
}

export function sum(a: ProcessorTime, b: ProcessorTime): ProcessorTime {
  return combine(a, b, (x, y) => x + y);
}

function combine(a: ProcessorTime, b: ProcessorTime, by: (a: number, b: number) => number): ProcessorTime {
  return {
    devforge: by(a.devforge, b.devforge),
    nginx: by(a.nginx, b.nginx),
    container: by(a.container, b.container),
    client: by(a.client, b.client),
  };
}
