import { describe, expect, it } from '@jest/globals';
import { CreateContainerDto } from './create-container.dto.js';
import { ListContainersQuery, RemoveContainerQuery } from './list-containers.query.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { StrictValidationPipe } from '../../http/validation/validation.js';

const pipe = new StrictValidationPipe();
const MINIMAL = { name: 'my-dev-container', template: 'both' };
const CLONE = { ...MINIMAL, repoType: 'clone', repoUrl: 'git@example.org:user/repo.git' };

/** Validates the body as the body of a request. */
async function body(json: unknown): Promise<CreateContainerDto> {
  return (await pipe.transform(JSON.parse(typeof json === 'string' ? json : JSON.stringify(json)), {
    type: 'body',
    metatype: CreateContainerDto,
  })) as CreateContainerDto;
}

/** Validates a body that must be refused. @returns the fields named by the error */
async function refusedFields(json: unknown): Promise<string[]> {
  const error: unknown = await body(json).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DomainError)) throw new Error(`not refused: ${JSON.stringify(json)}`);
  expect(error.code).toBe('validation_failed');
  return (error.fields ?? []).map(({ field, messages }) => {
    expect(messages.length).toBeGreaterThan(0);
    return field;
  });
}

describe('CreateContainerDto', () => {
  it('has defaults for everything but the name and the template', async () => {
    await expect(body(MINIMAL)).resolves.toEqual({
      ...MINIMAL,
      mode: 'interactive',
      repoType: 'empty',
      cpuLimit: 2,
      memoryLimit: 2048,
      diskLimit: 10240,
      env: {},
    });
    await expect(body(MINIMAL)).resolves.toBeInstanceOf(CreateContainerDto);
  });

  it('accepts a body with every property', async () => {
    const whole = {
      ...CLONE,
      mode: 'autonomous',
      repoBranch: 'main',
      sshKeyPath: '~/.ssh/id_ed25519',
      gitName: 'Ada Lovelace',
      gitEmail: 'ada@example.org',
      credentials: ['123e4567-e89b-42d3-a456-426614174000'],
      cpuLimit: 0.5,
      memoryLimit: 512,
      diskLimit: 1024,
      env: { FOO: 'bar' },
    };
    await expect(body(whole)).resolves.toEqual(whole);
  });

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
    'dockerId',
    'image',
    'toString',
    'hasOwnProperty',
    '',
  ])('refuses the property %j', async (name) => {
    await expect(refusedFields({ ...MINIMAL, [name]: ['/:/host'] })).resolves.toEqual([name]);
  });

  it.each([
    ['__proto__', '{"name":"a","template":"both","__proto__":{"isAdmin":true}}', '__proto__'],
    ['__proto__ with nothing in it', '{"name":"a","template":"both","__proto__":null}', '__proto__'],
    ['constructor', '{"name":"a","template":"both","constructor":{"prototype":{"x":1}}}', 'constructor'],
    ['prototype', '{"name":"a","template":"both","prototype":{}}', 'prototype'],
    [
      '__proto__ in the environment',
      '{"name":"a","template":"both","env":{"__proto__":{"LD_PRELOAD":"x"}}}',
      'env.__proto__',
    ],
    ['constructor in the environment', '{"name":"a","template":"both","env":{"constructor":"x"}}', 'env.constructor'],
    [
      '__proto__ deep inside',
      '{"name":"a","template":"both","env":{"A":{"b":[{"__proto__":1}]}}}',
      'env.A.b.0.__proto__',
    ],
  ])('refuses %s', async (_what, json, field) => {
    await expect(refusedFields(json)).resolves.toEqual([field]);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it.each(['null', '[]', '"text"', '1', 'true', `[${JSON.stringify(MINIMAL)}]`])(
    'refuses %s as a body',
    async (json) => {
      await expect(refusedFields(json)).resolves.toEqual(['']);
    },
  );

  it('reports all errors of a body together', async () => {
    const faults = await refusedFields({
      name: 'Not A Label',
      template: 'emacs',
      mode: 'x',
      cpuLimit: 0,
      memoryLimit: 1.5,
      diskLimit: '10',
      env: { LD_PRELOAD: 'x' },
      Privileged: true,
    });
    expect(faults.toSorted()).toEqual([
      'Privileged',
      'cpuLimit',
      'diskLimit',
      'env',
      'memoryLimit',
      'mode',
      'name',
      'template',
    ]);
  });

  it('requires a name and a template', async () => {
    await expect(refusedFields({})).resolves.toEqual(['name', 'template']);
  });

  it.each(['a', 'a-b', '0', 'a'.repeat(63)])('accepts the name %j', async (name) => {
    await expect(body({ ...MINIMAL, name })).resolves.toMatchObject({ name });
  });

  it.each([
    '',
    '-a',
    'a-',
    'A',
    'a_b',
    'a.b',
    'a b',
    'a'.repeat(64),
    'ü',
    'a\n',
    '../a',
    1,
    null,
    ['a'],
    {},
    '123e4567-e89b-12d3-a456-426614174000',
  ])('refuses the name %j', async (name) => {
    await expect(refusedFields({ ...MINIMAL, name })).resolves.toEqual(['name']);
  });

  it.each([
    ['cpuLimit', [0.1, 1, 0.125, 256], [0, 0.09, -1, 256.001, 1.2345, '2', null, true]],
    ['memoryLimit', [128, 1_048_576], [127, 1_048_577, 256.5, '2048', null, -1]],
    ['diskLimit', [256, 16_777_216], [255, 16_777_217, 256.5, '2048', null, -1]],
    ['mode', ['interactive', 'autonomous'], ['', 'Interactive', null, 1]],
    ['template', ['claude', 'vscode', 'both'], ['', 'Both', null, ['both']]],
    ['env', [{}, { A: 'b' }], [null, [], 'A=b', { A: 1 }, { PATH: '/' }, { A: 'b\nc' }]],
    ['sshKeyPath', ['~/.ssh/id', '/k', 'k'], ['', null, 1, 'x'.repeat(1_025)]],
  ])('accepts %s within its limits and refuses it beyond them', async (field, allowed, refused) => {
    for (const value of allowed)
      await expect(body({ ...MINIMAL, [field]: value })).resolves.toMatchObject({ [field]: value });
    for (const value of refused) await expect(refusedFields({ ...MINIMAL, [field]: value })).resolves.toEqual([field]);
  });

  it.each(['1e999', '-1e999'])('refuses %s as cpuLimit', async (infinite) => {
    await expect(refusedFields(`{"name":"a","template":"both","cpuLimit":${infinite}}`)).resolves.toEqual(['cpuLimit']);
  });

  it('requires repoUrl with repoType clone, and refuses it without', async () => {
    await expect(body(CLONE)).resolves.toMatchObject({ repoUrl: CLONE.repoUrl });
    await expect(refusedFields({ ...MINIMAL, repoType: 'clone' })).resolves.toEqual(['repoUrl']);
    await expect(refusedFields({ ...MINIMAL, repoType: 'clone', repoUrl: null })).resolves.toEqual(['repoUrl']);
    await expect(refusedFields({ ...MINIMAL, repoUrl: CLONE.repoUrl })).resolves.toEqual(['repoUrl']);
    await expect(refusedFields({ ...MINIMAL, repoType: 'empty', repoUrl: null })).resolves.toEqual(['repoUrl']);
    await expect(refusedFields({ ...MINIMAL, repoType: 'empty', repoUrl: '' })).resolves.toEqual(['repoUrl']);
    await expect(refusedFields({ ...MINIMAL, repoBranch: 'main' })).resolves.toEqual(['repoBranch']);
  });

  it.each(['file:///etc', '--upload-pack=id', 'ext::sh', 'https://u:p@h/r', 1, {}, ['git@h:r']])(
    'refuses the repoUrl %j',
    async (repoUrl) => {
      await expect(refusedFields({ ...CLONE, repoUrl })).resolves.toEqual(['repoUrl']);
    },
  );

  it.each(['-x', '', 'a..b', null, 1, ['main']])('refuses the repoBranch %j', async (repoBranch) => {
    await expect(refusedFields({ ...CLONE, repoBranch })).resolves.toEqual(['repoBranch']);
  });

  it.each([null, '', 1, 'Ada <ada@example.org>', 'a\nb', ['Ada']])('refuses the gitName %j', async (gitName) => {
    await expect(refusedFields({ ...MINIMAL, gitName })).resolves.toEqual(['gitName']);
  });

  it.each([null, '', 1, 'ada', 'ada@example.org\n', {}])('refuses the gitEmail %j', async (gitEmail) => {
    await expect(refusedFields({ ...MINIMAL, gitEmail })).resolves.toEqual(['gitEmail']);
  });

  it('never repeats a password in an error', async () => {
    const error: unknown = await body({ ...CLONE, repoUrl: 'https://user:hunter2@example.org/r' }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(DomainError);
    expect(JSON.stringify([(error as DomainError).message, (error as DomainError).fields])).not.toContain('hunter2');
  });
});

describe('ListContainersQuery and RemoveContainerQuery', () => {
  const query = (value: object): Promise<unknown> =>
    Promise.resolve(pipe.transform(value, { type: 'query', metatype: ListContainersQuery }));

  it('parse numbers and booleans', async () => {
    await expect(query({ limit: '20', status: 'running', template: 'both', cursor: 'abc' })).resolves.toEqual({
      limit: 20,
      status: 'running',
      template: 'both',
      cursor: 'abc',
      includeMetrics: false,
    });
    await expect(query({ includeMetrics: 'true' })).resolves.toEqual({ limit: 100, includeMetrics: true });
    const remove = pipe.transform({ keepVolume: 'true' }, { type: 'query', metatype: RemoveContainerQuery });
    await expect(remove).resolves.toEqual({ keepVolume: true });
  });

  it.each([
    { limit: '0' },
    { limit: '501' },
    { limit: 'x' },
    { limit: '1.5' },
    { status: 'gone' },
    { status: ['running', 'stopped'] },
    { template: '' },
    { cursor: 'x'.repeat(201) },
    { owner: 'me' },
  ])('refuse %j', async (value) => {
    await expect(query(value)).rejects.toMatchObject({
      code: 'validation_failed',
      fields: [{ field: Object.keys(value)[0] }],
    });
  });

  it.each(['yes', '1', '', 'TRUE'])('refuse keepVolume=%j', async (keepVolume) => {
    await expect(
      pipe.transform({ keepVolume }, { type: 'query', metatype: RemoveContainerQuery }),
    ).rejects.toMatchObject({ code: 'validation_failed' });
  });
});
