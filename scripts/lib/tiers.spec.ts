import { describe, expect, it } from '@jest/globals';
import { closingLine, jestWords, readTestArgs, sideBySide, sumCounts, tierCount, TIERS, timeTable } from './tiers.mjs';

const names = (args: string[]) => readTestArgs(args).tiers.map((tier: { name: string }) => tier.name);

describe('npm test', () => {
  it('runs every tier in order unless told which', () => {
    expect(names([])).toEqual(['type-check', 'lint', 'unit', 'contract', 'e2e', 'faults']);
    expect(names(['--only', 'e2e'])).toEqual(['e2e']);
    expect(names(['--only=unit,lint', '--only', 'faults'])).toEqual(['lint', 'unit', 'faults']);
    expect(() => readTestArgs(['--only', 'nope'])).toThrow('No tier is called "nope"');
    expect(() => readTestArgs(['--only'])).toThrow('No tier is called ""');
  });

  it('runs the commands side by side, and one tier of suites after the other', () => {
    const groups = sideBySide(TIERS).map((group) => group.map(({ name }) => name));
    expect(groups).toEqual([['type-check', 'lint'], ['unit'], ['contract'], ['e2e'], ['faults']]);
  });

  it('hands the rest to Jest', () => {
    expect(readTestArgs(['--only', 'e2e', '-t', 'clone', 'containers', '--passWithNoTests'])).toMatchObject({
      jestArgs: ['-t', 'clone', 'containers', '--passWithNoTests'],
      passWithNoTests: true,
    });
  });

  it('runs as many suites at a time as the tier says, unless told otherwise', () => {
    for (const tier of TIERS.filter(({ kind }) => kind === 'jest'))
      expect(jestWords(tier, [])).toContain(`--maxWorkers=${tier.workers}`);
    expect(jestWords({ name: 'e2e', workers: 2 }, ['--runInBand'])).not.toContain('--maxWorkers=2');
  });

  it('puts file names behind an option that does not take them for its own', () => {
    expect(jestWords({ name: 'unit' }, ['src/health']).slice(-2)).toEqual(['--ci', 'src/health']);
  });

  it('counts a tier that ended badly without saying why as one failed', () => {
    expect(tierCount({ code: 0, summary: { passed: 3, failed: 0 } })).toEqual({ passed: 3, failed: 0 });
    expect(tierCount({ code: 1, summary: { passed: 3, failed: 2 } })).toEqual({ passed: 3, failed: 2 });
    expect(tierCount({ code: 1, summary: { passed: 3, failed: 0 } })).toEqual({ passed: 3, failed: 1 });
    expect(tierCount({ code: 137 })).toEqual({ passed: 0, failed: 1 });
    expect(tierCount({ code: 0 })).toEqual({ passed: 0, failed: 1 });
  });

  it('accepts a tier without tests only when told so', () => {
    expect(tierCount({ code: 0, summary: { passed: 0, failed: 0 } })).toEqual({ passed: 0, failed: 1 });
    expect(tierCount({ code: 0, summary: { passed: 0, failed: 0 }, passWithNoTests: true })).toEqual({
      passed: 0,
      failed: 0,
    });
    expect(tierCount({ code: 0, passWithNoTests: true })).toEqual({ passed: 0, failed: 0 });
    expect(tierCount({ code: 1, passWithNoTests: true })).toEqual({ passed: 0, failed: 1 });
  });

  it('shows how long each tier took', () => {
    const times = [
      { name: 'lint', ms: 9_450 },
      { name: 'e2e', ms: 599_900 },
    ];
    expect(timeTable(times, 660_000)).toBe('lint    9.4 s\ne2e     10 min 0 s\nin all  11 min 0 s');
  });

  it('closes with the sum', () => {
    expect(
      closingLine(
        sumCounts([
          { passed: 2, failed: 0 },
          { passed: 5, failed: 1 },
        ]),
      ),
    ).toBe('Tests: 7 passed, 1 failed');
    expect(closingLine(sumCounts([]))).toBe('Tests: 0 passed, 0 failed');
  });
});
