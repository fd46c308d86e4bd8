import type { Engine } from '../api/engine.js';
import type { Container } from '../api/types.js';
import { say } from '../messages-api/replies.js';
import type { ScriptedModel } from '../messages-api/scripted-model.js';
import type { InstructionsClient } from './instructions-client.js';

interface SeedTarget {
  instructions: InstructionsClient;
  container: Container;
  model: ScriptedModel;
  engine: Engine;
}

/** Writes the files that a runner leaves of a finished run, with events as long as those of real runs. */
const SEED_SCRIPT = `
  const [id, count] = process.argv.slice(1);
  const folder = '/var/lib/devforge/instructions/' + id;
  const fs = require('node:fs');
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = fs.createWriteStream(folder + '/events.ndjson');
  (async () => {
    for (let seq = 1; seq <= count; seq++) {
      const text = 'The "quick" brown fox \\\\ jumps over the lazy dog, ' + seq + ' times. ';
      const event = { type: 'assistant', message: { id: 'msg_' + seq, role: 'assistant', content: [{ type: 'text', text: text.repeat(3) }], usage: { input_tokens: seq, output_tokens: 7 } }, session_id: id, uuid: require('node:crypto').randomUUID() };
      if (!file.write(JSON.stringify(event) + '\\n')) await new Promise((resolve) => file.once('drain', resolve));
    }
    file.end(() => {
      const outcome = { status: 'succeeded', reason: null, sessionId: id, result: 'Seeded.', costUsd: 0, turns: 1, usage: null, diffBytes: 0, diffTruncated: false };
      fs.writeFileSync(folder + '/request.json', '{}');
      fs.writeFileSync(folder + '/outcome.json', JSON.stringify(outcome) + '\\n');
    });
  })();
`;

/**
 * Creates an instruction whose run has finished before it is started: its files are written while another instruction
 * occupies the container.
 * @returns `begin`, which lets DevForge start and follow it like any other instruction
 */
export async function seedFinishedRun(
  { instructions, container, model, engine }: SeedTarget,
  events: number,
): Promise<{ id: string; begin: () => void }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const turns = model.turns.length;
  model.replyNext(async () => (await promise, say('Done.')));
  await instructions.create(container.id, 'Occupy the container.');
  await model.waitForTurn(turns + 1, 60_000);
  const { id } = await instructions.create(container.id, 'Never sent.');
  const { exitCode, stderr } = await engine.exec(container.dockerId!, ['node', '-e', SEED_SCRIPT, id, String(events)], {
    timeoutMs: 60_000,
  });
  if (exitCode !== 0) throw new Error(`The run could not be seeded: ${stderr}`);
  return { id, begin: resolve };
}
