/** The workspace images of the tests, built beside the tiers that need no engine. */
import { projectEnv, run } from './exec.mjs';
import { NODE, ROOT } from './paths.mjs';
import { seconds } from './steps.mjs';

const BUILD_MS = 45 * 60_000;
const WORDS = ['--import', './scripts/lib/ts-hooks.mjs', 'test/support/images/build.ts'];

/**
 * Starts to build the images of these templates in this order, one after the other.
 * @param {string[]} templates
 * @param {Record<string, string>} env
 * @param {(line: string) => void} say
 * @returns {{ ready(templates: string[]): Promise<string[]> }} `ready` resolves when those images are built or cannot be
 * built, with the former: the suites that need one of the others then fail with the reason
 */
export function buildTestImages(templates, env, say, build = runBuild) {
  const images = new Map(templates.map((template) => [template, pending()]));
  const startedAt = Date.now();
  if (images.size > 0) {
    build([...images.keys()], env, (line) => images.get(line)?.resolve(true)).then(({ code, lines }) => {
      if (code !== 0) say(`The workspace images could not be built:\n${lines.slice(-20).join('\n')}`);
      else say(`(workspace images ready after ${seconds(Date.now() - startedAt)})`);
      for (const { resolve } of images.values()) resolve(false);
    });
  }
  return {
    async ready(needed) {
      const built = await Promise.all(needed.map((template) => images.get(template)?.promise));
      return needed.filter((_, index) => built[index]);
    },
  };
}

const runBuild = (templates, env, onLine) =>
  run(NODE, [...WORDS, ...templates], { cwd: ROOT, env: projectEnv(env), onLine, timeoutMs: BUILD_MS });

/** Promise.withResolvers, which Node 18 lacks. */
function pending() {
  /** @type {(built: boolean) => void} */
  let resolve = () => {};
  /** @type {Promise<boolean>} */
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}
