/** The rules of the house: which room may import what. See docs/architecture.md. */
const rooms = {
  ground: ['config', 'common'],
  ports: ['runtime', 'persistence', 'queues', 'events'],
  edge: ['realtime', 'auth'],
  domain: ['containers', 'images'],
  flows: ['provisioning', 'instructions', 'terminal', 'editor', 'agents', 'exec', 'files', 'metrics', 'logs', 'health'],
};
const paths = (...names) => `^src/(${names.join('|')})/`;

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, dependencyTypesNot: ['type-only'] } },
    { name: 'no-orphans-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'ground-imports-ground',
      severity: 'error',
      from: { path: paths(...rooms.ground) },
      to: { path: paths(...rooms.ports, ...rooms.edge, ...rooms.domain, ...rooms.flows) },
    },
    {
      name: 'ports-import-down',
      severity: 'error',
      from: { path: paths(...rooms.ports) },
      to: { path: paths(...rooms.edge, ...rooms.domain, ...rooms.flows) },
    },
    {
      name: 'edge-imports-down',
      severity: 'error',
      from: { path: paths(...rooms.edge) },
      to: { path: paths(...rooms.domain, ...rooms.flows) },
    },
    {
      name: 'domain-imports-down',
      severity: 'error',
      from: { path: paths(...rooms.domain) },
      to: { path: paths(...rooms.flows) },
    },
    ...rooms.flows.map((flow) => ({
      name: `nobody-imports-${flow}`,
      severity: 'error',
      from: { path: '^src/', pathNot: [`^src/${flow}/`, '^src/app\\.module\\.ts$', '^src/main\\.ts$'] },
      to: { path: `^src/${flow}/` },
    })),
    {
      name: 'dockerode-in-its-room',
      severity: 'error',
      from: { pathNot: '^src/runtime/docker/' },
      to: { path: 'node_modules/(@types/)?dockerode' },
    },
    {
      name: 'bullmq-in-its-rooms',
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
      from: { pathNot: ['\\.spec\\.ts$', '^src/runtime/fake/', '^test/'] },
      to: { path: '^src/runtime/fake/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: 'specify',
    enhancedResolveOptions: { extensions: ['.ts', '.js'], conditionNames: ['import', 'node', 'default'] },
  },
};
