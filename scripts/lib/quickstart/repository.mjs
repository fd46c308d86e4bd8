/**
 * Chooses the repository of the first container: the requested one, a public one when GitHub can be reached, else a sample
 * that this machine serves over HTTPS.
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
const DEFAULT_PORT = 8418;

/**
 * @typedef {object} Repository
 * @property {string} url
 * @property {string | undefined} caBundle value of EXTRA_CA_CERTS with which containers reach it
 * @property {string} origin description for the terminal
 */

/** @returns {Promise<Repository>} */
export async function chooseRepository({ requestedUrl, operatorCa, settings, host, step }) {
  const files = quickstartFiles(settings.dataDir);
  const caBundle = existsSync(files.ca) ? writeBundle(files, operatorCa) : operatorCa;
  if (requestedUrl) return { url: requestedUrl, caBundle, origin: 'as requested' };
  const missing = ['git', 'openssl'].filter((program) => !which(program));
  if (missing.length > 0)
    await installPackages(host, missing, { purpose: 'The first repository', progress: step.progress });
  step.progress('trying to reach GitHub');
  if (await isPublicRepositoryReachable()) return { url: PUBLIC_REPOSITORY, caBundle, origin: 'a public one' };
  step.progress('GitHub cannot be reached: creating a sample repository');
  return serveSample({ files, operatorCa, settings });
}

/** Connects directly, as containers will: a proxy of the host's own does not count. */
async function isPublicRepositoryReachable() {
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
    throw new Failure('GitHub cannot be reached, and containers of this engine cannot reach this machine.', [
      'npm run quickstart -- --repo <https or ssh URL that containers reach>',
    ]);
  await ensureSampleRepository(files.repositories);
  await ensureCertificate(files, address);
  const port = await serve(files, address);
  return {
    url: `https://${address}:${port}/${SAMPLE_NAME}.git`,
    caBundle: writeBundle(files, operatorCa),
    origin: 'a sample, served by this machine',
  };
}

/** The port stays the same between runs, since clones remember it. Another quickstart may serve the sample there already. */
async function serve(files, address) {
  const portFile = join(files.folder, 'git-port');
  const kept = existsSync(portFile) ? Number(readFileSync(portFile, 'utf8')) : DEFAULT_PORT;
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
