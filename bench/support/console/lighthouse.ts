import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { CHROMIUM } from '../../../test/support/e2e/chromium.js';
import { until } from '../../../test/support/e2e/until.js';
import { freePort } from '../../../test/support/api/free-port.js';

/** It is large, and needed here alone. */
const PACKAGE = 'lighthouse@13.5.0';
const CATEGORIES = ['performance', 'accessibility', 'best-practices'] as const;

export type Scores = Record<(typeof CATEGORIES)[number], number>;

interface LighthouseResult {
  categories: Record<string, { score: number | null; auditRefs: { id: string; weight: number }[] }>;
  audits: Record<string, { title: string; score: number | null; displayValue?: string }>;
}

/**
 * What Lighthouse says of a page, of 100 each. It has a browser of its own, since it does not find its traces in one that
 * Playwright drives.
 * @param profile folder of a browser in which somebody has signed in
 * @param preset a simulated slow phone, or a computer
 */
export async function lighthouse(
  url: string,
  { profile, preset }: { profile: string; preset: 'desktop' | 'mobile' },
): Promise<{ scores: Scores; faults: string[] }> {
  const port = await freePort();
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run'];
  const browser = spawn(
    CHROMIUM,
    [...flags, `--user-data-dir=${profile}`, `--remote-debugging-port=${port}`, 'about:blank'],
    { stdio: 'ignore' },
  );
  const ended = once(browser, 'exit');
  try {
    await until('the browser', async () => (await fetch(`http://127.0.0.1:${port}/json/version`)).ok, 30_000);
    return await judge(url, port, preset);
  } finally {
    browser.kill();
    await ended;
  }
}

async function judge(
  url: string,
  port: number,
  preset: 'desktop' | 'mobile',
): Promise<{ scores: Scores; faults: string[] }> {
  const words = [
    'exec',
    '--yes',
    '--package',
    PACKAGE,
    '--',
    'lighthouse',
    url,
    `--port=${port}`,
    '--disable-storage-reset',
    `--only-categories=${CATEGORIES.join()}`,
    '--output=json',
    '--quiet',
    ...(preset === 'desktop' ? ['--preset=desktop'] : []),
  ];
  const { stdout } = await promisify(execFile)('npm', words, { maxBuffer: 100_000_000 });
  const { categories, audits } = JSON.parse(stdout) as LighthouseResult;
  const scores = Object.fromEntries(
    CATEGORIES.map((name) => [name, Math.round((categories[name]?.score ?? 0) * 100)]),
  ) as Scores;
  const faults = CATEGORIES.flatMap((name) =>
    (categories[name]?.auditRefs ?? [])
      .filter(({ id, weight }) => weight > 0 && (audits[id]?.score ?? 1) < 0.9)
      .map(({ id }) => `${name}: ${audits[id]!.title} ${audits[id]!.displayValue ?? ''}`),
  );
  return { scores, faults };
}
