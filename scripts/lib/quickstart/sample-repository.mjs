/** A small git repository for machines that cannot reach GitHub: a Node.js project with a few commits. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostEnv, run } from '../exec.mjs';
import { Failure } from '../failure.mjs';

export const SAMPLE_NAME = 'hello-devforge';

/** Each commit: its message, and the files it writes. */
const COMMITS = [
  {
    message: 'Add a README',
    files: {
      'README.md':
        '# hello-devforge\n\nA small Node.js project to try DevForge with.\n\n    npm test\n    npm start\n\nThings to ask Claude Code for: a /time route, a test for it, a Dockerfile.\n',
      '.gitignore': 'node_modules/\n',
    },
  },
  {
    message: 'Add a greeting server',
    files: {
      'package.json': `${JSON.stringify({ name: SAMPLE_NAME, version: '0.1.0', private: true, type: 'module', scripts: { start: 'node src/server.js', test: 'node --test' } }, null, 2)}\n`,
      'src/greeting.js': "export const greeting = (name = 'world') => `Hello, ${name}!`;\n",
      'src/server.js':
        "import { createServer } from 'node:http';\nimport { greeting } from './greeting.js';\n\nconst port = Number(process.env.PORT ?? 8080);\n\ncreateServer((request, response) => {\n  const { searchParams } = new URL(request.url ?? '/', 'http://localhost');\n  response.end(`${greeting(searchParams.get('name') ?? undefined)}\\n`);\n}).listen(port, () => console.log(`http://localhost:${port}`));\n",
    },
  },
  {
    message: 'Test the greeting',
    files: {
      'test/greeting.test.js':
        "import assert from 'node:assert/strict';\nimport { test } from 'node:test';\nimport { greeting } from '../src/greeting.js';\n\ntest('greets the world by default', () => assert.equal(greeting(), 'Hello, world!'));\ntest('greets by name', () => assert.equal(greeting('Ada'), 'Hello, Ada!'));\n",
    },
  },
];

/** Leaves out the configuration of user and machine, so that the result is the same everywhere. */
const GIT_ENV = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'DevForge',
  GIT_AUTHOR_EMAIL: 'devforge@localhost',
  GIT_COMMITTER_NAME: 'DevForge',
  GIT_COMMITTER_EMAIL: 'devforge@localhost',
};

/** @param {string} folder of repositories @returns {Promise<string>} path of the bare repository, created once and kept */
export async function ensureSampleRepository(folder) {
  const bare = join(folder, `${SAMPLE_NAME}.git`);
  if (existsSync(join(bare, 'HEAD'))) return bare;
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(dirname(folder), 'repository-'));
  try {
    await git(work, 'init', '--quiet', 'tree');
    const tree = join(work, 'tree');
    await git(tree, 'symbolic-ref', 'HEAD', 'refs/heads/main');
    for (const commit of COMMITS) await addCommit(tree, commit);
    await git(work, 'clone', '--quiet', '--bare', 'tree', 'bare.git');
    renameSync(join(work, 'bare.git'), bare);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return bare;
}

async function addCommit(tree, { message, files }) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), text);
  }
  await git(tree, 'add', '--all');
  await git(tree, 'commit', '--quiet', '--message', message);
}

async function git(cwd, ...args) {
  const { code, lines } = await run('git', args, { cwd, env: hostEnv(GIT_ENV) });
  if (code !== 0) throw new Failure(`git ${args[0]} failed.`, [], lines.slice(-6));
}
