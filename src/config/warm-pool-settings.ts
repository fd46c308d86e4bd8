/** How many workspaces of one kind are created ahead. */
export interface WarmPoolSize {
  readonly template: 'claude' | 'vscode' | 'both';
  /** For containers whose egress is `restricted` or `none`. */
  readonly fenced: boolean;
  readonly min: number;
  /** Reached when as many containers are created within a minute. */
  readonly max: number;
}

const MAX_SIZE = 100;
const ENTRY = /^(?<template>claude|vscode|both)(?<fenced>\/restricted)?=(?<min>\d{1,3})(?:\.\.(?<max>\d{1,3}))?$/;

/**
 * Reads a list such as `claude=2,claude/restricted=1..5`.
 * @returns null when it is not one, or has an entry twice
 */
export function parseWarmPool(text: string): WarmPoolSize[] | null {
  const sizes = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map(parseEntry);
  const kinds = new Set(sizes.map((size) => size && `${size.template} ${size.fenced}`));
  return sizes.includes(null) || kinds.size < sizes.length ? null : (sizes as WarmPoolSize[]);
}

function parseEntry(entry: string): WarmPoolSize | null {
  const parts = ENTRY.exec(entry)?.groups;
  if (parts === undefined) return null;
  const min = Number(parts['min']);
  const max = Number(parts['max'] ?? min);
  if (max < min || max > MAX_SIZE) return null;
  return { template: parts['template'] as WarmPoolSize['template'], fenced: parts['fenced'] !== undefined, min, max };
}
