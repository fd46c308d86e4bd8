/** The calls of the engine client, by the part they belong to. */
export type FakeEngineCall =
  | `system.${'ping' | 'info' | 'watch' | 'volumeBytes'}`
  | `containers.${'create' | 'start' | 'stop' | 'pause' | 'unpause' | 'remove' | 'inspect' | 'list' | 'exec' | 'open' | 'logs' | 'usage' | 'update' | 'diskFootprint' | 'changedPaths' | 'readFolder' | 'readFile' | 'writeFolder'}`
  | `images.${'exists' | 'inspect' | 'pull' | 'build' | 'remove'}`
  | `volumes.${'list' | 'exists' | 'ensure' | 'folder' | 'remove'}`
  | `networks.${'ensureIsolatedBridge' | 'list' | 'remove' | 'disconnect'}`;

/** Whether the labels match a filter: `name` or `name=value`. */
export function matchesLabel(labels: Record<string, string>, filter: string): boolean {
  const at = filter.indexOf('=');
  return at < 0 ? filter in labels : labels[filter.slice(0, at)] === filter.slice(at + 1);
}
