import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { WorkspaceProcess } from '../../src/drivers/workspace-process.js';
import { Engine } from '../support/api/engine.js';
import { workspaceImage } from '../support/images/workspace-image.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { until } from '../support/e2e/until.js';
import { pastGreeting } from '../support/workspace-program.js';
import { dockerEngine } from './docker-engine-harness.js';

const GREETING = 'devforge-agents 3';
const HOOK = '/usr/local/bin/devforge-agent-hook';
const RECORDS = '/var/lib/devforge/claude/sessions';
const PROMPTLY_MS = 1_000;

interface Report {
  state: string;
  since: number | null;
  waitingFor: { tool: string | null; text: string } | null;
}

/** Runs the real scripts of the workspace images, with a shell named claude instead of Claude Code. */
describe('devforge-agents and its hook', () => {
  const engine = new Engine();
  const { containers } = dockerEngine();
  let dockerId: string;
  let watch: WorkspaceProcess;
  let reports: Report[];
  const sessions: Session[] = [];

  const inside = async (script: string): Promise<string> => {
    const { stdout, stderr, exitCode } = await engine.exec(dockerId, ['bash', '-c', script]);
    if (exitCode !== 0) throw new Error(`${script} ended with ${exitCode}: ${stderr}`);
    return stdout;
  };

  class Session {
    private output = '';

    private constructor(
      private readonly process: WorkspaceProcess,
      readonly pid: number,
      readonly started: string,
    ) {
      process.stdout.setEncoding('utf8').on('data', (text: string) => (this.output += text));
      process.stderr.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }

    static async open(): Promise<Session> {
      const process = await containers.open(dockerId, { argv: ['/opt/claude', '-s'] });
      process.stdin.write('read -ra stat < /proc/$$/stat; echo $$ ${stat[21]}\n');
      const [line] = (await once(process.stdout, 'data')) as [Buffer];
      const [pid = '', started = ''] = line.toString().trim().split(' ');
      const session = new Session(process, Number(pid), started);
      sessions.push(session);
      return session;
    }

    /** @returns its output */
    async run(script: string): Promise<string> {
      const mark = `end-${randomUUID()}`;
      this.output = '';
      this.process.stdin.write(`${script}\necho; echo ${mark} $?\n`);
      await until(`the end of ${script}`, () => this.output.includes(mark));
      return (
        this.output.slice(0, this.output.indexOf(mark)).trim() +
        this.output.slice(this.output.indexOf(mark) + mark.length).trim()
      );
    }

    /** @returns its output and exit code */
    hook(event: string, input: unknown = {}): Promise<string> {
      const json = typeof input === 'string' ? input : JSON.stringify(input);
      return this.run(`printf %s '${json.replaceAll("'", `'\\''`)}' | sh -c 'exec ${HOOK} ${event}'`);
    }

    /** Writes a session record as Claude Code does. */
    record(fields: object, name = `${this.pid}.json`): Promise<string> {
      return inside(
        `mkdir -p ${RECORDS}; cat > ${RECORDS}/${name} <<'END'\n${JSON.stringify({ pid: this.pid, procStart: this.started, ...fields })}\nEND`,
      );
    }

    async kill(): Promise<void> {
      await inside(`kill -KILL ${this.pid}`);
    }
  }

  /** Waits until the last report has the state. */
  const waitForState = (state: string, timeoutMs = 5_000): Promise<Report> =>
    until(
      `state ${state}, after ${JSON.stringify(reports.at(-1))}`,
      () => (reports.at(-1)?.state === state ? reports.at(-1) : undefined),
      timeoutMs,
    );
  const openWatch = async (): Promise<void> => {
    reports = [];
    watch = await containers.open(dockerId, { argv: ['devforge-agents', 'watch'] });
    let rest = '';
    watch.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      reports.push(...lines.filter((line) => line !== GREETING).map((line) => JSON.parse(line) as Report));
    });
    watch.stderr
      .setEncoding('utf8')
      .on('data', (text: string) => reports.push({ state: text, since: null, waitingFor: null }));
    await until('the first line', () => reports.length > 0);
  };

  beforeAll(async () => {
    const created = await engine.docker.createContainer({
      name: `devforge-test-${randomUUID()}`,
      Image: await workspaceImage('claude'),
      Env: ['CLAUDE_CONFIG_DIR=/var/lib/devforge/claude'],
      HostConfig: { Init: true, NetworkMode: 'none', Tmpfs: { '/tmp': 'rw,exec,mode=1777' } },
    });
    dockerId = created.id;
    await created.start();
    await engine.exec(dockerId, ['cp', '/bin/bash', '/opt/claude'], { user: '0' });
  }, IMAGE_BUILD_MS);
  beforeEach(openWatch);
  afterEach(async () => {
    watch.stdin.end();
    expect(await watch.exit).toBe(0);
    for (const session of sessions.splice(0)) await session.kill().catch(() => undefined);
    await inside(`rm -rf ${RECORDS} /var/lib/devforge/agents`);
  });
  afterAll(async () => {
    if (dockerId) await engine.docker.getContainer(dockerId).remove({ force: true, v: true });
  });

  it('reports none without a session', () => {
    expect(reports).toEqual([{ state: 'none', since: null, waitingFor: null }]);
  });

  it('follows the hooks of a session, which print nothing', async () => {
    const session = await Session.open();
    const before = Date.now() * 1_000;
    expect(await session.hook('idle')).toBe('0');
    expect((await waitForState('idle')).since).toBeGreaterThan(before - 1_000_000);
    expect(await session.hook('working', { tool_name: 'Bash', tool_response: 'x'.repeat(50_000) })).toBe('0');
    const { since } = await waitForState('working');
    expect(await session.hook('working')).toBe('0');
    expect(
      await session.hook('waiting', {
        tool_name: 'Bash',
        tool_input: { command: `printf '"%s"\\n' \u001b[2J\nrm -rf x`, description: 'Remove' },
      }),
    ).toBe('0');
    expect((await waitForState('waiting')).waitingFor).toEqual({ tool: 'Bash', text: `printf '"%s"\\n' [2J rm -rf x` });
    expect(await session.hook('working')).toBe('0');
    expect((await waitForState('working')).since).toBeGreaterThan(since!);
    expect(
      await session.hook('stopped', { last_assistant_message: 'Say "background_tasks":[{', background_tasks: [] }),
    ).toBe('0');
    await waitForState('idle');
    expect(await session.hook('none')).toBe('0');
    // The process table still shows the session itself.
    await waitForState('working');
    expect(await inside('ls -A /var/lib/devforge/agents')).toBe('');
  });

  it('reports a session with a background task as working', async () => {
    const session = await Session.open();
    await session.hook('stopped', {
      last_assistant_message: 'It runs.',
      background_tasks: [{ id: 'b1', type: 'shell', status: 'running' }],
    });
    const [, state] = (await inside(`cat /var/lib/devforge/agents/${session.pid}`)).split(' ');
    expect(state).toBe('working');
  });

  it.each([
    [
      'a path',
      { tool_name: 'Write', tool_input: { file_path: '/workspace/a', content: 'x' } },
      { tool: 'Write', text: '/workspace/a' },
    ],
    [
      'a question',
      { tool_name: 'AskUserQuestion', tool_input: { questions: [{ question: 'Which?' }, { question: 'And?' }] } },
      { tool: 'AskUserQuestion', text: 'Which?' },
    ],
    [
      'a tool with nothing to show',
      { tool_name: 'mcp__x__y', tool_input: { deep: { er: 1 } } },
      { tool: 'mcp__x__y', text: 'mcp__x__y' },
    ],
    ['a message', { message: 'A worker needs you' }, { tool: null, text: 'A worker needs you' }],
    [
      'a long text',
      { tool_name: 'Bash', tool_input: { command: 'ü'.repeat(1_000) } },
      { tool: 'Bash', text: 'ü'.repeat(200) },
    ],
    ['wrong types', { tool_name: 5, tool_input: { command: ['x'], questions: 7 } }, { tool: null, text: '' }],
  ])('reports that a session waits for %s', async (_, input, waitingFor) => {
    const session = await Session.open();
    await session.hook('waiting', input);
    expect((await waitForState('waiting')).waitingFor).toEqual(waitingFor);
  });

  it.each(['not JSON', '[]', '"text"', '5', ''])(
    'reports waiting for a hook with the invalid input %j',
    async (input) => {
      const session = await Session.open();
      expect(await session.hook('waiting', input)).toBe('0');
      expect((await waitForState('waiting')).waitingFor === null || reports.at(-1)!.waitingFor!.text === '').toBe(true);
    },
  );

  it('has hooks that succeed without a state folder, and outside of a session', async () => {
    const session = await Session.open();
    await inside('rm -rf /var/lib/devforge/agents; touch /var/lib/devforge/agents');
    for (const event of ['idle', 'working', 'stopped', 'waiting', 'none', 'nonsense', ''])
      expect(await session.hook(event)).toBe('0');
    await inside('rm /var/lib/devforge/agents');
    expect(await inside(`echo '{}' | ${HOOK} working; ls -A /var/lib/devforge/agents 2>&1 || true`)).not.toMatch(
      /^\d/m,
    );
    expect(await session.hook('nonsense')).toBe('0');
    expect(reports.every(({ state }) => ['none', 'working'].includes(state))).toBe(true);
  });

  it('prefers the session record of Claude Code to its hooks', async () => {
    const session = await Session.open();
    await session.hook('working');
    await waitForState('working');
    await session.record({
      name: 'a \\"status\\":\\"busy\\" name',
      status: 'idle',
      statusUpdatedAt: 1_795_356_698_991,
    });
    expect(await waitForState('idle')).toEqual({ state: 'idle', since: 1_795_356_698_991_000, waitingFor: null });
    await session.record({ status: 'shell', statusUpdatedAt: 1_795_356_698_992 });
    expect((await waitForState('working')).since).toBe(1_795_356_698_992_000);
    await session.record({ status: 'waiting', waitingFor: 'permission prompt', statusUpdatedAt: 1_795_356_698_993 });
    expect(await waitForState('waiting')).toEqual({
      state: 'waiting',
      since: 1_795_356_698_993_000,
      waitingFor: { tool: null, text: 'permission prompt' },
    });
    await session.record({ status: 'a-new-word', statusUpdatedAt: 1_795_356_698_994 });
    await waitForState('working');
  });

  it('takes from the hook what a session waits for, and ignores the hook of an earlier question', async () => {
    const session = await Session.open();
    await session.hook('waiting', { tool_name: 'Bash', tool_input: { command: 'one' } });
    await session.record({ status: 'waiting', waitingFor: 'permission prompt', statusUpdatedAt: Date.now() });
    expect((await waitForState('waiting')).waitingFor).toEqual({ tool: 'Bash', text: 'one' });
    await session.record({ status: 'busy', statusUpdatedAt: Date.now() });
    await waitForState('working');
    // The record of the next question is written before its hook has run.
    await session.record({ status: 'waiting', waitingFor: 'permission prompt', statusUpdatedAt: Date.now() + 3_000 });
    // Time in which the record alone would be reported.
    await sleep(1_000);
    expect(reports.at(-1)!.state).toBe('working');
    await inside(
      `echo "$(date +%s%6N) {\\"tool\\":\\"Bash\\",\\"text\\":\\"two\\"}" > /var/lib/devforge/agents/${session.pid}.wants`,
    );
    expect((await waitForState('waiting')).waitingFor).toEqual({ tool: 'Bash', text: 'two' });
  });

  it('keeps what the hook says when the record of the question comes seconds later', async () => {
    const session = await Session.open();
    await session.record({ status: 'busy', statusUpdatedAt: Date.now() - 1_000 });
    await waitForState('working');
    await session.hook('waiting', { tool_name: 'Bash', tool_input: { command: 'slow' } });
    await session.record({ status: 'waiting', waitingFor: 'permission prompt', statusUpdatedAt: Date.now() + 5_000 });
    expect((await waitForState('waiting')).waitingFor).toEqual({ tool: 'Bash', text: 'slow' });
  });

  it.each([
    ['torn', `{"pid":1,"procStart":"`],
    ['empty', ''],
    ['of another shape', '[1,2,3]'],
    ['binary', '\\x00\\xff\\x7b'],
  ])('ignores a session record that is %s', async (_, content) => {
    const session = await Session.open();
    await session.hook('idle');
    await inside(`mkdir -p ${RECORDS}; printf '${content}' > ${RECORDS}/${session.pid}.json`);
    await waitForState('idle');
    // Several rounds of the watch, in which the record would be reported.
    await sleep(600);
    expect(reports.at(-1)!.state).toBe('idle');
  });

  it('ignores session records of earlier and missing processes', async () => {
    const session = await Session.open();
    await session.hook('idle');
    await session.record({ procStart: '1', status: 'busy', statusUpdatedAt: 1_795_356_698_991 });
    await session.record({ status: 'waiting', statusUpdatedAt: 1_795_356_698_991 }, '999999.json');
    await session.record({ status: 'waiting', statusUpdatedAt: 1_795_356_698_991 }, '1.json');
    await session.record({ status: 'busy', spare: true, statusUpdatedAt: 1_795_356_698_991 });
    await waitForState('idle');
    // Several rounds of the watch, in which the record would be reported.
    await sleep(600);
    expect(reports.at(-1)!.state).toBe('idle');
  });

  it('removes the files of earlier sessions, also when their process id is in use again', async () => {
    const session = await Session.open();
    await session.hook('idle');
    await waitForState('idle');
    await inside(
      `cd /var/lib/devforge/agents; for pid in 1 999999 $$; do echo '1 waiting 1795356698991000 /none' > $pid; echo '1795356698991000 {}' > $pid.wants; done`,
    );
    await until(
      'the files to be removed',
      async () => (await inside('ls /var/lib/devforge/agents')).trim() === String(session.pid),
    );
    expect(reports.at(-1)!.state).toBe('idle');
  });

  it('detects within a second that a session was killed', async () => {
    const session = await Session.open();
    await session.hook('waiting', { tool_name: 'Bash' });
    await session.record({ status: 'waiting', statusUpdatedAt: Date.now() });
    await waitForState('waiting');
    await session.kill();
    await waitForState('none', PROMPTLY_MS);
    await until('its file to be removed', async () => (await inside('ls -A /var/lib/devforge/agents')) === '');
  });

  it('reports waiting before working before idle, with the earliest start', async () => {
    const [first, second, third] = [await Session.open(), await Session.open(), await Session.open()];
    await first.record({ status: 'idle', statusUpdatedAt: 1_795_356_698_001 });
    await second.record({ status: 'busy', statusUpdatedAt: 1_795_356_698_003 });
    await third.record({ status: 'busy', statusUpdatedAt: 1_795_356_698_002 });
    await until('the earliest', () => reports.at(-1)!.since === 1_795_356_698_002_000);
    expect(reports.at(-1)!.state).toBe('working');
    await first.record({ status: 'waiting', waitingFor: 'input needed', statusUpdatedAt: 1_795_356_698_004 });
    expect((await waitForState('waiting')).waitingFor).toEqual({ tool: null, text: 'input needed' });
    await first.kill();
    expect((await waitForState('working')).since).toBe(1_795_356_698_002_000);
  });

  it('finds the record of a session with another configuration folder', async () => {
    const session = await Session.open();
    await session.run('export CLAUDE_CONFIG_DIR=/tmp/elsewhere');
    await session.hook('idle');
    await waitForState('idle');
    await inside(
      `mkdir -p /tmp/elsewhere/sessions; echo '${JSON.stringify({ procStart: session.started, status: 'busy', statusUpdatedAt: 5 })}' > /tmp/elsewhere/sessions/${session.pid}.json`,
    );
    expect((await waitForState('working')).since).toBe(5_000);
  });

  it('ignores sessions that end at once', async () => {
    const { length } = reports;
    for (let times = 0; times < 8; times++) await inside('/opt/claude -c "sleep 0.1"');
    expect(reports).toHaveLength(length);
  });

  it('takes less than 1 % of a core and starts no processes', async () => {
    const session = await Session.open();
    await session.hook('idle');
    await session.record({ status: 'idle', statusUpdatedAt: 1_795_356_698_991 });
    await waitForState('idle');
    const usage = async (): Promise<{ nanoseconds: number; forks: number }> => {
      const [pid, spent, newest] = (
        await inside(
          'p=$(pgrep -of "devforge-agents watch"); echo $p $(cut -d" " -f1 /proc/$p/schedstat) $(cut -d" " -f5 /proc/loadavg)',
        )
      )
        .trim()
        .split(' ')
        .map(Number);
      expect(pid).toBeGreaterThan(1);
      return { nanoseconds: spent!, forks: newest! };
    };
    const [first] = [await usage(), await sleep(5_000)];
    const second = await usage();
    const share = (second.nanoseconds - first.nanoseconds) / 5e9;
    console.log(`One watch with one session takes ${(share * 100).toFixed(2)} % of a core`);
    expect(share).toBeLessThan(0.01);
    // The measurement itself starts a few.
    expect(second.forks - first.forks).toBeLessThan(15);
  }, 30_000);

  it('ends when it hears nothing for the time that it was told', async () => {
    const other = await containers.open(dockerId, { argv: ['devforge-agents', 'watch'] });
    await pastGreeting(other.stdout);
    other.stdin.write('alive 3');
    other.stdin.write('00\nalive 1\n');
    const toldAt = Date.now();
    expect(await other.exit).toBe(0);
    expect(Date.now() - toldAt).toBeGreaterThan(1_000);
  });

  it('keeps the credential that it is given in memory, for the user alone', async () => {
    const file = '/dev/shm/devforge-agent.env';
    watch.stdin.write('credential ANTHROPIC_API_KEY=sk-test\n');
    await until('the credential', async () => (await inside(`cat ${file} || true`)) === 'ANTHROPIC_API_KEY=sk-test\n');
    expect(await inside(`stat -c %a ${file}; stat -f -c %T ${file}`)).toBe('600\ntmpfs\n');
    watch.stdin.write('credential\n');
    await until('no credential', async () => (await inside('ls /dev/shm')) === '');
  });

  it('ends when its input is closed', async () => {
    const count = async (): Promise<number> => Number(await inside('pgrep -fc "devforge-agents watch" || true')) - 1;
    expect(await count()).toBe(1);
    const other = await containers.open(dockerId, { argv: ['devforge-agents', 'watch'] });
    await pastGreeting(other.stdout);
    expect(await count()).toBe(2);
    other.close();
    await until('the second watch to end', async () => (await count()) === 1, PROMPTLY_MS * 2);
  });
});
