import { StringDecoder } from 'node:string_decoder';
import { GrowingBuffer } from '../common/bytes/growing-buffer.js';
import { plainText } from '../common/plain-text.js';
import { validationFailed } from '../http/validation/validation.js';
import type { FrameKinds, FramedProgram } from '../workspace/programs/framed-program.js';
import { outputLimitExceeded } from '../workspace/programs/program-failure.js';
import type { ExecDto, ExecResultDto, OutputEncoding } from './dto/exec.dto.js';

const WORKSPACE = '/workspace';
const STDIN_PIECE_BYTES = 64 * 1024;
const UNKNOWN = -1;
const MAX_REASON_LENGTH = 1_000;
/** Of a folder in an error. */
const MAX_FOLDER_LENGTH = 200;
/** What the program may send beyond the limit that it was given; its images of release 0.1.0 keep the limit as well. */
const MAX_EXCESS_BYTES = 1024 * 1024;

export const EXEC_FRAMES: FrameKinds = { whole: 'xf', streamed: 'oe', maxWholeBytes: 64 * 1024 };

/** Sends the command and its input. The program that runs it reads the input as fast as the command does. */
export async function sendCommand(
  process: FramedProgram,
  { command, cwd, env, stdin, timeoutSeconds, maxOutputBytes }: ExecDto,
): Promise<void> {
  const folder = folderOf(cwd);
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const request = [folder, timeoutSeconds * 1_000, maxOutputBytes, command.length, ...command, ...variables];
  await process.send('R', Buffer.from(request.join('\0')));
  const input = Buffer.from(stdin);
  for (let at = 0; at < input.length && !process.isOver; at += STDIN_PIECE_BYTES)
    await process.send('D', input.subarray(at, at + STDIN_PIECE_BYTES));
  await process.send('E');
}

/**
 * Collects the command's outputs until it has ended.
 * @returns null when the program that runs it ended before the command
 * @throws DomainError `validation_failed` when the command cannot be started as it was asked for, `output_limit_exceeded`
 *   when that program sends more than it was asked for
 */
export async function receiveResult(
  process: FramedProgram,
  { cwd, maxOutputBytes, encoding }: ExecDto,
): Promise<ExecResultDto | null> {
  const outputs = { o: new Output(maxOutputBytes), e: new Output(maxOutputBytes) };
  for (let frame = await process.next(); frame !== null; frame = await process.next()) {
    const { kind, data } = frame;
    if (kind === 'o' || kind === 'e') {
      outputs[kind].add(data);
      if (outputs[kind].excess > MAX_EXCESS_BYTES)
        throw outputLimitExceeded(process.program, 'more than maxOutputBytes');
    } else if (kind === 'f') throw refusal(data.toString('utf8'), folderOf(cwd));
    else {
      const [exitCode = 0, timedOut, truncated, durationMs = 0, oomKilled = UNKNOWN] = data
        .toString('latin1')
        .split(' ')
        .map(Number);
      const isTruncated = truncated === 1;
      return {
        exitCode,
        stdout: outputs.o.text(encoding, isTruncated),
        stderr: outputs.e.text(encoding, isTruncated),
        truncated: isTruncated,
        timedOut: timedOut === 1,
        oomKilled: oomKilled === UNKNOWN ? null : oomKilled === 1,
        durationMs,
      };
    }
  }
  return null;
}

/** What the command wrote to one of its outputs; no more than the limit is kept, even if the container sends more. */
class Output {
  private readonly kept = new GrowingBuffer();
  private room: number;
  /** Bytes that were sent beyond the limit. */
  excess = 0;

  constructor(limit: number) {
    this.room = limit;
  }

  add(data: Buffer): void {
    const piece = data.subarray(0, this.room);
    this.room -= piece.length;
    this.excess += data.length - piece.length;
    this.kept.append(piece);
  }

  text(encoding: OutputEncoding, isTruncated: boolean): string {
    const bytes = this.kept.take();
    if (encoding === 'base64') return bytes.toString('base64');
    // The last character may have been cut.
    return isTruncated && this.room === 0 ? new StringDecoder('utf8').write(bytes) : bytes.toString('utf8');
  }
}

function folderOf(cwd: string): string {
  return cwd.startsWith('/') ? cwd : `${WORKSPACE}/${cwd}`;
}

/** @param text the field and the reason, a space between them */
function refusal(text: string, folder: string): Error {
  const [field = '', ...reason] = plainText(text, MAX_REASON_LENGTH).split(' ');
  const what = field === 'cwd' ? `the folder ${plainText(folder, MAX_FOLDER_LENGTH)} ` : '';
  return validationFailed([{ field, messages: [`${what}cannot be used: ${reason.join(' ')}`] }]);
}
