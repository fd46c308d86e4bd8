import { describe, expect, it } from '@jest/globals';
import type { UsageRecord } from '../../drivers/workspace-usage.js';
import { toMetrics } from './to-metrics.js';

const MIB = 1024 * 1024;
const row = { id: 'c', cpuLimit: 1.5, memoryLimit: 512, diskLimit: 10_240 };
const at = Date.parse('2030-01-01T00:00:00Z');
const usage = (more: Partial<UsageRecord> = {}): UsageRecord => ({
  at,
  monotonicMs: 5_000,
  cpuSeconds: 10,
  memoryBytes: 64 * MIB,
  rxBytes: 1_000,
  txBytes: 2_000,
  pids: 3,
  ...more,
});

describe('toMetrics', () => {
  it('computes the metrics from two readings', () => {
    const agent = {
      active: true,
      state: null,
      since: '2030-01-01T00:00:00.000Z',
      waitingFor: null,
      modelProblem: null,
    };
    const now = usage({ at: at + 2_000, monotonicMs: 7_000, cpuSeconds: 12.46829, rxBytes: 3_001, txBytes: 2_000 });
    expect(toMetrics(row, now, usage(), 1_024, agent)).toEqual({
      containerId: 'c',
      timestamp: '2030-01-01T00:00:02.000Z',
      cpu: { percent: 123.41, limitPercent: 150 },
      memory: { usedMB: 64, limitMB: 512, percent: 12.5 },
      disk: { usedMB: 1_024, limitMB: 10_240, percent: 10 },
      network: { rxBytes: 3_001, txBytes: 2_000, rxBytesPerSecond: 1_001, txBytesPerSecond: 0 },
      pids: 3,
      agent,
    });
  });

  it('rounds to two digits', () => {
    const { memory, cpu } = toMetrics(
      { ...row, cpuLimit: 0.1 + 0.2 },
      usage({ memoryBytes: MIB / 3 }),
      undefined,
      undefined,
      null,
    );
    expect(memory).toEqual({ usedMB: 0.33, limitMB: 512, percent: 0.07 });
    expect(cpu.limitPercent).toBe(30);
  });

  it('yields rates of 0 for counters that were reset', () => {
    const { cpu, network } = toMetrics(
      row,
      usage({ at: at + 1_000, monotonicMs: 6_000, cpuSeconds: 1, rxBytes: 5, txBytes: 2_500 }),
      usage(),
      undefined,
      null,
    );
    expect(cpu.percent).toBe(0);
    expect(network).toEqual({ rxBytes: 5, txBytes: 2_500, rxBytesPerSecond: 0, txBytesPerSecond: 500 });
  });

  it.each([
    ['the first reading', undefined],
    ['two readings at the same time', usage({ cpuSeconds: 1 })],
    ['readings in the wrong order', usage({ monotonicMs: 10_000, cpuSeconds: 1 })],
  ])('yields rates of 0 for %s', (_, before) => {
    const { cpu, network } = toMetrics(row, usage(), before, undefined, null);
    expect([cpu.percent, network.rxBytesPerSecond, network.txBytesPerSecond]).toEqual([0, 0, 0]);
  });

  it.each([-3_600_000, -900, 900, 3_600_000])('ignores that the clock is set off by %i ms', (step) => {
    const now = usage({ at: at + 1_000 + step, monotonicMs: 6_000, cpuSeconds: 10.5, rxBytes: 2_000 });
    const { cpu, network } = toMetrics(row, now, usage(), undefined, null);
    expect([cpu.percent, network.rxBytesPerSecond]).toEqual([50, 1_000]);
  });

  it('distinguishes an unmeasured disk from an empty one', () => {
    expect(toMetrics(row, usage(), undefined, undefined, null).disk).toEqual({
      usedMB: null,
      limitMB: 10_240,
      percent: null,
    });
    expect(toMetrics(row, usage(), undefined, 0, null).disk).toEqual({ usedMB: 0, limitMB: 10_240, percent: 0 });
  });
});
