import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../api/engine.js';
import { until } from '../e2e/until.js';
import type { ScriptedModel } from '../messages-api/scripted-model.js';

const START_TIMEOUT_MS = 40_000;
const REDRAW_TIMEOUT_MS = 5_000;
/** Long enough for a busy machine: a second Enter would answer the dialog that the first one leads to. */
const SUBMIT_TIMEOUT_MS = 15_000;

/** Configuration of Claude Code after onboarding, with /workspace and the API key approved. */
function onboardedConfig(key: string): object {
  return {
    hasCompletedOnboarding: true,
    theme: 'dark',
    customApiKeyResponses: { approved: [key.slice(-20)], rejected: [] },
    projects: { '/workspace': { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true } },
  };
}

export interface ClaudeOptions {
  /** Arguments of Claude Code; by default it requests permissions. */
  args?: string[];
  env?: Record<string, string>;
}

/** An interactive session of the real Claude Code in tmux, with the actions of its user. */
export class ClaudeTerminal {
  private static opened = 0;

  private constructor(
    private readonly engine: Engine,
    private readonly dockerId: string,
    private readonly name: string,
  ) {}

  /** Opens a session and waits for its prompt. */
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
    await terminal.launch(['env', ...variables, 'claude', ...args]);
    return terminal;
  }

  /** Opens a session as a user does in a container that DevForge set up, and waits for its prompt. */
  static async openAsUser(engine: Engine, dockerId: string): Promise<ClaudeTerminal> {
    const terminal = new ClaudeTerminal(engine, dockerId, `test-${(ClaudeTerminal.opened += 1)}`);
    await terminal.launch(['claude']);
    return terminal;
  }

  private async launch(command: string[]): Promise<void> {
    await this.exec(['tmux', 'new-session', '-d', '-s', this.name, '-x', '140', '-y', '45', ...command]);
    let screen = '';
    await until(
      'the prompt of Claude Code',
      async () => /^❯/m.test((screen = await this.screen())),
      START_TIMEOUT_MS,
    ).catch((error: unknown) => {
      throw new Error(`Claude Code shows no prompt, but:\n${screen}`, { cause: error });
    });
    // Claude Code may lose keys that are typed right after it has drawn the prompt.
    await sleep(500);
  }

  /** Types a line and submits it. */
  async submit(line: string): Promise<void> {
    await this.press('-l', line);
    await until('the line to be typed', async () => (await this.screen()).includes(line));
    await until(
      'the line to be submitted',
      async () => {
        // Claude Code may lose a key while it redraws the screen, so it is pressed again, as a user would.
        const isSubmitted = async (): Promise<boolean> => !(await this.prompt()).includes(line);
        if (await isSubmitted()) return true;
        await this.press('Enter');
        return until('the prompt to be empty', isSubmitted, SUBMIT_TIMEOUT_MS);
      },
      2 * SUBMIT_TIMEOUT_MS,
    );
  }

  /** Answers a dialog with choices, which appears shortly after its hook has run. */
  async answerDialog(key: 'Enter' | 'Escape'): Promise<void> {
    const isOpen = async (): Promise<boolean> => /❯ 1\. /.test(await this.screen());
    await until('a dialog to answer', isOpen, REDRAW_TIMEOUT_MS);
    await until(
      'the dialog to be answered',
      async () => {
        await this.press(key);
        return until('the dialog to close', async () => !(await isOpen()), REDRAW_TIMEOUT_MS);
      },
      START_TIMEOUT_MS,
    );
  }

  /** Keys as tmux names them. */
  async press(...keys: string[]): Promise<void> {
    await this.exec(['tmux', 'send-keys', '-t', this.name, ...keys]);
  }

  async screen(): Promise<string> {
    return (await this.exec(['tmux', 'capture-pane', '-p', '-t', this.name])).stdout;
  }

  /** The line of the prompt, or of the selected choice in a dialog. */
  private async prompt(): Promise<string> {
    const lines = (await this.screen()).split('\n');
    return lines.findLast((line) => line.startsWith('❯')) ?? '';
  }

  /** Process id of Claude Code. */
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
