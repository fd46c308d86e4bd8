/** The layers of src and what may import what. See docs/architecture.md. */
const layers = [
  ['common', 'config'],
  ['drivers', 'persistence', 'queues', 'events'],
  ['auth', 'http', 'realtime', 'rate-limits'],
  ['workspace', 'git-keys', 'credentials', 'egress', 'spend', 'usage', 'agent-state', 'sites', 'leases', 'warm-pool'],
  ['containers'],
];
const flows = [
  'provisioning',
  'instructions',
  'agents',
  'terminals',
  'editor',
  'exec',
  'files',
  'logs',
  'metrics',
  'health',
  'info',
  'console',
];
const composition = ['^src/app\\.module\\.ts$', '^src/app\\.setup\\.ts$', '^src/main\\.ts$', '^src/boot/'];
const paths = (names) => `^src/(${names.join('|')})/`;

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...layers.map((layer, index) => ({
      name: `${layer[0]}-layer-imports-down`,
      severity: 'error',
      from: { path: paths(layer) },
      to: { path: paths([...layers.slice(index + 1).flat(), ...flows]) },
    })),
    ...flows.map((flow) => ({
      name: `nobody-imports-${flow}`,
      severity: 'error',
      from: { path: '^src/', pathNot: [`^src/${flow}/`, ...composition] },
      to: { path: `^src/${flow}/` },
    })),
    {
      name: 'nobody-imports-composition',
      severity: 'error',
      from: { path: '^src/', pathNot: composition },
      to: { path: composition },
    },
    {
      name: 'docker-engine-is-a-detail',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/drivers/' },
      to: { path: '^src/drivers/docker/' },
    },
    {
      name: 'controllers-import-no-repository',
      severity: 'error',
      from: { path: '\\.(controller|gateway)\\.ts$' },
      to: { path: '\\.repository\\.ts$' },
    },
    {
      name: 'everything-is-not-for-callers',
      comment: 'What answers callers reads in their scope, or in the project of a row that was found in it.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [
          '^src/persistence/',
          '\\.spec\\.ts$',
          // Administrators.
          '^src/auth/(principal|project-scope)\\.ts$',
          // Names of projects from the settings.
          '^src/auth/oidc/group-roles\\.ts$',
          '^src/(agents|leases|provisioning)/',
          '^src/containers/(reconciliation/|lifecycle/container-store\\.ts$|container-snapshots\\.ts$)',
          '^src/instructions/follow/',
          '^src/logs/log-hub\\.ts$',
          '^src/metrics/sampling/',
        ],
      },
      to: { path: '^src/persistence/everything\\.ts$' },
    },
    {
      name: 'dockerode-in-drivers-docker',
      severity: 'error',
      from: { pathNot: '^src/drivers/docker/' },
      to: { path: 'node_modules/(@types/)?dockerode' },
    },
    {
      name: 'bullmq-in-queues-processors-health',
      severity: 'error',
      from: { pathNot: ['^src/(queues|health)/', '\\.processor\\.ts$'] },
      to: { path: 'node_modules/bullmq' },
    },
    {
      name: 'prom-client-in-metrics',
      severity: 'error',
      from: { pathNot: '^src/metrics/' },
      to: { path: 'node_modules/prom-client' },
    },
    {
      name: 'drizzle-in-persistence',
      severity: 'error',
      from: { pathNot: '^src/persistence/' },
      to: { path: 'node_modules/drizzle-orm' },
    },
    {
      name: 'fakes-in-tests',
      severity: 'error',
      from: { pathNot: ['\\.spec\\.ts$', '^src/drivers/(docker/engine/)?fake/', '^test/'] },
      to: { path: '^src/drivers/(docker/engine/)?fake/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: 'specify',
    enhancedResolveOptions: { extensions: ['.ts', '.js'], conditionNames: ['import', 'node', 'default'] },
  },
};
