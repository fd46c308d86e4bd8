/** The tiers of `npm test`, in their order, and the reading of its command line. */
import { Failure } from './failure.mjs';
import { seconds } from './steps.mjs';

/**
 * `real` tiers use the engine and the servers. `workers` is how many suites run at a time: more than there are cores
 * where they mostly wait. `images` are the workspace images that a tier needs before its first suite.
 * @typedef {{
 *   name: string, kind: 'command' | 'jest', words?: string[], workers?: number, real?: boolean, images?: string[], minutes: number
 * }} Tier
 */

/** @type {Tier[]} */
export const TIERS = [
  { name: 'type-check', kind: 'command', words: ['npm', 'run', '--silent', 'type-check'], minutes: 5 },
  { name: 'lint', kind: 'command', words: ['npm', 'run', '--silent', 'lint'], minutes: 5 },
  { name: 'unit', kind: 'jest', workers: 2, minutes: 10 },
  { name: 'contract', kind: 'jest', workers: 3, real: true, images: ['claude', 'gateway'], minutes: 30 },
  { name: 'e2e', kind: 'jest', workers: 3, real: true, images: ['claude', 'gateway', 'both', 'vscode'], minutes: 60 },
  { name: 'faults', kind: 'jest', workers: 3, real: true, images: ['claude', 'gateway'], minutes: 40 },
];

/**
 * `--only a,b` (also repeated) picks tiers; everything else goes to Jest.
 * @param {string[]} args
 * @returns {{ tiers: Tier[], jestArgs: string[], passWithNoTests: boolean }}
 */
export function readTestArgs(args) {
  const names = [];
  const jestArgs = [];
  for (let index = 0; index < args.length; index += 1) {
    const match = /^--only(?:=(.*))?$/.exec(args[index]);
    if (match) names.push(...(match[1] ?? args[(index += 1)] ?? '').split(','));
    else jestArgs.push(args[index]);
  }
  const unknown = names.filter((name) => !TIERS.some((tier) => tier.name === name));
  if (unknown.length > 0)
    throw new Failure(`No tier is called "${unknown.join('", "')}".`, [
      `npm test -- --only <${TIERS.map((tier) => tier.name).join('|')}>`,
    ]);
  return {
    tiers: names.length > 0 ? TIERS.filter((tier) => names.includes(tier.name)) : TIERS,
    jestArgs,
    passWithNoTests: jestArgs.includes('--passWithNoTests'),
  };
}

/** What runs at the same time: commands that follow one another, since each keeps one core busy. @param {Tier[]} tiers @returns {Tier[][]} */
export function sideBySide(tiers) {
  const groups = [];
  for (const tier of tiers) {
    const last = groups.at(-1);
    if (tier.kind === 'command' && last?.[0].kind === 'command') last.push(tier);
    else groups.push([tier]);
  }
  return groups;
}

/** Options that take a list come first: they would take the file names among `jestArgs` for theirs. @param {Tier} tier @param {string[]} jestArgs */
export function jestWords(tier, jestArgs) {
  const workers =
    tier.workers && !jestArgs.some((arg) => /^(-i|--runInBand|-w|--maxWorkers)/.test(arg))
      ? [`--maxWorkers=${tier.workers}`]
      : [];
  return [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    '--selectProjects',
    tier.name,
    '--reporters=default',
    '--reporters=<rootDir>/test/support/summary-reporter.mjs',
    ...workers,
    '--ci',
    ...jestArgs,
  ];
}

/**
 * A tier's part of the sum. One that ended badly without a failed test to show for it counts as one failed.
 * @param {{ code: number, summary?: { passed: number, failed: number }, passWithNoTests?: boolean }} outcome
 */
export function tierCount({ code, summary, passWithNoTests = false }) {
  if (!summary) return code === 0 && passWithNoTests ? { passed: 0, failed: 0 } : { passed: 0, failed: 1 };
  const empty = summary.passed + summary.failed === 0 && !passWithNoTests;
  return { passed: summary.passed, failed: summary.failed === 0 && (code !== 0 || empty) ? 1 : summary.failed };
}

/** @param {{ passed: number, failed: number }[]} counts */
export const sumCounts = (counts) =>
  counts.reduce((sum, { passed, failed }) => ({ passed: sum.passed + passed, failed: sum.failed + failed }), {
    passed: 0,
    failed: 0,
  });

/**
 * How long each tier took, and all of them with what came before.
 * @param {{ name: string, ms: number }[]} times
 * @param {number} totalMs
 */
export function timeTable(times, totalMs) {
  const rows = [...times, { name: 'in all', ms: totalMs }];
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows.map(({ name, ms }) => `${name.padEnd(width)}  ${duration(ms)}`).join('\n');
}

function duration(ms) {
  if (ms < 60_000) return seconds(ms);
  const whole = Math.round(ms / 1000);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

export const closingLine = ({ passed, failed }) => `Tests: ${passed} passed, ${failed} failed`;
