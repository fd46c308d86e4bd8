import { isNativeError } from 'node:util/types';
import { plainText } from '../plain-text.js';

/** What of an error may be written down: a library's own text may hold parameters of queries, environments or prompts. */
export interface ErrorReport {
  type: string;
  code?: string;
  /** Status of a response, as of the container engine. */
  status?: number;
  message?: string;
  /** What a database error is about. */
  constraint?: string;
  table?: string;
  column?: string;
  stack?: string;
  cause?: ErrorReport;
}

const MAX_CAUSES = 5;
const MAX_FRAMES = 12;
const MAX_MESSAGE_LENGTH = 2_000;
const IDENTIFIER = /^[\w.$-]{1,80}$/;
const SQLSTATE = /^[0-9A-Z]{5}$/;
/** Classes of database errors that are about the server and never quote a value. */
const SQLSTATES_ABOUT_THE_SERVER = /^(?:08|25|28|3D|40|53|55|57|58|XX)/;
/** Errors of libraries whose whole text is known. */
const FIXED_TEXTS = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'timeout exceeded when trying to connect',
  'Client has encountered a connection error and is not queryable',
  'Connection is closed.',
  'other side closed',
  'socket hang up',
  'aborted',
]);
const FOREIGN_FRAME = /\/node_modules\/|\bnode:|\(<anonymous>\)$|\(native\)$/;

interface Fields extends Error {
  code?: unknown;
  errno?: unknown;
  syscall?: unknown;
  severity?: unknown;
  statusCode?: unknown;
  constraint?: unknown;
  table?: unknown;
  column?: unknown;
}

/** Describes an error and its causes, without any text that did not come from DevForge itself or the operating system. */
export function reportOf(error: unknown, causes = MAX_CAUSES): ErrorReport {
  if (!isError(error)) return { type: typeof error };
  const fields = error as Fields;
  const type = identifier(error.constructor.name) ?? 'Error';
  const code = identifier(fields.code);
  const message = isTrusted(fields) ? plainText(error.message, MAX_MESSAGE_LENGTH) : undefined;
  const stack = framesOf(error).slice(0, MAX_FRAMES).join('\n');
  return {
    type,
    ...(code === undefined ? {} : { code }),
    ...(typeof fields.statusCode === 'number' ? { status: fields.statusCode } : {}),
    ...(message === undefined ? {} : { message }),
    ...named('constraint', fields.constraint),
    ...named('table', fields.table),
    ...named('column', fields.column),
    ...(stack === '' ? {} : { stack: `${message === undefined ? type : `${type}: ${message}`}\n${stack}` }),
    ...(error.cause === undefined || causes === 0 ? {} : { cause: reportOf(error.cause, causes - 1) }),
  };
}

/** The message of an error of DevForge or the operating system; of any other error its type and code. */
export function safeMessageOf(error: unknown): string {
  const { type, code, message } = reportOf(error, 0);
  return message ?? (code === undefined ? type : `${type} ${code}`);
}

/** Also of another realm. */
function isError(value: unknown): value is Error {
  return value instanceof Error || isNativeError(value);
}

function isTrusted(error: Fields): boolean {
  if (error instanceof DOMException || FIXED_TEXTS.has(error.message)) return true;
  // Of a system call: it names the call, and a path or an address.
  if (typeof error.errno === 'number' && typeof error.syscall === 'string') return true;
  if (typeof error.code === 'string' && SQLSTATE.test(error.code) && typeof error.severity === 'string')
    return SQLSTATES_ABOUT_THE_SERVER.test(error.code);
  // Node quotes the argument that it refuses.
  if (typeof error.code === 'string' && error.code.startsWith('ERR_')) return false;
  const [origin] = framesOf(error);
  return origin !== undefined && !FOREIGN_FRAME.test(origin);
}

/** The frames of the stack, which follow the message: that one may have lines which look like frames. */
function framesOf({ stack = '', message }: Error): string[] {
  const at = stack.indexOf(message);
  if (at < 0) return [];
  return stack
    .slice(at + message.length)
    .split('\n')
    .filter((line) => /^\s+at /.test(line));
}

function identifier(value: unknown): string | undefined {
  return typeof value === 'string' && IDENTIFIER.test(value) ? value : undefined;
}

function named(key: 'constraint' | 'table' | 'column', value: unknown): Partial<ErrorReport> {
  const name = identifier(value);
  return name === undefined ? {} : { [key]: name };
}
