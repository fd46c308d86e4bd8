import { describe, expect, it, jest } from '@jest/globals';
import { InvalidResponseError } from './invalid-response-error.js';
import { type ResponseHead, ResponseParser } from './response-parser.js';

interface Parsed {
  heads: ResponseHead[];
  body: string;
  ends: number;
  parser: ResponseParser;
}

function parse(parts: string[], { method = 'GET', isClosed = false } = {}): Parsed {
  const parsed = { heads: [] as ResponseHead[], body: '', ends: 0 };
  const parser = new ResponseParser(
    {
      onHead: (head) => parsed.heads.push(head),
      onData: (chunk) => (parsed.body += chunk.toString('latin1')),
      onEnd: () => parsed.ends++,
    },
    64 * 1024,
  );
  parser.begin(method);
  for (const part of parts) parser.push(Buffer.from(part, 'latin1'));
  if (isClosed) parser.end();
  return { ...parsed, parser };
}

const SIMPLE = 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Own:  \xfc \r\nContent-Length: 5\r\n\r\nhello';
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX-Trailer: 1\r\n\r\n';
const EARLY = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n';

describe('a response', () => {
  it('has status, message, headers as written, and a body', () => {
    const { heads, body, ends, parser } = parse([SIMPLE]);
    expect(heads).toEqual([
      {
        status: 200,
        message: 'OK',
        headers: ['Content-Type', 'text/html', 'X-Own', '\xfc', 'Content-Length', '5'],
        contentType: 'text/html',
        contentEncoding: undefined,
        contentLength: 5,
      },
    ]);
    expect({ body, ends, isPersistent: parser.isPersistent }).toEqual({ body: 'hello', ends: 1, isPersistent: true });
  });

  it('has values of any characters, also those that count as white space in Unicode', () => {
    const { heads } = parse([
      'HTTP/1.1 200 OK\r\nX-A:\t voil\xc3\xa0 \t\r\nX-B:\r\nX-C:\x85\r\nContent-Length: 0\r\n\r\n',
    ]);
    expect(heads[0]!.headers).toEqual(['X-A', 'voil\xc3\xa0', 'X-B', '', 'X-C', '\x85', 'Content-Length', '0']);
  });

  it.each([SIMPLE, CHUNKED, EARLY + SIMPLE, EARLY + CHUNKED])('may be split at any byte (%#)', (whole) => {
    const places = Array.from({ length: whole.length - 1 }, (_, at) => at + 1);
    for (const parts of [...places.map((at) => [whole.slice(0, at), whole.slice(at)]), [...whole]]) {
      const { heads, body, ends } = parse(parts);
      expect({ status: heads.map(({ status }) => status), body, ends }).toEqual({
        status: [200],
        body: 'hello',
        ends: 1,
      });
    }
  });

  it('has no body after HEAD, 204 and 304, whatever its headers say', () => {
    expect(parse(['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'], { method: 'HEAD' }).ends).toBe(1);
    expect(parse(['HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n']).ends).toBe(1);
    expect(parse(['HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n']).ends).toBe(1);
  });

  it('without a length ends with its connection', () => {
    const open = parse(['HTTP/1.0 200 OK\r\n\r\nsome', 'thing']);
    expect({ body: open.body, ends: open.ends }).toEqual({ body: 'something', ends: 0 });
    const closed = parse(['HTTP/1.1 200\r\n\r\nsome'], { isClosed: true });
    expect({ ends: closed.ends, isPersistent: closed.parser.isPersistent }).toEqual({ ends: 1, isPersistent: false });
  });

  it('is incomplete when the connection ends before its length', () => {
    for (const part of ['', SIMPLE.slice(0, 30), SIMPLE.slice(0, -1), CHUNKED.slice(0, -2)])
      expect(parse([part], { isClosed: true }).ends).toBe(0);
  });

  it.each([
    ['HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', false, undefined],
    ['HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n', false, undefined],
    ['HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n', true, undefined],
    ['HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=9\r\nContent-Length: 0\r\n\r\n', true, 5_000],
  ])('says whether its connection is kept (%#)', (text, isPersistent, keepAliveMs) => {
    expect(parse([text]).parser).toMatchObject({ isOver: true, isPersistent, keepAliveMs });
  });

  it.each([
    'SSH-2.0-OpenSSH_9.2\r\n\r\n',
    'HTTP/2 200 OK\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX-A : 1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX-A: 1\r\n folded\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX-A: 1\nX-B: 2\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX-A: \0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\x0b\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: x chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: 1\nX-B: 2\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(5_000)}`,
    `${SIMPLE}HTTP/1.1 200 OK\r\n\r\n`,
  ])('is rejected when it is malformed or ambiguous (%#)', (text) => {
    expect(() => parse([text])).toThrow(InvalidResponseError);
  });

  it.each(['SSH-2.0', 'HTTQ', 'HTTP/2', '\r\n', '\x15'])('is rejected as soon as it begins with %j', (text) => {
    expect(() => parse([text])).toThrow(InvalidResponseError);
    expect(() => parse([...text])).toThrow(InvalidResponseError);
  });

  it.each([
    ['\x15\x03\x03\x00\x02', true],
    ['SSH-2.0', false],
    ['HTTP/1.1 200 OK\r\nno colon\r\n\r\n', false],
  ])('that is rejected may be an alert of TLS (%#)', (text, mayBeTls) => {
    expect(() => parse([text])).toThrow(expect.objectContaining({ mayBeTls }));
  });

  it.each([
    ['that are incomplete', [`HTTP/1.1 200 OK\r\nX-A: ${'x'.repeat(64 * 1024)}`]],
    ['of one response', [`HTTP/1.1 200 OK\r\nX-A: ${'x'.repeat(64 * 1024)}\r\n\r\n`]],
    ['of early responses', Array<string>(7).fill(`HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(10_000)}\r\n\r\n`)],
    ['after the body', [CHUNKED.slice(0, -2), ...Array<string>(7).fill(`X-A: ${'x'.repeat(10_000)}\r\n`)]],
    ['of chunks', [CHUNKED.slice(0, 53), ...Array<string>(20).fill(`1;${'x'.repeat(4_000)}\r\na\r\n`)]],
  ])('is rejected when its headers %s are too long', (_, parts) => {
    expect(() => parse(parts)).toThrow(expect.objectContaining({ code: 'UND_ERR_HEADERS_OVERFLOW' }));
  });

  it('is rejected after very many early responses', () => {
    expect(parse([EARLY.repeat(16) + SIMPLE]).ends).toBe(1);
    expect(() => parse([EARLY.repeat(17)])).toThrow(InvalidResponseError);
  });

  it('may have many of each, since they count for one response only', () => {
    const parser = new ResponseParser({ onHead: () => {}, onData: () => {}, onEnd: () => {} }, 64 * 1024);
    for (let at = 0; at < 50; at++) {
      parser.begin('GET');
      parser.push(
        Buffer.from(EARLY + EARLY + SIMPLE.replace('X-Own', `X-Own: ${'x'.repeat(4_000)}\r\nX-Own`), 'latin1'),
      );
    }
    expect(parser.isOver).toBe(true);
  });

  it('takes time in proportion to its bytes, however they arrive', () => {
    const copied = jest.spyOn(Buffer, 'concat');
    parse([...`HTTP/1.1 200 OK\r\nX-A: ${'x'.repeat(60_000)}\r\nContent-Length: 0\r\n\r\n`]);
    expect(
      copied.mock.calls.reduce((sum, [parts]) => sum + parts.reduce((size, part) => size + part.length, 0), 0),
    ).toBeLessThan(200_000);
    copied.mockRestore();
  });

  it('with 204 has no length, and its connection is not kept when one was announced', () => {
    const announced = parse(['HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n']);
    expect(announced.heads[0]).toMatchObject({ headers: [], contentLength: undefined });
    expect(announced.parser.isPersistent).toBe(false);
    expect(parse(['HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n']).parser.isPersistent).toBe(false);
    const empty = parse(['HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n']);
    expect([empty.heads[0]!.headers, empty.parser.isPersistent]).toEqual([[], true]);
  });

  it('with 304 tells the length of what is not sent', () => {
    const { heads, parser } = parse(['HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n']);
    expect([heads[0]!.headers, heads[0]!.contentLength, parser.isPersistent]).toEqual([
      ['Content-Length', '5'],
      undefined,
      true,
    ]);
  });

  it('of HTTP/1.0 in chunks ends its connection', () => {
    const { body, ends, parser } = parse([
      'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
    ]);
    expect([body, ends, parser.isPersistent]).toEqual(['a', 1, false]);
  });
});
