#!/usr/bin/env node
/**
 * Replaces Claude Code in tests that need it to misbehave. Executes the steps in the prompt, which is JSON with one list
 * of steps for each start, and logs its calls to the file named by FAKE_CLAUDE_LOG.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const argv = process.argv.slice(2);
const option = (name) => argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const session = option('resume') ?? option('session-id') ?? randomUUID();
const log = process.env.FAKE_CLAUDE_LOG;
const earlier = existsSync(log)
  ? readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ argv }) => argv)
  : [];
const note = (entry) => appendFileSync(log, `${JSON.stringify(entry)}\n`);
const emit = (event) => print(`${JSON.stringify({ session_id: session, ...event })}\n`);

function print(text) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at);
}

const steps = {
  init: () => emit({ type: 'system', subtype: 'init', cwd: process.cwd() }),
  say: (text) => emit({ type: 'assistant', message: { content: [{ type: 'text', text }] } }),
  tool: (id) => emit({ type: 'assistant', message: { content: [{ type: 'tool_use', id, name: 'Bash', input: {} }] } }),
  toolResult: (id) => emit({ type: 'user', message: { content: [{ type: 'tool_result', tool_use_id: id }] } }),
  retry: (error) => emit({ type: 'system', subtype: 'api_retry', error }),
  result: (fields = {}) =>
    emit({
      type: 'result',
      subtype: 'success',
      is_error: false,
      num_turns: 1,
      result: 'done',
      total_cost_usd: 0.5,
      usage: { input_tokens: 2, output_tokens: 3 },
      ...fields,
    }),
  print,
  stderr: (text) => writeSync(2, text),
  many: (number) => {
    for (let from = 1; from <= number; from += 1000) {
      print(
        Array.from(
          { length: Math.min(1000, number - from + 1) },
          (_, index) => `${JSON.stringify({ type: 'assistant', at: from + index, message: { content: [] } })}\n`,
        ).join(''),
      );
    }
  },
  wait: (ms) => sleep(ms),
  hang: () => sleep(600_000),
  block: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  ignore: (...signals) => signals.forEach((signal) => process.on(signal, () => note({ signal }))),
  leaveOn: (signal, code) => process.on(signal, () => process.exit(code)),
  write: (path, text) => writeFileSync(path, text),
  shell: (command) => execFileSync('bash', ['-ec', command], { stdio: ['ignore', 'ignore', 'inherit'] }),
  exit: (code) => process.exit(code),
  kill: (signal) => process.kill(process.pid, signal),
  child: (detached) =>
    note({ child: spawn('sleep', ['600'], { detached, stdio: detached ? 'ignore' : 'inherit' }).pid }),
  ask: async (id, input) => {
    emit({ type: 'control_request', request_id: id, request: { subtype: 'can_use_tool', tool_name: 'Bash', input } });
    for (;;) {
      const { value, done } = await lines.next();
      if (done) return;
      const message = JSON.parse(value);
      if (message.response?.request_id !== id) continue;
      note({ answered: message.response.response });
      return emit({
        type: 'assistant',
        message: { content: [{ type: 'text', text: message.response.response.behavior }] },
      });
    }
  },
};

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { value: first } = await lines.next();
if (first === undefined) process.exit(0);
const prompt = JSON.parse(first).message.content;
const projects = join(process.env.CLAUDE_CONFIG_DIR, 'projects', 'somewhere');
const transcript = join(projects, `${session}.jsonl`);
const script = JSON.parse((earlier[0] ?? { prompt }).prompt);
note({
  argv,
  prompt,
  cwd: process.cwd(),
  umask: process.umask(),
  env: { id: process.env.DEVFORGE_INSTRUCTION_ID, key: process.env.ANTHROPIC_API_KEY },
});
for (const [name, ...values] of script[Math.min(earlier.length, script.length - 1)]) {
  if (name === 'init') {
    mkdirSync(projects, { recursive: true });
    appendFileSync(transcript, `${JSON.stringify({ type: 'user', message: { role: 'user', content: prompt } })}\n`);
  }
  await steps[name](...values);
}
for await (const line of lines) note({ more: line });
process.exit(0);
