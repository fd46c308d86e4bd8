import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HOOKS = fileURLToPath(new URL('ts-hooks.mjs', import.meta.url));
const FILES = {
  'service.ts': 'export class Clock {}\nexport enum Kind { A = "a" }\n',
  'main.ts': [
    "import { Clock, Kind } from './service.js';",
    "import type { Gone } from './gone.js';",
    'const seen: unknown[] = [];',
    'Object.assign(Reflect, { metadata: (key: string, value: unknown) => { if (Array.isArray(value)) seen.push([key, value.map((each) => each.name)]); return () => undefined; } });',
    'const Injectable = (): ClassDecorator => () => undefined;',
    '@Injectable()',
    'class Service { constructor(readonly clock: Clock, readonly gone?: Gone) {} }',
    'console.log(JSON.stringify({ kind: Kind.A, metadata: seen, name: Service.name }));',
  ].join('\n'),
};

describe('the TypeScript hooks', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ts-hooks-'));
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('find ./x.ts for ./x.js, and compile decorators with their metadata', () => {
    const output = execFileSync(process.execPath, ['--import', HOOKS, join(folder, 'main.ts')], { encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual({
      kind: 'a',
      metadata: [['design:paramtypes', ['Clock', 'Object']]],
      name: 'Service',
    });
  });
});
