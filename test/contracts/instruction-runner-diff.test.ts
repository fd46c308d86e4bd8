import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Outcome, RunnerHarness } from '../support/instructions/runner-harness.js';

const MIB = 1024 * 1024;

describe('what a run changes in the repository', () => {
  let bench: RunnerHarness;
  beforeEach(async () => {
    bench = await RunnerHarness.create();
  });
  afterEach(() => bench.dispose());

  const repository = (more = ''): Promise<string> =>
    bench.shell(`
    git init -q -b main && git config user.email dev@example.org && git config user.name Dev
    printf 'one\\n' > a.txt && printf 'two\\n' > b.txt && mkdir sub && printf 'three\\n' > sub/c.txt && printf 'out/\\n' > .gitignore
    git add -A && git commit -qm First
    ${more}`);
  const run = (command: string, extra?: object): Promise<Outcome> =>
    bench.outcome([[['init'], ['shell', command], ['result']]], extra);
  const diff = async (): Promise<string> => (await bench.run('diff')).stdout;
  const files = (patch: string): string[] =>
    [...patch.matchAll(/^diff --git a\/(.*) b\/(.*)$/gm)].map(([, , name]) => name!);
  const digest = async (path: string): Promise<string> =>
    createHash('sha256')
      .update(await readFile(join(bench.work, path)))
      .digest('hex');
  /** The patch, put on a copy of the repository as it was, makes it what it is. */
  const expectApplies = async (): Promise<void> => {
    await bench.shell(
      `git -C ../before apply --binary ${bench.file('diff.patch')} && diff -r -x .git -x out ../before .`,
    );
  };

  it('is a patch with edits, new, removed and renamed files, committed or not', async () => {
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

  it('leaves out what was changed before the run', async () => {
    await repository(
      "printf 'mine\\n' > a.txt; printf 'mine\\n' > mine.txt; git add mine.txt; printf 'mine too\\n' >> mine.txt",
    );
    await run("printf 'x\\n' > x.txt");
    expect(files(await diff())).toEqual(['x.txt']);
  });

  it('touches neither index nor objects nor refs of the user', async () => {
    await repository("printf 'staged\\n' > a.txt; git add a.txt; printf 'not staged\\n' > b.txt; touch untracked");
    const list = "find .git -type f -printf '%p %s %T@\\n' | sort";
    const [before, index] = [await bench.shell(list), await digest('.git/index')];
    await run("printf 'x\\n' > x.txt");
    expect(await bench.shell(list)).toBe(before);
    expect(await digest('.git/index')).toBe(index);
    expect(await bench.shell(`ls ${bench.file('')}`)).not.toMatch(/objects|index/);
  });

  it('runs nothing that the configuration of the repository names', async () => {
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
    expect(await bench.shell('ls .. | grep ran- || true')).toBe('');
    expect(files(await diff()).toSorted()).toEqual(['a.txt', 'x.txt', 'y.md']);
  });

  it('fetches nothing for a partial clone', async () => {
    await repository(`
      git config extensions.partialClone evil; git config core.repositoryFormatVersion 1
      git config remote.evil.promisor true; git config remote.evil.url "ext::touch $PWD/../ran"; git config protocol.ext.allow always
      rm -f .git/objects/$(git rev-parse HEAD:a.txt | sed 's#^..#&/#')`);
    await run("printf 'changed\\n' > a.txt");
    expect(await bench.shell('ls .. | grep ran || true')).toBe('');
  });

  it('knows every name of a file', async () => {
    await repository('cp -R . ../before');
    await run(
      String.raw`printf 'x\n' > "$(printf 'new\nline "quoted" \\ grüße')"; printf 'x\n' > "$(printf 'latin1-\344')"; printf 'x\n' > '-rf'; ln -s /etc/passwd link`,
    );
    expect((await diff()).match(/^diff --git /gm)).toHaveLength(4);
    await expectApplies();
  });

  it('begins with nothing in a repository without commits', async () => {
    await bench.shell('git init -q; printf "old\\n" > old.txt');
    const outcome = await run("printf 'x\\n' > x.txt");
    expect(files(await diff())).toEqual(['x.txt']);
    expect(outcome.diffBytes).toBeGreaterThan(0);
  });

  it('covers the whole repository, also from a folder in it', async () => {
    await repository();
    await run("printf 'x\\n' > ../x.txt; printf 'x\\n' > x.txt", { cwd: join(bench.work, 'sub') });
    expect(files(await diff()).toSorted()).toEqual(['sub/x.txt', 'x.txt']);
  });

  it('is empty without a repository, without a change, and when the repository is gone', async () => {
    const none = await run("printf 'x\\n' > x.txt");
    expect(none).toMatchObject({ treeBefore: null, treeAfter: null, diffBytes: 0 });
    expect(await bench.run('diff')).toMatchObject({ exitCode: 0, stdout: '' });

    const same = await RunnerHarness.create();
    await same.shell('git init -q; touch a');
    const unchanged = await same.outcome([[['init'], ['result']]]);
    expect(unchanged).toMatchObject({ diffBytes: 0, diffTruncated: false });
    expect(unchanged.treeAfter).toBe(unchanged.treeBefore);
    await same.dispose();

    const gone = await RunnerHarness.create();
    await gone.shell('git init -q; touch a');
    expect(await gone.outcome([[['init'], ['shell', 'rm -rf .git'], ['result']]])).toMatchObject({
      status: 'succeeded',
      treeBefore: expect.any(String),
      treeAfter: null,
      diffBytes: 0,
    });
    await gone.dispose();
  });

  it('leaves out files that no patch could hold, and what cannot be read', async () => {
    await repository();
    await run('head -c 25M /dev/zero > big; printf "x\\n" > x.txt; git init -q inner; touch inner/y; mkfifo pipe');
    expect(files(await diff())).toEqual(['x.txt']);
  });

  it('is cut at the start of a file beyond 20 MiB', async () => {
    await repository('cp -R . ../before');
    const outcome = await run('for name in p q r; do head -c 9M /dev/urandom | base64 > $name; done');
    const patch = await diff();
    expect(outcome).toMatchObject({ diffTruncated: true, diffBytes: Buffer.byteLength(patch) });
    expect(patch.length).toBeLessThan(20 * MIB);
    expect(files(patch)).toEqual(['p']);
    await bench.shell(`git -C ../before apply ${bench.file('diff.patch')} && cmp p ../before/p`);
  }, 60_000);

  it('compares with the state before the first attempt', async () => {
    await repository();
    const attempts = [
      [['init'], ['shell', "printf '1\\n' > one"], ['hang']],
      [['init'], ['shell', "printf '2\\n' > two"], ['result']],
    ] as never;
    const outcome = await bench.outcome(attempts, { stallSeconds: 4 });
    expect(outcome).toMatchObject({ status: 'succeeded', resumes: 1 });
    expect(files(await diff()).toSorted()).toEqual(['one', 'two']);
  }, 60_000);

  it('is there for a run that failed or was cancelled, too', async () => {
    await repository();
    await bench.start([[['init'], ['shell', "printf 'x\\n' > x.txt"], ['say', 'written'], ['hang']]]);
    await bench.waitForEvent('written');
    await bench.stateOf('cancel');
    await bench.follow();
    expect(files(await diff())).toEqual(['x.txt']);
  });
});
