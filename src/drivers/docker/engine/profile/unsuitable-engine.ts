import type { EngineProfile } from './engine-profile.js';

/** Of Docker 20.10 and Podman 4.0: the first with private cgroup namespaces. */
const MIN_API = '1.41';
/** Earlier ones do not keep bridges apart that are made through Docker's API. */
const MIN_PODMAN = '4.3';

/** @returns why DevForge cannot work with the engine, undefined when it can */
export function reasonAgainst(engine: EngineProfile): string | undefined {
  const { name, version, apiVersion, os, log } = engine;
  if (os !== 'linux') return `${name} ${version} runs containers of ${os}; DevForge's are of Linux`;
  if (name === 'Podman' && isBefore(version, MIN_PODMAN))
    return `${name} ${version} is too old: DevForge needs ${MIN_PODMAN} or later, which keeps workspaces apart`;
  if (isBefore(apiVersion, MIN_API))
    return `${name} ${version} is too old: it has version ${apiVersion} of the Docker API, and DevForge needs ${MIN_API} or later (Docker 20.10)`;
  if (log === null)
    return `${name} ${version} has no log driver that DevForge can read and that rotates: local or k8s-file`;
  return undefined;
}

/** @returns what DevForge promises elsewhere and this engine does not keep, in sentences for its operator */
export function shortcomingsOf({ name, limits, canPause, measuresUsage, isRootless }: EngineProfile): string[] {
  const missing = [
    ...(limits.cpu ? [] : ['cpuLimit']),
    ...(limits.memory ? [] : ['memoryLimit']),
    ...(limits.pids ? [] : ['the limit of processes']),
  ];
  const why = isRootless
    ? `${name} runs rootless and has no cgroups for it, which needs cgroup v2 and systemd`
    : `${name} reports that the kernel has no cgroups for it`;
  return [
    ...(missing.length === 0 ? [] : [`Not enforced: ${missing.join(', ')}. ${why}.`]),
    ...(canPause ? [] : ['Containers cannot be paused.']),
    ...(measuresUsage ? [] : ['What containers use of cores and memory is not measured.']),
  ];
}

function isBefore(version: string, minimum: string): boolean {
  const [a, b] = [numbersOf(version), numbersOf(minimum)];
  for (let at = 0; at < b.length; at++) if ((a[at] ?? 0) !== b[at]) return (a[at] ?? 0) < b[at]!;
  return false;
}

function numbersOf(version: string): number[] {
  return (/^\d+(?:\.\d+)*/.exec(version)?.[0] ?? '0').split('.').map(Number);
}
