import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiClient, ok } from '../support/api/client.js';
import { launchChromium } from '../support/e2e/chromium.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';

interface Operation {
  tags: string[];
  security?: Record<string, string[]>[];
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: { $ref: string } }> };
  responses: Record<string, { content?: Record<string, { schema: { $ref?: string } }> }>;
}

interface Schema {
  properties: Record<string, { type?: string; enum?: string[]; default?: unknown }>;
  required: string[];
}

interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, { type: string; scheme: string }> };
}

/** The routes of the API that require a token. */
const ROUTES = [
  'DELETE /api/api-keys/{id}',
  'DELETE /api/containers/{id}',
  'DELETE /api/containers/{id}/files',
  'DELETE /api/containers/{id}/terminals/{terminalId}',
  'DELETE /api/credentials/{id}',
  'DELETE /api/projects/{id}',
  'DELETE /api/projects/{id}/members/{userId}',
  'DELETE /api/sessions/current',
  'DELETE /api/sessions/{id}',
  'DELETE /api/users/{id}',
  'DELETE /api/volumes/{id}',
  'GET /api/api-keys',
  'GET /api/containers',
  'GET /api/containers/{id}',
  'GET /api/containers/{id}/egress/denials',
  'GET /api/containers/{id}/files',
  'GET /api/containers/{id}/instructions',
  'GET /api/containers/{id}/logs',
  'GET /api/containers/{id}/metrics',
  'GET /api/containers/{id}/spend',
  'GET /api/containers/{id}/terminals',
  'GET /api/credentials',
  'GET /api/credentials/{id}',
  'GET /api/info',
  'GET /api/instructions/{id}',
  'GET /api/instructions/{id}/diff',
  'GET /api/instructions/{id}/events',
  'GET /api/instructions/{id}/spend',
  'GET /api/jobs/{id}',
  'GET /api/me',
  'GET /api/projects',
  'GET /api/projects/{id}',
  'GET /api/projects/{id}/members',
  'GET /api/projects/{id}/spend',
  'GET /api/projects/{id}/usage',
  'GET /api/sessions',
  'GET /api/sessions/current',
  'GET /api/users',
  'GET /api/users/{id}',
  'GET /api/volumes',
  'GET /metrics',
  'PATCH /api/containers/{id}',
  'PATCH /api/containers/{id}/egress',
  'PATCH /api/projects/{id}',
  'PATCH /api/users/{id}',
  'POST /api/api-keys',
  'POST /api/containers',
  'POST /api/containers/{id}/editor',
  'POST /api/containers/{id}/exec',
  'POST /api/containers/{id}/instructions',
  'POST /api/containers/{id}/ports/{port}/preview',
  'POST /api/containers/{id}/rebuild',
  'POST /api/containers/{id}/start',
  'POST /api/containers/{id}/stop',
  'POST /api/credentials',
  'POST /api/instructions/{id}/cancel',
  'POST /api/instructions/{id}/permissions/{requestId}',
  'POST /api/projects',
  'POST /api/session-links',
  'POST /api/users',
  'POST /api/users/{id}/invitation',
  'PUT /api/containers/{id}/files',
  'PUT /api/projects/{id}/members/{userId}',
];
/** Routes that require no token. */
const PUBLIC_ROUTES = [
  'GET /api/auth/oidc/callback',
  'GET /api/auth/oidc/start',
  'GET /api/auth/options',
  'GET /health',
  'GET /health/live',
  'GET /health/ready',
  'POST /api/invitations/accept',
  'POST /api/sessions',
  'POST /api/sessions/by-link',
  'POST /api/sessions/by-token',
];

