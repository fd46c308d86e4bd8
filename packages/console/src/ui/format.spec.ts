import { describe, expect, it } from '@jest/globals';
import { formatBytes, formatDuration, formatPercent, formatUsd } from './format.ts';

describe('figures for people', () => {
  it.each([
    [0, '0 B'],
    [0.5, '1 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [250 * 1024 ** 2, '250 MiB'],
    [2 * 1024 ** 3, '2 GiB'],
    [5_000 * 1024 ** 4, '5000 TiB'],
  ])('shows %d bytes as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [0, '0%'],
    [0.42, '0.4%'],
    [99.6, '100%'],
  ])('shows %d percent as %s', (percent, text) => expect(formatPercent(percent)).toBe(text));

  it.each([
    [0, '$0.00'],
    [0.003149, '$0.0031'],
    [1.239, '$1.24'],
  ])('shows %d dollars as %s', (usd, text) => expect(formatUsd(usd)).toBe(text));

  it.each([
    [-5, '0 s'],
    [59_400, '59 s'],
    [60_000, '1 min'],
    [3_600_000, '1 h'],
    [3_660_000, '1 h 1 min'],
    [90_000_000, '1 d 1 h'],
  ])('shows %d ms as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
});
