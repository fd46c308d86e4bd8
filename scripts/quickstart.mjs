/**
 * npm run quickstart -- [options], listed by --help
 * From a fresh clone to VS Code in a container. Running it again reuses everything.
 * Ctrl-C stops DevForge, never the containers; --no-follow stops it right after the summary.
 */
import { ensureBuild } from './lib/build.mjs';
import { runCommand } from './lib/entry.mjs';
import { describeExtraCa, extraCa } from './lib/extra-ca.mjs';
import { Failure } from './lib/failure.mjs';
import { hostFacts } from './lib/host.mjs';
import { devforgeClient } from './lib/quickstart/client.mjs';
import { ensureContainer } from './lib/quickstart/container.mjs';
import { quickstartOptions } from './lib/quickstart/options.mjs';
import { chooseRepository } from './lib/quickstart/repository.mjs';
import { ensureServer, logTail } from './lib/quickstart/server.mjs';
import { summary } from './lib/quickstart/summary.mjs';
import { loadSettings, parsePort } from './lib/settings.mjs';
import { ensureSetup, SETUP_STEPS } from './lib/setup.mjs';
import { openInBrowser, requestSignInLink } from './lib/sign-in-link.mjs';
import { createSteps, seconds } from './lib/steps.mjs';

const print = (line) => process.stdout.write(`${line}\n`);
let serving = false;

async function quickstart() {
  const startedAt = Date.now();
  const options = quickstartOptions();
  const settings = loadSettings();
  const port = parsePort(options.port ?? settings.port);
  const host = hostFacts();
  const operatorCa = extraCa(settings.values);
  const steps = createSteps({ total: SETUP_STEPS + 4 });

  await ensureSetup(steps, settings, host);
  await steps.run('build', (step) => ensureBuild(step));
  const repository = await steps.run('repository', async (step) => {
    const chosen = await chooseRepository({
      requestedUrl: options.repo,
      operatorCa: operatorCa?.file,
      settings,
      host,
      step,
    });
    step.done(`${chosen.url}, ${chosen.origin}`);
    return chosen;
  });
  const hint = describeExtraCa(operatorCa);
  if (hint) print(`    ${hint}`);
  /** @type {Record<string, string>} */
  const env = repository.caBundle ? { EXTRA_CA_CERTS: repository.caBundle } : {};
  const server = await steps.run('DevForge', (step) => ensureServer({ settings, port, env, step }));
  const api = devforgeClient(server);
  const spec = containerSpec(options, repository);
  const container = await steps.run(`container ${spec.name}`, (step) =>
    ensureContainer({ api, spec, asked: askedOf(options), step, server }),
  );

  const { url, expiresAt } = await api.must('POST', `/api/containers/${encodeURIComponent(container.id)}/editor`);
  const link = await requestSignInLink(server);
  const isOpened = link !== undefined && !options.noOpen && openInBrowser(link.url);
  const follow = !options.noFollow && !server.reused;
  print(
    summary({
      port,
      token: server.token,
      ...(link && { console: { ...link, isOpened } }),
      editorUrl: url,
      expiresAt,
      container,
      log: server.log,
      reused: server.reused,
      took: seconds(Date.now() - startedAt),
      follow,
    }),
  );
  return follow ? serve(server) : server.stop();
}

function containerSpec(options, repository) {
  return {
    name: options.name,
    template: options.template,
    repoType: 'clone',
    repoUrl: repository.url,
    ...(options.branch && { repoBranch: options.branch }),
    ...(options.sshKey && { sshKeyPath: options.sshKey }),
  };
}

/** What of a container was asked for, and is no default. @param {ReturnType<typeof quickstartOptions>} options */
function askedOf({ repo, branch, sshKey, given }) {
  return { repo, branch, sshKey, template: given.template };
}

/** Runs until Ctrl-C, which is the normal end and exits with 0, or until the server ends by itself. */
async function serve(server) {
  serving = true;
  const ending = await server.ended;
  serving = false;
  throw new Failure(`DevForge ${ending}.`, [`see ${server.log}`], logTail(server.log));
}

await runCommand(quickstart, { signalExitCode: () => (serving ? 0 : undefined) });
