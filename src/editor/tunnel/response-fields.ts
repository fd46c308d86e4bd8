import { InvalidResponseError } from './invalid-response-error.js';

/** The headers of a response, and those of them that say how it is read. */
export interface ResponseFields {
  /** Names and values in turn, as they were written. */
  headers: string[];
  connection?: string;
  keepAlive?: string;
  transferEncoding?: string;
  contentType?: string;
  contentEncoding?: string;
  contentLength?: number;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Besides the line breaks at which a head is split. */
const INVALID_IN_HEAD = /[\r\n\0]/;
const LENGTH = /^\d{1,15}$/;
const SPACE = 0x20;
const TAB = 0x09;
const CHUNKED = 'chunked';

type Field = 'connection' | 'keepAlive' | 'transferEncoding' | 'contentType' | 'contentEncoding';

const FIELDS: ReadonlyMap<string, Field> = new Map([
  ['connection', 'connection'],
  ['keep-alive', 'keepAlive'],
  ['transfer-encoding', 'transferEncoding'],
  ['content-type', 'contentType'],
  ['content-encoding', 'contentEncoding'],
]);

/** @throws InvalidResponseError */
export function parseFields(lines: readonly string[]): ResponseFields {
  const fields: ResponseFields = { headers: [] };
  for (const line of lines) {
    if (INVALID_IN_HEAD.test(line)) throw new InvalidResponseError('a header has a line break or a zero');
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    if (!TOKEN.test(name)) throw new InvalidResponseError('a header of the response is malformed');
    const value = trimBlanks(line, colon + 1);
    fields.headers.push(name, value);
    const lower = name.toLowerCase();
    const field = FIELDS.get(lower);
    if (field !== undefined) fields[field] = fields[field] === undefined ? value : `${fields[field]}, ${value}`;
    else if (lower === 'content-length') {
      // Two that are equal are allowed, and made by nothing but attacks.
      if (fields.contentLength !== undefined || !LENGTH.test(value))
        throw new InvalidResponseError('the length of the response is malformed');
      fields.contentLength = Number(value);
    }
  }
  return fields;
}

/**
 * Whether a body with these transfer codings is sent in chunks; otherwise it ends with the connection.
 * @throws InvalidResponseError for what another reader could understand in another way
 */
export function isChunked(transferEncoding: string): boolean {
  const codings = transferEncoding.split(',').map((coding) => trimBlanks(coding, 0).toLowerCase());
  if (codings.some((coding) => !TOKEN.test(coding)) || codings.slice(0, -1).includes(CHUNKED))
    throw new InvalidResponseError('the transfer coding of the response is malformed');
  return codings.at(-1) === CHUNKED;
}

/** Without the blanks around it; other characters that count as white space in Unicode may be parts of a character in UTF-8. */
function trimBlanks(line: string, at: number): string {
  let from = at;
  let to = line.length;
  while (from < to && isBlank(line.charCodeAt(from))) from++;
  while (to > from && isBlank(line.charCodeAt(to - 1))) to--;
  return line.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
