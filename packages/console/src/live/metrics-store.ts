import { useCallback, useSyncExternalStore } from 'react';
import { socket, whileConnected } from '../api/socket.ts';
import type { ContainerMetrics } from '../api/types.ts';
import { Series } from './series.ts';

export const SERIES_LENGTH = 60;
const INTERVAL_MS = 2_000;

interface Live {
  latest: ContainerMetrics | null;
  cpu: Series;
  memory: Series;
  network: Series;
}

/** Live metrics of containers, as long as something of the page shows them. */
const live = new Map<string, Live>();
const watchers = new Map<string, { count: number; stop: () => void }>();
const listeners = new Map<string, Set<() => void>>();
/** Whose figures have changed since what shows them was rendered: they come at the same time, and are rendered together. */
const changed = new Set<string>();
const RENDER_AFTER_MS = 100;

function notify(containerId: string): void {
  if (changed.size === 0) setTimeout(render, RENDER_AFTER_MS);
  changed.add(containerId);
}

function render(): void {
  const ids = [...changed];
  changed.clear();
  for (const id of ids) for (const listener of listeners.get(id) ?? []) listener();
}

function liveOf(id: string): Live {
  const known = live.get(id);
  if (known !== undefined) return known;
  const fresh: Live = {
    latest: null,
    cpu: new Series(SERIES_LENGTH),
    memory: new Series(SERIES_LENGTH),
    network: new Series(SERIES_LENGTH),
  };
  live.set(id, fresh);
  return fresh;
}

socket.on('metrics:update', ({ containerId, metrics }) => {
  const one = liveOf(containerId);
  one.latest = metrics;
  one.cpu.push(metrics.cpu.percent);
  one.memory.push(metrics.memory.usedMB);
  one.network.push(metrics.network.rxBytesPerSecond + metrics.network.txBytesPerSecond);
  notify(containerId);
});
socket.on('metrics:error', ({ containerId }) => {
  live.delete(containerId);
  notify(containerId);
});

/** Subscribes to the metrics of a container, once however many show them. @returns ends it */
export function watchMetrics(containerId: string): () => void {
  const watcher = watchers.get(containerId) ?? {
    count: 0,
    stop: whileConnected(
      () => void socket.emit('subscribe:metrics', { containerId, interval: INTERVAL_MS }),
      () => void socket.emit('unsubscribe:metrics', { containerId }),
    ),
  };
  watcher.count += 1;
  watchers.set(containerId, watcher);
  return () => {
    watcher.count -= 1;
    if (watcher.count > 0) return;
    watchers.delete(containerId);
    watcher.stop();
  };
}

function useLive<Value>(containerId: string, read: () => Value): Value {
  const subscribe = useCallback(
    (listener: () => void) => {
      const own = listeners.get(containerId) ?? new Set();
      listeners.set(containerId, own.add(listener));
      return () => {
        own.delete(listener);
        if (own.size === 0 && listeners.get(containerId) === own) listeners.delete(containerId);
      };
    },
    [containerId],
  );
  return useSyncExternalStore(subscribe, read);
}

export function useLatestMetrics(containerId: string): ContainerMetrics | null {
  return useLive(containerId, () => live.get(containerId)?.latest ?? null);
}

export function latestMetrics(containerId: string): ContainerMetrics | null {
  return live.get(containerId)?.latest ?? null;
}

const NONE: readonly number[] = [];

export function useSeries(containerId: string, figure: 'cpu' | 'memory' | 'network'): readonly number[] {
  return useLive(containerId, () => live.get(containerId)?.[figure].get() ?? NONE);
}
