/**
 * Which repository the first container is cloned from: the one that was asked for, a public one when a forge
 * answers, else a sample that this machine serves itself over HTTPS.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages } from '../apt.mjs';
import { hostEnv, run, which } from '../exec.mjs';
import { Failure } from '../failure.mjs';
import { defer } from '../shutdown.mjs';
import { findGateway } from './gateway.mjs';
import { ensureCertificate, quickstartFiles, writeBundle } from './git-certificate.mjs';
import { startGitServer } from './git-server.mjs';
import { ensureSampleRepository, SAMPLE_NAME } from './sample-repository.mjs';

const PUBLIC_REPOSITORY = 'https://github.com/nestjs/typescript-starter.git';
const PROBE_MS = 3000;
const USUAL_PORT = 8418;

/**
 * @typedef {object} Repository
 * @property {string} url
 * @property {string | undefined} caBundle what EXTRA_CA_CERTS has to be for containers to reach it
 * @property {string} origin in words
 */

/** @returns {Promise<Repository>} */
export async function chooseRepository({ asked, operatorCa, settings, host, step }) {
  const files = quickstartFiles(settings.dataDir);
  const caBundle = existsSync(files.ca) ? writeBundle(files, operatorCa) : operatorCa;
  if (asked) return { url: asked, caBundle, origin: 'as asked' };
  const missing = ['git', 'openssl'].filter((program) => !which(program));
  if (missing.length > 0)
    await installPackages(host, missing, { purpose: 'The first repository', progress: step.progress });
  step.progress('looking for a forge');
  if (await forgeAnswers()) return { url: PUBLIC_REPOSITORY, caBundle, origin: 'a public one' };
  step.progress('no forge in reach: making a repository here');
  return serveSample({ files, operatorCa, settings });
}

/** The question goes out directly, as it will from a container: a proxy of the host's own does not count. */
async function forgeAnswers() {
  const env = hostEnv({
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'true',
    https_proxy: '',
    HTTPS_PROXY: '',
    all_proxy: '',
    ALL_PROXY: '',
  });
  const { code } = await run('git', ['-c', 'http.proxy=', 'ls-remote', '--heads', PUBLIC_REPOSITORY], {
    env,
    timeoutMs: PROBE_MS,
  });
  return code === 0;
}

async function serveSample({ files, operatorCa, settings }) {
  const address = await findGateway(settings.engine);
  if (!address)
    throw new Failure('No forge is in reach, and containers of this engine cannot reach this machine.', [
      'npm run quickstart -- --repo <https or ssh URL that containers reach>',
    ]);
  await ensureSampleRepository(files.repositories);
  await ensureCertificate(files, address);
  const port = await serve(files, address);
  return {
    url: `https://${address}:${port}/${SAMPLE_NAME}.git`,
    caBundle: writeBundle(files, operatorCa),
    origin: 'made and served here',
  };
}

/** The port stays the same between runs, since clones remember it; another quickstart that serves it already is as good. */
async function serve(files, address) {
  const portFile = join(files.folder, 'git-port');
  const kept = existsSync(portFile) ? Number(readFileSync(portFile, 'utf8')) : USUAL_PORT;
  const options = { folder: files.repositories, address, cert: files.cert, key: files.key };
  let server;
  try {
    server = await startGitServer({ ...options, port: kept });
  } catch (error) {
    if (error.code !== 'EADDRINUSE')
      throw new Failure(`The git server cannot listen on ${address}: ${error.message}.`, [
        'npm run quickstart -- --repo URL',
      ]);
    if (await servesSample(files, address, kept)) return kept;
    server = await startGitServer({ ...options, port: 0 });
  }
  defer(server.close);
  writeFileSync(portFile, `${server.port}\n`);
  return server.port;
}

async function servesSample(files, address, port) {
  const env = hostEnv({ GIT_SSL_CAINFO: files.ca, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_GLOBAL: '/dev/null' });
  const { code } = await run('git', ['ls-remote', `https://${address}:${port}/${SAMPLE_NAME}.git`], {
    env,
    timeoutMs: PROBE_MS,
  });
  return code === 0;
}
