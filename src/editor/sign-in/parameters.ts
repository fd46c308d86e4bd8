/** The value of a query parameter of a path. */
export function parameterOf(path: string, name: string): string | null {
  const at = path.indexOf('?');
  // Most requests have other parameters, if any, and need not be parsed. These names have no characters that are encoded.
  return at < 0 || !path.includes(name, at) ? null : new URLSearchParams(path.slice(at)).get(name);
}

/** The path without query parameters of these names; all others stay as they were written. */
export function withoutParameters(path: string, ...names: string[]): string {
  const at = path.indexOf('?');
  if (at < 0) return path;
  const kept = path
    .slice(at + 1)
    .split('&')
    .filter((pair) => !names.includes(pair.split('=')[0]!));
  return path.slice(0, at) + (kept.length === 0 || kept[0] === '' ? '' : `?${kept.join('&')}`);
}
