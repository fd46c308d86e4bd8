import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../api/engine.js';
import { until } from '../e2e/until.js';
import type { ScriptedModel } from '../messages-api/scripted-model.js';

const START_MS = 40_000;
const ANSWER_MS = 5_000;

/** What Claude Code remembers after a person has been through its first run, and has trusted /workspace and the key. */
function onboardedConfig(key: string): object {
  return {
    hasCompletedOnboarding: true,
    theme: 'dark',
    customApiKeyResponses: { approved: [key.slice(-20)], rejected: [] },
    projects: { '/workspace': { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true } },
  };
}

export interface ClaudeOptions {
  /** Of Claude Code; a permission is asked for by default. */
  args?: string[];
  env?: Record<string, string>;
}

/** An interactive session of the real Claude Code, in a terminal of tmux, and the person in front of it. */
export class ClaudeTerminal {
  private static opened = 0;

  private constructor(
    private readonly engine: Engine,
    private readonly dockerId: string,
    private readonly name: string,
  ) {}

  /** Opens one, and waits until it asks what to do. */
  static async open(
    engine: Engine,
    dockerId: string,
    model: ScriptedModel,
    options: ClaudeOptions = {},
  ): Promise<ClaudeTerminal> {
    const { args = ['--permission-mode', 'manual'], env = {} } = options;
    const terminal = new ClaudeTerminal(engine, dockerId, `test-${(ClaudeTerminal.opened += 1)}`);
    const config = JSON.stringify(onboardedConfig(model.credential));
    await terminal.exec([
      'sh',
      '-c',
      'cd "$CLAUDE_CONFIG_DIR" 2> /dev/null || { mkdir -p "$CLAUDE_CONFIG_DIR" && cd "$CLAUDE_CONFIG_DIR"; }; [ -s .claude.json ] || printf %s "$1" > .claude.json',
      'sh',
      config,
    ]);
    const variables = Object.entries({ ...model.env, ...env }).map(([name, value]) => `${name}=${value}`);
    await terminal.exec([
      'tmux',
      'new-session',
      '-d',
      '-s',
      terminal.name,
      '-x',
      '140',
      '-y',
      '45',
      'env',
      ...variables,
      'claude',
      ...args,
    ]);
    await until('Claude Code to ask what to do', async () => /^❯/m.test(await terminal.screen()), START_MS);
    // The first keys after the prompt has been drawn may go astray.
    await sleep(500);
    return terminal;
  }

  /** Types a line and sends it off. */
  async submit(line: string): Promise<void> {
    await this.press('-l', line);
    await until('the line to be typed', async () => (await this.screen()).includes(line));
    await until(
      'the line to be sent off',
      async () => {
        // A key that comes while the screen is drawn anew is lost now and then. A person would press it again, too.
        await this.press('Enter');
        return until('the prompt to be empty', async () => !(await this.prompt()).includes(line), ANSWER_MS);
      },
      START_MS,
    );
  }

  /** Answers a dialog with choices. It is drawn a moment after the hook of it has been run. */
  async answerDialog(key: 'Enter' | 'Escape'): Promise<void> {
    const isOpen = async (): Promise<boolean> => /❯ 1\. /.test(await this.screen());
    await until('a dialog to answer', isOpen, ANSWER_MS);
    await until(
      'the dialog to be answered',
      async () => {
        await this.press(key);
        return until('the dialog to close', async () => !(await isOpen()), ANSWER_MS);
      },
      START_MS,
    );
  }

  /** Keys as tmux names them. */
  async press(...keys: string[]): Promise<void> {
    await this.exec(['tmux', 'send-keys', '-t', this.name, ...keys]);
  }

  async screen(): Promise<string> {
    return (await this.exec(['tmux', 'capture-pane', '-p', '-t', this.name])).stdout;
  }

  /** What stands at the prompt, or where the cursor is in a dialog. */
  private async prompt(): Promise<string> {
    const lines = (await this.screen()).split('\n');
    return lines.findLast((line) => line.startsWith('❯')) ?? '';
  }

  /** The process of Claude Code. */
  async pid(): Promise<number> {
    return Number((await this.exec(['tmux', 'display-message', '-p', '-t', this.name, '#{pane_pid}'])).stdout);
  }

  async kill(signal = 'KILL'): Promise<void> {
    await this.exec(['kill', `-${signal}`, String(await this.pid())]);
  }

  private exec(argv: string[]): ReturnType<Engine['exec']> {
    return this.engine.exec(this.dockerId, argv);
  }
}