describe('the API documentation', () => {
  let server: TestServer;
  let document: OpenApi;
  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ route: `${method.toUpperCase()} ${path}`, operation })),
    );
  const schema = (reference: string | undefined) => document.components.schemas[reference!.split('/').at(-1)!]!;

  beforeAll(async () => {
    server = await startTestServer();
    document = ok(await server.api.request<OpenApi>('GET', '/docs/openapi.json'));
  }, 60_000);
  afterAll(() => server?.dispose(), 60_000);

  it('is a page that needs no token', async () => {
    const anonymous = new ApiClient(server.devforge.url, null);
    const page = await anonymous.request<string>('GET', '/docs');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.body).toContain('swagger-ui');
    expect(page.body).not.toContain(server.devforge.token);
  });

  it('keeps the token for the tab, and no longer', async () => {
    const browser = await launchChromium();
    try {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(`${server.devforge.url}/docs`);
      await page.click('.auth-wrapper .authorize');
      await page.fill('.modal-ux input', server.devforge.token);
      await page.click('.modal-ux .auth-btn-wrapper .authorize');
      await page.reload();
      await page.click('.auth-wrapper .authorize.locked');
      await page.click('.modal-ux .btn-done');
      await page.click('[data-path="/api/info"]');
      await page.click('.try-out__btn');
      await page.click('.execute');
      await page.waitForSelector('.live-responses-table .response-col_status:has-text("200")');
      expect(await page.evaluate('localStorage.length')).toBe(0);
      const other = await context.newPage();
      await other.goto(`${server.devforge.url}/docs`);
      await other.waitForSelector('.auth-wrapper .authorize.unlocked');
    } finally {
      await browser.close();
    }
  }, 120_000);

  it('describes the sockets on a page of its own', async () => {
    const anonymous = new ApiClient(server.devforge.url, null);
    const { status, body } = await anonymous.request<string>('GET', '/docs/sockets');
    expect(status).toBe(200);
    for (const text of ['subscribe:status', 'terminal:output', 'StatusUpdate', 'emitWithAck'])
      expect(body).toContain(text);
    expect(body).toContain(`io('${server.devforge.url}', { auth: { token } })`);
  });

  it('is one link from the page about the server, which needs no token', async () => {
    const anonymous = new ApiClient(server.devforge.url, null);
    const { status, headers, body } = await anonymous.request<string>('GET', '/about');
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const links = [...body.matchAll(/href="([^"]+)"/g)].map(([, link]) => link!);
    expect(links).toEqual(expect.arrayContaining(['/', '/docs', '/docs/sockets', '/sign-in', '/health']));
    for (const link of links) expect([link, (await anonymous.request('GET', link)).status]).toEqual([link, 200]);
  });

  it('groups the routes that lead into a container by what they open', () => {
    const tags = operations().flatMap(({ operation }) => operation.tags);
    expect([...new Set(tags)].toSorted()).toEqual(expect.arrayContaining(['editor', 'exec', 'files', 'terminals']));
  });

  it('lists every route', () => {
    expect(document.openapi).toMatch(/^3\./);
    expect(operations().map(({ route }) => route)).toEqual(expect.arrayContaining([...ROUTES, ...PUBLIC_ROUTES]));
  });

  it('marks every route but those of probes and sign-ins as requiring a token, or a session with its CSRF token', () => {
    expect(document.components.securitySchemes).toMatchObject({
      bearer: { type: 'http', scheme: 'bearer' },
      session: { type: 'apiKey', in: 'cookie', name: 'devforge_session' },
      csrfToken: { type: 'apiKey', in: 'header', name: 'X-CSRF-Token' },
    });
    for (const { route, operation } of operations()) {
      const session = { session: [], ...(route.startsWith('GET ') ? {} : { csrfToken: [] }) };
      const expected = PUBLIC_ROUTES.includes(route) ? undefined : [{ bearer: [] }, session];
      expect({ route, security: operation.security }).toEqual({ route, security: expected });
    }
  });

  it('describes the request, the response and the events of instructions', () => {
    const { requestBody, responses } = document.paths['/api/containers/{id}/instructions']!['post']!;
    const body = schema(requestBody!.content['application/json']!.schema.$ref);
    expect(body.required).toEqual(['prompt']);
    expect(Object.keys(body.properties).toSorted()).toEqual([
      'budgetUsd',
      'continue',
      'maxBudgetUsd',
      'maxTurns',
      'model',
      'prompt',
      'sessionId',
      'startIfStopped',
      'timeoutSeconds',
    ]);
    const answer = schema(responses['202']!.content!['application/json']!.schema.$ref);
    expect(answer.required).toEqual(
      expect.arrayContaining([
        'id',
        'containerId',
        'prompt',
        'status',
        'statusReason',
        'sessionId',
        'result',
        'costUsd',
        'turns',
        'usage',
        'createdAt',
        'startedAt',
        'finishedAt',
        'lastSeq',
      ]),
    );
    expect(answer.properties['status']).toMatchObject({
      enum: ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'timed_out'],
    });
    const events = document.paths['/api/instructions/{id}/events']!['get']!;
    const types = ['application/x-ndjson', 'text/event-stream', 'text/plain'];
    expect(Object.keys(events.responses['200']!.content!)).toEqual(types);
    const parameters = ['Last-Event-ID', 'after', 'follow', 'format', 'id'];
    expect(events.parameters!.map(({ name }) => name).toSorted()).toEqual(parameters);
  });

  it('describes the request and the response of containers', async () => {
    const { requestBody, responses } = document.paths['/api/containers']!['post']!;
    const body = schema(requestBody!.content['application/json']!.schema.$ref);
    expect(body.required.toSorted()).toEqual(['name', 'template']);
    expect(Object.keys(body.properties).toSorted()).toEqual([
      'budgetUsd',
      'cpuLimit',
      'credentials',
      'depth',
      'diskLimit',
      'egress',
      'egressAllow',
      'egressSets',
      'env',
      'fromSnapshot',
      'gitEmail',
      'gitName',
      'idleStopMinutes',
      'image',
      'lfs',
      'memoryLimit',
      'mode',
      'name',
      'packages',
      'projectId',
      'repoBranch',
      'repoType',
      'repoUrl',
      'schedule',
      'setup',
      'sshKeyPath',
      'submodules',
      'template',
      'ttlMinutes',
      'volume',
      'waitingStopMinutes',
    ]);
    expect(body.properties).toMatchObject({
      template: { enum: ['claude', 'vscode', 'both'] },
      cpuLimit: { type: 'number', default: 2 },
      memoryLimit: { type: 'integer', default: 2048 },
      diskLimit: { type: 'integer', default: 10240 },
    });
    const answer = schema(responses['202']!.content!['application/json']!.schema.$ref);
    const accepted = ok(await server.api.create({ name: 'documented', template: 'claude' }));
    // Only lists with includeMetrics contain `metrics`.
    expect(Object.keys(accepted).toSorted()).toEqual(answer.required?.toSorted());
    expect(Object.keys(answer.properties)).toEqual(expect.arrayContaining([...Object.keys(accepted), 'metrics']));
  });
});
