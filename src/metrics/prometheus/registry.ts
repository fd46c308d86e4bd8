import { collectDefaultMetrics, Registry } from 'prom-client';

/** Creates the registry of one application, with the default metrics of Node.js and the process. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
