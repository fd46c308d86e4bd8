/**
 * The tiers of the suite. `npm test` runs them all; `npm run jest -- --selectProjects unit` runs one.
 *
 * unit      beside the source, fakes beside the ports, nothing real
 * contract  one suite per port over its fake and its real adapter
 * e2e       HTTP and sockets only, against the real engine, PostgreSQL, Redis, git
 * faults    kill, hang, restart, fill
 */
const base = {
  rootDir: '.',
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'es6' },
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
          keepClassNames: true,
        },
      },
    ],
  },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
};

const tier = (displayName, testMatch, extra = {}) => ({ ...base, displayName, testMatch, ...extra });

export default {
  testTimeout: 60_000,
  testSequencer: '<rootDir>/test/support/suite-sequencer.mjs',
  projects: [
    tier('unit', ['<rootDir>/src/**/*.spec.ts', '<rootDir>/scripts/**/*.spec.ts', '<rootDir>/packages/**/*.spec.ts']),
    tier('contract', ['<rootDir>/test/contracts/**/*.test.ts']),
    tier('e2e', ['<rootDir>/test/e2e/**/*.test.ts']),
    tier('api', ['<rootDir>/test/api/**/*.test.ts']),
    tier('faults', ['<rootDir>/test/faults/**/*.test.ts']),
  ],
};
