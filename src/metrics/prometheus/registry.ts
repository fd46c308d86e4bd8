import { collectDefaultMetrics, Registry } from 'prom-client';

/** What an application tells Prometheus, with the figures of Node.js and the process in it already. Each application has its own. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
