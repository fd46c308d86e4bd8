import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ensureNpmPackages, installedMatches, lacksOnlyOptional, planNpm } from './npm-packages.mjs';

const lock = {
  packages: {
    '': {},
    'node_modules/a': {
      version: '1.0.0',
      integrity: 'x',
      optionalDependencies: { 'a-mac': '1.0.0', 'a-win': '1.0.0' },
    },
    'node_modules/a-mac': { version: '1.0.0', optional: true },
  },
};
const installed = { packages: { 'node_modules/a': { version: '1.0.0', integrity: 'x' } } };

describe('npm packages', () => {
  it('match the lock file when all but optional ones are installed in the locked version', () => {
    expect(installedMatches(lock, installed)).toBe(true);
    expect(installedMatches(lock, { packages: {} })).toBe(false);
    expect(installedMatches(lock, { packages: { 'node_modules/a': { version: '1.0.1', integrity: 'y' } } })).toBe(
      false,
    );
    expect(
      installedMatches(lock, { packages: { ...installed.packages, 'node_modules/b': { version: '1.0.0' } } }),
    ).toBe(false);
  });

  it("are installed when missing, outdated or without the project's Node.js", () => {
    const facts = { stamp: 'h', hash: 'h', lock, installed, hasNode: true };
    expect(planNpm(facts)).toBe('ready');
    expect(planNpm({ ...facts, stamp: undefined })).toBe('adopt');
    expect(planNpm({ ...facts, stamp: undefined, installed: { packages: {} } })).toBe('install');
    expect(planNpm({ ...facts, installed: null })).toBe('install');
    expect(planNpm({ ...facts, hasNode: false })).toBe('install');
  });

  it('of another checkout are left alone where node_modules is a link to them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'devforge-packages-'));
    try {
      await mkdir(join(folder, 'other', 'kept'), { recursive: true });
      await symlink(join(folder, 'other'), join(folder, 'node_modules'));
      await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock));
      const step = { progress: () => undefined, done: () => undefined };
      await expect(ensureNpmPackages(step, folder)).rejects.toThrow('node_modules is a symbolic link');
      expect(await readdir(join(folder, 'other'))).toEqual(['kept']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('may be missing from the lock file when they are optional, and only then', () => {
    const refusal = ['npm error code EUSAGE', 'npm error `npm ci` can only install packages when in sync'];
    expect(
      lacksOnlyOptional(
        [...refusal, 'npm error Missing: a-mac@ from lock file', 'npm error Missing: a-win@1.0.0 from lock file'],
        lock,
      ),
    ).toBe(true);
    expect(
      lacksOnlyOptional(
        [...refusal, 'npm error Missing: a-mac@ from lock file', 'npm error Missing: left-pad@1.0.0 from lock file'],
        lock,
      ),
    ).toBe(false);
    expect(
      lacksOnlyOptional([...refusal, "npm error Invalid: lock file's a@1.0.0 does not satisfy a@2.0.0"], lock),
    ).toBe(false);
    expect(lacksOnlyOptional(['npm error code ENOTFOUND'], lock)).toBe(false);
  });
});
