import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Outcome, RunnerHarness } from '../support/instructions/runner-harness.js';

const MIB = 1024 * 1024;

describe('the patch of a run', () => {
  let harness: RunnerHarness;
  beforeEach(async () => {
    harness = await RunnerHarness.create();
  });
  afterEach(() => harness.dispose());

  const repository = (more = ''): Promise<string> =>
    harness.shell(`
    git init -q -b main && git config user.email dev@example.org && git config user.name Dev
    printf 'one\\n' > a.txt && printf 'two\\n' > b.txt && mkdir sub && printf 'three\\n' > sub/c.txt && printf 'out/\\n' > .gitignore
    git add -A && git commit -qm First
    ${more}`);
  const run = (command: string, extra?: object): Promise<Outcome> =>
    harness.outcome([[['init'], ['shell', command], ['result']]], extra);
  const diff = async (): Promise<string> => (await harness.run('diff')).stdout;
  const files = (patch: string): string[] =>
    [...patch.matchAll(/^diff --git a\/(.*) b\/(.*)$/gm)].map(([, , name]) => name!);
  const digest = async (path: string): Promise<string> =>
    createHash('sha256')
      .update(await readFile(join(harness.work, path)))
      .digest('hex');
  /** Expects that the patch turns a copy of the repository from before the run into the present one. */
  const expectApplies = async (): Promise<void> => {
    await harness.shell(
      `git -C ../before apply --binary ${harness.file('diff.patch')} && diff -r -x .git -x out ../before .`,
    );
  };

  it('contains edited, new, removed and renamed files, committed or not', async () => {
    await repository('cp -R . ../before');
    const outcome = await run(
      "printf 'ONE\\n' > a.txt; git rm -q b.txt; git mv sub/c.txt sub/d.txt; git commit -qam Agent; head -c 3000 /dev/urandom > new.bin; chmod +x a.txt; mkdir out; touch out/ignored",
    );
    const patch = await diff();
    expect(files(patch).toSorted()).toEqual(['a.txt', 'b.txt', 'new.bin', 'sub/d.txt']);
    expect(outcome).toMatchObject({
      status: 'succeeded',
      treeBefore: expect.stringMatching(/^[0-9a-f]{40}$/),
      treeAfter: expect.stringMatching(/^[0-9a-f]{40}$/),
      diffBytes: Buffer.byteLength(patch),
      diffTruncated: false,
    });
    expect(patch).toContain('rename to sub/d.txt');
    await expectApplies();
  });

  it('leaves out changes from before the run', async () => {
    await repository(
      "printf 'mine\\n' > a.txt; printf 'mine\\n' > mine.txt; git add mine.txt; printf 'mine too\\n' >> mine.txt",
    );
    await run("printf 'x\\n' > x.txt");
    expect(files(await diff())).toEqual(['x.txt']);
  });

  it('changes neither index nor objects nor refs of the repository', async () => {
    await repository("printf 'staged\\n' > a.txt; git add a.txt; printf 'not staged\\n' > b.txt; touch untracked");
    const list = "find .git -type f -printf '%p %s %T@\\n' | sort";
    const [before, index] = [await harness.shell(list), await digest('.git/index')];
    await run("printf 'x\\n' > x.txt");
    expect(await harness.shell(list)).toBe(before);
    expect(await digest('.git/index')).toBe(index);
    expect(await harness.shell(`ls ${harness.file('')}`)).not.toMatch(/objects|index/);
  });

  it('executes no program from the configuration of the repository', async () => {
    await repository(`
      mark() { printf '#!/bin/sh\\ntouch %s/ran-%s; cat\\n' "$PWD/.." "$1" > ../$1.sh; chmod +x ../$1.sh; echo "$PWD/../$1.sh"; }
      git config core.fsmonitor "$(mark fsmonitor)"
      git config core.hooksPath "$PWD/../hooks"; mkdir ../hooks; cp "$(mark hook)" ../hooks/post-index-change; cp ../hook.sh ../hooks/pre-commit
      git config filter.evil.clean "$(mark clean)"; git config filter.evil.smudge "$(mark smudge)"; git config filter.evil.required true
      git config filter.long.process "$(mark process)"
      git config diff.evil.textconv "$(mark textconv)"; git config diff.evil.command "$(mark command)"; git config diff.external "$(mark external)"
      printf '*.txt filter=evil diff=evil\\n*.md filter=long\\n' > .git/info/attributes
      git init -q inner; git -C inner config core.fsmonitor "$(mark inner)"; touch inner/x
      rm -f ../ran-*`);
    await run("printf 'x\\n' > x.txt; printf 'y\\n' > y.md; printf 'changed\\n' > a.txt");
    expect(await harness.shell('ls .. | grep ran- || true')).toBe('');
    expect(files(await diff()).toSorted()).toEqual(['a.txt', 'x.txt', 'y.md']);
  });

  it('fetches nothing for a partial clone', async () => {
    await repository(`
      git config extensions.partialClone evil; git config core.repositoryFormatVersion 1
      git config remote.evil.promisor true; git config remote.evil.url "ext::touch $PWD/../ran"; git config protocol.ext.allow always
      rm -f .git/objects/$(git rev-parse HEAD:a.txt | sed 's#^..#&/#')`);
    await run("printf 'changed\\n' > a.txt");
    expect(await harness.shell('ls .. | grep ran || true')).toBe('');
  });

  it('handles every file name', async () => {
    await repository('cp -R . ../before');
    await run(
      String.raw`printf 'x\n' > "$(printf 'new\nline "quoted" \\ grüße')"; printf 'x\n' > "$(printf 'latin1-\344')"; printf 'x\n' > '-rf'; ln -s /etc/passwd link`,
    );
    expect((await diff()).match(/^diff --git /gm)).toHaveLength(4);
    await expectApplies();
  });

  it('leaves out earlier files in a repository without commits', async () => {
    await harness.shell('git init -q; printf "old\\n" > old.txt');
    const outcome = await run("printf 'x\\n' > x.txt");
    expect(files(await diff())).toEqual(['x.txt']);
    expect(outcome.diffBytes).toBeGreaterThan(0);
  });

  it('covers the whole repository when the run starts in a subdirectory', async () => {
    await repository();
    await run("printf 'x\\n' > ../x.txt; printf 'x\\n' > x.txt", { cwd: join(harness.work, 'sub') });
    expect(files(await diff()).toSorted()).toEqual(['sub/x.txt', 'x.txt']);
  });

  it('is empty without a repository, without a change, and when the repository was deleted', async () => {
    const withoutRepository = await run("printf 'x\\n' > x.txt");
    expect(withoutRepository).toMatchObject({ treeBefore: null, treeAfter: null, diffBytes: 0 });
    expect(await harness.run('diff')).toMatchObject({ exitCode: 0, stdout: '' });

    const unchangedHarness = await RunnerHarness.create();
    await unchangedHarness.shell('git init -q; touch a');
    const unchanged = await unchangedHarness.outcome([[['init'], ['result']]]);
    expect(unchanged).toMatchObject({ diffBytes: 0, diffTruncated: false });
    expect(unchanged.treeAfter).toBe(unchanged.treeBefore);
    await unchangedHarness.dispose();

    const deletedHarness = await RunnerHarness.create();
    await deletedHarness.shell('git init -q; touch a');
    expect(await deletedHarness.outcome([[['init'], ['shell', 'rm -rf .git'], ['result']]])).toMatchObject({
      status: 'succeeded',
      treeBefore: expect.any(String),
      treeAfter: null,
      diffBytes: 0,
    });
    await deletedHarness.dispose();
  });

  it('leaves out files that are too large, nested repositories and pipes', async () => {
    await repository();
    await run('head -c 25M /dev/zero > big; printf "x\\n" > x.txt; git init -q inner; touch inner/y; mkfifo pipe');
    expect(files(await diff())).toEqual(['x.txt']);
  });

  it('is truncated before the file that exceeds 20 MiB', async () => {
    await repository('cp -R . ../before');
    const outcome = await run('for name in p q r; do head -c 9M /dev/urandom | base64 > $name; done');
    const patch = await diff();
    expect(outcome).toMatchObject({ diffTruncated: true, diffBytes: Buffer.byteLength(patch) });
    expect(patch.length).toBeLessThan(20 * MIB);
    expect(files(patch)).toEqual(['p']);
    await harness.shell(`git -C ../before apply ${harness.file('diff.patch')} && cmp p ../before/p`);
  }, 60_000);

  it('compares with the state before the first attempt of a resumed run', async () => {
    await repository();
    const attempts = [
      [['init'], ['shell', "printf '1\\n' > one"], ['hang']],
      [['init'], ['shell', "printf '2\\n' > two"], ['result']],
    ] as never;
    const outcome = await harness.outcome(attempts, { stallSeconds: 4 });
    expect(outcome).toMatchObject({ status: 'succeeded', resumes: 1 });
    expect(files(await diff()).toSorted()).toEqual(['one', 'two']);
  }, 60_000);

  it('exists for a cancelled run', async () => {
    await repository();
    await harness.start([[['init'], ['shell', "printf 'x\\n' > x.txt"], ['say', 'written'], ['hang']]]);
    await harness.waitForEvent('written');
    await harness.stateOf('cancel');
    await harness.follow();
    expect(files(await diff())).toEqual(['x.txt']);
  });
});
