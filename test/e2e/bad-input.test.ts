import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiClient, ok, problem } from '../support/api/client.js';
import { createSshKey } from '../support/git/ssh-key.js';
import { runOrThrow } from '../support/git/run.js';
import { EngineProxy } from '../support/engine-proxy/engine-proxy.js';
import { PUBLIC_ROUTES } from '../support/api/public-routes.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';

/** Requests that the server sends to the engine periodically, without a request of a client. */
const BACKGROUND =
  /^GET \/(?:_ping|info|version|events|containers\/json|containers\/devforge-no-gateway\/json|volumes|networks)(?:\?|$)/;
const ROUTES = '/docs/openapi.json';

describe('invalid input', () => {
  let proxy: EngineProxy;
  let server: TestServer;

  const minimal = { name: 'a-good-name', template: 'claude' } as const;
  const clone = { ...minimal, repoType: 'clone', repoUrl: 'https://example.org/user/repo.git' } as const;
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    server.api.request('POST', '/api/containers', { body, headers });
  const refused = async (body: unknown, field: string) => {
    const response = await post(body);
    expect({ body, status: response.status }).toEqual({ body, status: 400 });
    const { errors, requestId } = problem(response);
    expect(requestId).toBe(response.headers.get('x-request-id'));
    expect({ body, fields: errors?.map((error) => error.field) }).toEqual({
      body,
      fields: expect.arrayContaining([field]),
    });
    for (const { messages } of errors!) expect(messages.join()).not.toBe('');
    return response;
  };

  beforeAll(async () => {
    proxy = await EngineProxy.start();
    // The gateway that other suites use at the same time is looked after by every server that shares it.
    server = await startTestServer({ ...proxy.env, EGRESS_GATEWAY_NAME: 'devforge-no-gateway' });
  }, 60_000);
  afterAll(async () => {
    await server?.dispose();
    await proxy?.close();
  }, 60_000);

  let checkedUpTo = 0;
  const newRequests = () => proxy.requests.slice(checkedUpTo).map(({ method, url }) => `${method} ${url}`);
  afterEach(async () => {
    expect(ok(await server.api.list()).items).toEqual([]);
    expect(newRequests().filter((line) => !BACKGROUND.test(line))).toEqual([]);
    checkedUpTo = proxy.requests.length;
  });

  it('is sent to a server whose requests to the engine are recorded', async () => {
    await proxy.set('fail');
    const response = await post(minimal);
    expect(response.status).toBeGreaterThanOrEqual(500);
    expect(newRequests().filter((line) => line === 'GET /_ping').length).toBeGreaterThan(0);
    await proxy.set('pass');
  });

  describe('repoUrl', () => {
    it.each([
      '--upload-pack=touch /tmp/owned',
      '--upload-pack=/tmp/owned',
      '-u/tmp/owned',
      '-oProxyCommand=id',
      'ext::sh -c id',
      'ext::id',
      'fd::17',
      'fd::17/foo',
      'file:///etc',
      'file://localhost/etc',
      '/etc/passwd',
      './repo',
      '../repo',
      '~/repo',
      'repo',
      'C:\\repo',
      'ssh://-oProxyCommand=id/repo',
      'ssh://-oProxyCommand=id@example.org/repo',
      'ssh://git@-oProxyCommand=id/repo',
      'git@-oProxyCommand=id:repo',
      '-oProxyCommand=id@example.org:repo',
      'git@example.org:-oProxyCommand=id',
      'git@example.org:--upload-pack=id',
      'ssh://git@example.org/-oProxyCommand=id',
      'https://example.org/repo\n',
      'https://example.org/repo\r\nHost: evil',
      'https://example.org/re\u0000po',
      'git@example.org:re\npo',
      'https://example.org/re po',
      'https://example.org/re\u202e\u2028po',
      'https://user:secret@example.org/repo',
      'https://ghp_token@example.org/repo',
      'https://:secret@example.org/repo',
      'ssh://git:secret@example.org/repo',
      'http://example.org/repo',
      'git://example.org/repo',
      'ftp://example.org/repo',
      'ftps://example.org/repo',
      'javascript:alert(1)',
      'HTTPS://user:secret@example.org/repo',
      'https://',
      'https://example.org',
      'https://example.org/',
      'https://exa$(id)mple.org/repo',
      'https://[::1/repo',
      'ssh://git%0a@example.org/repo',
      'git@example.org:',
      '@example.org:repo',
      'git@:repo',
      '',
      ' ',
      `https://example.org/${'a'.repeat(5_000)}`,
      42,
      null,
      true,
      ['https://example.org/repo'],
      { href: 'https://example.org/repo' },
    ])('refuses %j', async (repoUrl) => {
      await refused({ ...clone, repoUrl }, 'repoUrl');
    });

    it.each([
      'https://user:hunter2hunter2@example.org/repo',
      'https://example.org/repo?private_token=hunter2hunter2',
      'https://example.org/repo#hunter2hunter2',
      'git@example.org:repo?token=hunter2hunter2',
    ])('never repeats the secret of %s', async (repoUrl) => {
      const response = await refused({ ...clone, repoUrl }, 'repoUrl');
      expect(JSON.stringify(response.body)).not.toContain('hunter2hunter2');
      expect(server.devforge.log()).not.toContain('hunter2hunter2');
    });

    it('is required with repoType clone, and refused without', async () => {
      await refused({ ...minimal, repoType: 'clone' }, 'repoUrl');
      await refused({ ...minimal, repoUrl: clone.repoUrl }, 'repoUrl');
      await refused({ ...minimal, repoType: 'empty', repoUrl: clone.repoUrl }, 'repoUrl');
    });
  });

  describe('repoBranch', () => {
    it.each([
      '--upload-pack=id',
      '-b',
      '-',
      '',
      ' ',
      'a b',
      'a..b',
      'a\nb',
      'a\u0000b',
      'a~b',
      'a^b',
      'a:b',
      'a?b',
      'a*b',
      'a[b',
      'a\\b',
      'a@{b',
      '@',
      '/a',
      'a/',
      'a//b',
      '.a',
      'a/.b',
      'a.',
      'a.lock',
      'a.lock/b',
      '\u007f',
      'x'.repeat(300),
      42,
      null,
      ['main'],
    ])('refuses %j', async (repoBranch) => {
      await refused({ ...clone, repoBranch }, 'repoBranch');
    });

    it('is refused without repoType clone', async () => {
      await refused({ ...minimal, repoBranch: 'main' }, 'repoBranch');
    });
  });

  describe('sshKeyPath', () => {
    const at = (name: string) => join(server.keysDir, name);

    beforeAll(async () => {
      const outside = await createSshKey(`${server.keysDir}-evil`, { name: 'id' });
      await symlink(outside.privateKeyPath, at('link-outside'));
      await symlink('/etc/shadow', at('link-shadow'));
      await symlink(at('nowhere'), at('link-nowhere'));
      await mkdir(at('folder'), { mode: 0o700 });
      await runOrThrow('mkfifo', ['-m', '600', at('fifo')]);
      for (const [name, mode] of [
        ['group', 0o640],
        ['world', 0o644],
      ] as const) {
        await writeFile(at(name), 'a key\n');
        await chmod(at(name), mode);
      }
      await writeFile(at('huge'), Buffer.alloc(1024 * 1024), { mode: 0o600 });
    });
    afterAll(() => rm(`${server.keysDir}-evil`, { recursive: true, force: true }));

    it('refuses everything but a private key in the directory, with the same message for each', async () => {
      const evil = `${server.keysDir}-evil/id`;
      const paths = [
        ...[
          'link-outside',
          'link-shadow',
          'link-nowhere',
          'folder',
          'fifo',
          'group',
          'world',
          'huge',
          'nowhere',
          '../keys-evil/id',
          '.',
          '..',
        ].map(at),
        evil,
        '/etc/passwd',
        '/etc/shadow',
        '/etc/no-such-file',
        '/dev/zero',
        '/proc/self/environ',
        '../../../../etc/passwd',
        `${server.keysDir}/../keys-evil/id`,
        '~/.ssh/id_rsa',
        '~root/.ssh/id_rsa',
        '~',
        '.',
        '..',
        '$HOME/.ssh/id',
        '`id`',
        'id\u0000_ed25519',
        '-oProxyCommand=id',
      ];
      const answers = new Set<string>();
      for (const sshKeyPath of paths) {
        const response = await refused({ ...clone, sshKeyPath }, 'sshKeyPath');
        const { code, title, detail, errors } = problem(response);
        answers.add(JSON.stringify({ code, title, detail, errors }));
      }
      expect([...answers]).toHaveLength(1);
    });

    it.each(['', 42, null, true, ['id_ed25519'], 'x'.repeat(5_000)])('refuses %j', async (sshKeyPath) => {
      await refused({ ...clone, sshKeyPath }, 'sshKeyPath');
    });
  });

  describe('other fields', () => {
    it.each([
      [
        'name',
        [
          undefined,
          null,
          '',
          'Upper',
          'with space',
          '-a',
          'a-',
          'a.b',
          'a_b',
          'ä',
          'a'.repeat(64),
          '../x',
          'a/b',
          'a\n',
          42,
          {},
          ['a'],
          '00000000-0000-4000-8000-000000000000',
        ],
      ],
      ['template', [undefined, null, '', 'Claude', 'none', 'constructor', '__proto__', 1, ['claude']]],
      ['mode', [null, '', 'manual', 1]],
      ['repoType', [null, '', 'fork', 0]],
      ['cpuLimit', [null, 0, -1, 0.01, 10_000, '2', true, 1e308, [2]]],
      ['memoryLimit', [null, 0, -1, 1, 1.5, '2048', 1e15, true]],
      ['diskLimit', [null, 0, -1, 1, 1.5, '10240', 1e15]],
      ['env', [null, 'A=b', ['A=b'], 7]],
    ])('refuses invalid values of %s', async (field, values) => {
      for (const value of values) await refused({ ...minimal, [field]: value }, field);
    });

    it.each([
      'LD_PRELOAD',
      'LD_LIBRARY_PATH',
      'LD_AUDIT',
      'ld_preload',
      'GIT_SSH_COMMAND',
      'GIT_CONFIG_GLOBAL',
      'GIT_SSL_NO_VERIFY',
      'NODE_OPTIONS',
      'PATH',
      'SSH_AUTH_SOCK',
      'BASH_ENV',
      '',
      'A B',
      'A=B',
      '1A',
      'A-B',
      'A\nB',
      'A\u0000',
      'Ä',
    ])('refuses the variable %j', async (name) => {
      await refused({ ...minimal, env: { [name]: 'x' } }, 'env');
    });

    it.each([['a\nb'], ['a\rb'], ['a\u0000b'], [1], [null], [{}], [['a']], ['x'.repeat(200_000)]])(
      'refuses %j as the value of a variable',
      async (value) => {
        await refused({ ...minimal, env: { A: value } }, 'env');
      },
    );

    it.each([
      'Binds',
      'Mounts',
      'Privileged',
      'CapAdd',
      'NetworkMode',
      'HostConfig',
      'id',
      'ownerId',
      'status',
      'imageReference',
      'dockerId',
      'hasOwnProperty',
      'toString',
    ])('refuses the property %s', async (property) => {
      await refused({ ...minimal, [property]: 'x' }, property);
      await refused({ ...minimal, [property]: [{ Source: '/', Target: '/host', Type: 'bind' }] }, property);
    });

    it.each(['__proto__', 'constructor', 'prototype'])(
      'refuses the property %s, at the top level and nested',
      async (property) => {
        const json = (inner: string) => `{"name":"a-good-name","template":"claude",${inner}}`;
        const send = (text: string) => post(text, { 'content-type': 'application/json' });
        for (const [text, field] of [
          [json(`"${property}":{"isAdmin":true}`), property],
          [json(`"env":{"${property}":"x"}`), `env.${property}`],
        ] as const) {
          const response = await send(text);
          expect(response.status).toBe(400);
          expect(problem(response).errors?.map((error) => error.field)).toContain(field);
        }
        expect(ok(await server.api.list()).items).toEqual([]);
      },
    );

    it('reports all errors of a request together', async () => {
      const response = await post({ name: '-', template: 'x', cpuLimit: 0, Privileged: true });
      expect(
        problem(response)
          .errors?.map(({ field }) => field)
          .toSorted(),
      ).toEqual(['Privileged', 'cpuLimit', 'name', 'template']);
    });
  });

  describe('queries and headers', () => {
    it.each([
      ['limit', ['0', '-1', '501', 'x', '1.5', '']],
      ['status', ['gone', '']],
      ['template', ['none', '']],
      ['cursor', ['x', '', 'a'.repeat(300), Buffer.from('1.x').toString('base64url')]],
      ['surprise', ['1']],
    ])('refuses an invalid %s in the query of the list', async (field, values) => {
      for (const value of values) {
        const response = await server.api.list({ [field]: value });
        expect({ value, status: response.status }).toEqual({ value, status: 400 });
        expect(problem(response).errors?.map((error) => error.field)).toEqual([field]);
      }
    });

    it('refuses an invalid Idempotency-Key', async () => {
      for (const key of ['has space', 'x'.repeat(300)]) {
        const response = await post(minimal, { 'idempotency-key': key });
        expect(problem(response)).toMatchObject({ status: 400, errors: [{ field: 'Idempotency-Key' }] });
      }
    });
  });

  describe('bodies', () => {
    const json = { 'content-type': 'application/json' };

    it.each(['{', '{"name":', '{"name":"a",}', 'name=a', '\u0000', '{"name":"a"}}', 'NaN'])(
      'refuses %j as malformed',
      async (text) => {
        const response = await post(text, json);
        expect(response.status).toBe(400);
        expect(problem(response).code).toBe('malformed_body');
      },
    );

    it.each([[[]], [[minimal]], ['"text"'], ['null'], ['42'], ['']])(
      'refuses the body %j, which is not an object',
      async (body) => {
        const response = await post(typeof body === 'string' ? body : JSON.stringify(body), json);
        expect(response.status).toBe(400);
        problem(response);
      },
    );

    it('refuses more than 1 MB with 413', async () => {
      const response = await post({ ...minimal, env: { A: 'x'.repeat(1_200_000) } });
      expect(problem(response)).toMatchObject({ status: 413, code: 'payload_too_large' });
    });

    it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'multipart/form-data; boundary=x'])(
      'refuses the content type %s',
      async (type) => {
        const response = await post(JSON.stringify(minimal), { 'content-type': type });
        expect(problem(response)).toMatchObject({ status: 415, code: 'unsupported_media_type' });
      },
    );
  });

  describe('requests without a valid token or route', () => {
    it('are answered with 401 on every route of the API', async () => {
      const { paths } = ok(await server.api.request<{ paths: Record<string, Record<string, unknown>> }>('GET', ROUTES));
      const all = Object.entries(paths)
        .filter(([path]) => path.startsWith('/api/'))
        .flatMap(([path, methods]) =>
          Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
        );
      // Nobody has a token before the sign-in.
      const open = all.filter(({ operation }) => !('x-permission' in (operation as object)));
      expect(open.map(({ path }) => path).toSorted()).toEqual(PUBLIC_ROUTES.map((route) => route.split(' ')[1]));
      const routes = all
        .filter((route) => !open.includes(route))
        .map(({ path, method }) => [method, path.replaceAll(/\{\w+\}/g, 'x')] as const);
      expect(routes.length).toBeGreaterThanOrEqual(7);
      const anonymous = new ApiClient(server.devforge.url, null);
      const wrong = new ApiClient(server.devforge.url, `${server.devforge.token}x`);
      const schemes = ['Basic', 'Token', ''].map((scheme) => ({
        authorization: `${scheme} ${server.devforge.token}`.trim(),
      }));
      for (const [method, path] of routes) {
        const body = method === 'POST' ? minimal : undefined;
        const answers = [
          anonymous.request(method, path, { body }),
          wrong.request(method, path, { body }),
          anonymous.request(method, path, { body, query: { token: server.devforge.token } }),
          ...schemes.map((headers) => anonymous.request(method, path, { body, headers })),
        ];
        for (const answer of await Promise.all(answers)) {
          expect({ method, path, status: answer.status }).toEqual({ method, path, status: 401 });
          expect(answer.headers.get('www-authenticate')).toBe('Bearer');
          expect(problem(answer)).toMatchObject({ code: 'unauthorized' });
          expect(JSON.stringify(answer.body)).not.toContain(server.devforge.token);
        }
      }
    });

    it('are accepted on the routes of probes', async () => {
      const anonymous = new ApiClient(server.devforge.url, null);
      for (const path of ['/health', '/health/live', '/health/ready'])
        expect((await anonymous.request('GET', path)).status).toBe(200);
    });

    it('are answered with 404 as a problem document where no route exists', async () => {
      for (const [method, path] of [
        ['GET', '/api'],
        ['GET', '/api/nothing'],
        ['PATCH', '/api/containers'],
        ['POST', '/'],
        ['GET', '/.env'],
        ['DELETE', '/api/containers'],
      ] as const) {
        expect(problem(await server.api.request(method, path))).toMatchObject({ status: 404, code: 'route_not_found' });
      }
    });

    it('get their valid X-Request-Id back, or a generated one', async () => {
      const ask = async (id: string) =>
        (await server.api.request('GET', '/api/containers', { headers: { 'x-request-id': id } })).headers.get(
          'x-request-id',
        );
      expect(await ask('trace-42.a_B')).toBe('trace-42.a_B');
      for (const hostile of ['a b', '{"a":1}', 'x'.repeat(500), '\u00e4'])
        expect(await ask(hostile)).toMatch(/^[0-9a-f-]{36}$/);
      const failed = await server.api.request('GET', `/api/containers/${uniqueName()}`, {
        headers: { 'x-request-id': 'trace-43' },
      });
      expect(problem(failed).requestId).toBe('trace-43');
      await until('it is logged', () => server.devforge.log().includes('"trace-43"'));
    });
  });
});
