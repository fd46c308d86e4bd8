import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Engine } from '../api/engine.js';

const FOLDER = '/usr/local';
const FAKE_CLAUDE = new URL('../instructions/fake-claude.mjs', import.meta.url);

/** The fake Claude Code notes there how it was called; a container's environment is to say so. */
export const FAKE_CLAUDE_LOG = '/tmp/claude.ndjson';

/**
 * Replaces DevForge's programs in a container by those of an earlier release. `workspace-programs-<release>.tar.gz` holds
 * `images/workspace/rootfs/usr/local` of that release, as `git archive` gives it.
 */
export async function installPrograms(engine: Engine, dockerId: string, release: string): Promise<void> {
  const archive = readFileSync(new URL(`workspace-programs-${release}.tar.gz`, import.meta.url));
  await asRoot(
    engine,
    dockerId,
    `cd ${FOLDER} && rm bin/devforge-* && cd lib/devforge && rm -r editor instruction tools terminal/*.mjs`,
  );
  await engine.docker.getContainer(dockerId).putArchive(gunzipSync(archive), { path: '/' });
  await asRoot(engine, dockerId, `chmod -R u=rwX,go=rX ${FOLDER}/lib/devforge && chmod 755 ${FOLDER}/bin/devforge-*`);
}

/** Puts the fake CLI, which plays the steps in its prompt, in the place of Claude Code. */
export async function installFakeClaude(engine: Engine, dockerId: string): Promise<void> {
  const program = readFileSync(FAKE_CLAUDE).toString('base64');
  // Where runners of release 0.1.0 look for it, and later ones.
  for (const target of [`${FOLDER}/bin/claude`, `${FOLDER}/lib/devforge/agent/claude`])
    await asRoot(engine, dockerId, `rm -f ${target} && echo ${program} | base64 -d > ${target} && chmod 755 ${target}`);
}

async function asRoot(engine: Engine, dockerId: string, script: string): Promise<void> {
  const { exitCode, stderr } = await engine.exec(dockerId, ['sh', '-ec', script], { user: '0' });
  if (exitCode !== 0) throw new Error(`${script} ended with ${exitCode}: ${stderr}`);
}
