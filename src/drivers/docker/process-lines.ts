import { createInterface } from 'node:readline';
import { DriverError } from '../driver-error.js';
import type { WorkspaceProcess } from '../workspace-process.js';

const MAX_STDERR = 2_000;

/** The output of a process line by line, and why it ended. */
export class ProcessLines {
  private readonly lines: AsyncIterator<string>;
  private stderr = '';

  constructor(private readonly process: WorkspaceProcess) {
    this.lines = createInterface({ input: process.stdout, crlfDelay: Infinity })[Symbol.asyncIterator]();
    process.stderr.on('data', (chunk: Buffer) => (this.stderr = (this.stderr + chunk.toString()).slice(-MAX_STDERR)));
    process.stdin.on('error', () => undefined);
  }

  /** @throws DriverError when the process ends without another line */
  async next(): Promise<string> {
    const { done, value } = await this.lines.next();
    if (done !== true) return value;
    const exitCode = await this.process.exit;
    throw failureOf(`the process ended with ${exitCode}`, this.stderr);
  }

  /** @throws DriverError when the process writes anything else */
  async expect(line: string): Promise<void> {
    const found = await this.next();
    if (found !== line) throw new DriverError('failed', `the process wrote ${JSON.stringify(found.slice(0, 200))}`);
  }
}

export function failureOf(what: string, stderr: string): DriverError {
  const code = stderr.includes('No space left on device') ? 'out_of_disk' : 'failed';
  return new DriverError(code, `${what}: ${stderr.slice(-MAX_STDERR)}`);
}
