import { describe, expect, it } from '@jest/globals';
import { buildTestImages } from './test-images.mjs';

const builder = () => {
  const ended = Promise.withResolvers<{ code: number; lines: string[] }>();
  let onLine: (line: string) => void = () => undefined;
  const calls: string[][] = [];
  const build = (templates: string[], _env: object, listener: typeof onLine) => {
    calls.push(templates);
    onLine = listener;
    return ended.promise;
  };
  return { build, calls, printed: (line: string) => onLine(line), end: ended.resolve };
};
const isPending = (promise: Promise<unknown>) => Promise.race([promise.then(() => false), Promise.resolve(true)]);

describe('the workspace images of the tests', () => {
  it('are each waited for until that one is built', async () => {
    const { build, calls, printed, end } = builder();
    const said: string[] = [];
    const images = buildTestImages(['claude', 'both', 'claude'], {}, (line: string) => said.push(line), build);
    expect(calls).toEqual([['claude', 'both']]);
    await expect(images.ready([])).resolves.toEqual([]);
    const [claude, both] = [images.ready(['claude']), images.ready(['claude', 'both'])];
    expect(await isPending(claude)).toBe(true);
    printed('claude');
    await expect(claude).resolves.toEqual(['claude']);
    expect(await isPending(both)).toBe(true);
    printed('both');
    end({ code: 0, lines: [] });
    await expect(both).resolves.toEqual(['claude', 'both']);
    await expect(images.ready(['vscode'])).resolves.toEqual([]);
    expect(said).toEqual([expect.stringMatching(/^\(workspace images ready after [\d.]+ s\)$/)]);
  });

  it('hold up nothing when they cannot be built, and say why', async () => {
    const { build, end } = builder();
    const said: string[] = [];
    const images = buildTestImages(['claude'], {}, (line: string) => said.push(line), build);
    end({ code: 1, lines: ['no space left on device'] });
    await expect(images.ready(['claude'])).resolves.toEqual([]);
    expect(said).toEqual(['The workspace images could not be built:\nno space left on device']);
  });

  it('are not built when no tier needs them', async () => {
    const { build, calls } = builder();
    await buildTestImages([], {}, () => undefined, build).ready(['claude']);
    expect(calls).toEqual([]);
  });
});
