import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Container } from '../../test/support/api/types.js';
import type { InstructionsClient } from '../../test/support/instructions/instructions-client.js';
import { say } from '../../test/support/messages-api/replies.js';
import type { ScriptedModel } from '../../test/support/messages-api/scripted-model.js';
import type { Report } from './report.js';
import { median, summarise } from './statistics.js';

const WARM_UP = 3;
const RATIO = { atMost: 1.15, unit: 'x' } as const;
/** As the runner calls it. */
const CLAUDE = [
  'claude',
  '-p',
  '--output-format=stream-json',
  '--verbose',
  '--setting-sources=user',
  '--strict-mcp-config',
  '--permission-mode=bypassPermissions',
];
const PROMPT = 'Say hello.';

interface Bench {
  instructions: InstructionsClient;
  container: Container;
  model: ScriptedModel;
}

/** Both sides until `system/init` is at the client, one right after the other. */
export async function measureFirstEvents(report: Report, bench: Bench, n: number): Promise<void> {
  bench.model.replyByDefault(say('Hello.'));
  const [ofExec, ofDevForge]: [number[], number[]] = [[], []];
  for (let pair = 0; pair < WARM_UP + n; pair++) {
    const sides = [async () => ofExec.push(await byExec(bench)), async () => ofDevForge.push(await byDevForge(bench))];
    for (const side of pair % 2 === 0 ? sides : sides.toReversed()) await side();
  }
  const [a, b] = [ofExec.slice(WARM_UP), ofDevForge.slice(WARM_UP)];
  report.times('docker exec claude -p', summarise(a));
  report.times('POST until system/init', summarise(b));
  report.value('ratio of the medians', median(b) / median(a), 'x', RATIO);
  report.value('median ratio of pairs', median(b.map((ms, index) => ms / a[index]!)), 'x');
}

async function byExec({ container }: Bench): Promise<number> {
  const startedAt = performance.now();
  const child = spawn('docker', ['exec', container.dockerId!, ...CLAUDE, PROMPT], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let ms: number | undefined;
  let text = '';
  for await (const chunk of child.stdout) {
    text += String(chunk);
    if (ms === undefined && text.includes('"subtype":"init"')) ms = performance.now() - startedAt;
  }
  await exited;
  if (ms === undefined) throw new Error(`Claude Code printed no system/init: ${text}`);
  return ms;
}

async function byDevForge({ instructions, container }: Bench): Promise<number> {
  const startedAt = performance.now();
  const { id } = await instructions.create(container.id, PROMPT);
  let ms: number | undefined;
  for await (const { event } of instructions.follow(id))
    if (event.subtype === 'init') ms ??= performance.now() - startedAt;
  const ended = await instructions.waitForEnd(id);
  if (ms === undefined || ended.status !== 'succeeded')
    throw new Error(`The instruction failed: ${JSON.stringify(ended)}`);
  return ms;
}
