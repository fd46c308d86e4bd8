import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import { codeOf, type FilesClient } from '../support/e2e/files-client.js';
import { FilesWorkspace, json, type Listing, refused } from '../support/e2e/files-workspace.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { until } from '../support/e2e/until.js';

const MIB = 1024 * 1024;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe('files', () => {
  let workspace: FilesWorkspace;
  let files: FilesClient;
  const inside: FilesWorkspace['inside'] = (script, container) => workspace.inside(script, container);
  const names = (path: string): Promise<string[]> => workspace.names(path);

  beforeAll(async () => {
    workspace = await FilesWorkspace.start();
    ({ files } = workspace);
  }, IMAGE_BUILD_MS);
  afterAll(() => workspace?.server.dispose(), 60_000);
  afterEach(() => workspace.clean(), 180_000);

  describe('a file', () => {
    it('is read as it was written, whatever its content and name', async () => {
      const odd = [
        'plain',
        'with space',
        'grüße 🎉',
        '-rf',
        '--help',
        "it's",
        '"',
        '$HOME',
        '`id`',
        '*',
        '?',
        '\\',
        'line\nbreak',
        '\ttab',
        '%2e%2e',
        '..hidden',
        '...',
        '~',
        '#',
        '&a=b',
        'a+b',
        '\u0001',
        '\u202e',
        'é',
        'e\u0301',
        'x'.repeat(255),
        'ü'.repeat(127),
      ];
      for (const [index, name] of odd.entries()) {
        const path = index % 2 === 0 ? name : `deep ${index}/-${name.slice(0, 20)}/${name}`;
        const content = randomBytes(index * 997);
        const written = await files.put(path, content);
        expect({ path, status: written.status, body: json(written) }).toEqual({
          path,
          status: 201,
          body: { path, type: 'file', size: content.length, modifiedAt: expect.stringMatching(ISO), mode: '0644' },
        });
        const read = await files.get(path);
        expect({ path, status: read.status, same: read.bytes.equals(content) }).toEqual({
          path,
          status: 200,
          same: true,
        });
        expect(read.headers.get('content-length')).toBe(String(content.length));
        expect(await names(index % 2 === 0 ? '' : path.slice(0, path.lastIndexOf('/')))).toContain(name);
      }
      for (const [index, name] of odd.entries())
        expect((await files.remove(index % 2 === 0 ? name : `deep ${index}`)).status).toBe(204);
      expect(await names('')).toEqual([]);
    }, 180_000);

    it.each(['a/b', '/workspace/a/b', './a//b', '/workspace//a/./b', '//workspace/a/b'])(
      'is the same one as %s',
      async (path) => {
        await files.put('a/b', 'here');
        expect((await files.get(path)).bytes.toString()).toBe('here');
        expect(json(await files.put(path, 'there'))).toMatchObject({ path: 'a/b' });
        expect(await inside('cat a/b')).toBe('there');
      },
    );

    it('belongs to the user of the workspace and keeps its mode when it is replaced', async () => {
      expect((await files.put('a/script', 'one')).status).toBe(201);
      expect(await inside('stat -c "%u:%g %a" a a/script')).toBe('1000:1000 755\n1000:1000 644\n');
      await inside('chmod 750 a/script');
      const replaced = await files.put('a/script', 'two');
      expect([replaced.status, json(replaced)]).toEqual([200, expect.objectContaining({ mode: '0750', size: 3 })]);
      expect(await inside('stat -c %a a/script; cat a/script')).toBe('750\ntwo');
    });

    it('is accepted with any content type, including JSON of any size', async () => {
      const body = JSON.stringify({ text: 'x'.repeat(3 * MIB) });
      for (const type of [
        'application/json',
        'application/x-www-form-urlencoded',
        'text/plain; charset=utf-8',
        'application/x-tarot',
      ]) {
        expect((await files.put('typed', body, { 'content-type': type })).status).toBeLessThan(300);
        expect((await files.get('typed')).bytes.equals(Buffer.from(body))).toBe(true);
      }
      expect((await files.put('empty', '')).status).toBe(201);
      expect((await files.get('empty')).bytes.length).toBe(0);
    });

    it('can be read by range', async () => {
      const content = randomBytes(300_000);
      await files.put('part', content);
      const part = async (range: string, headers = {}) => files.get('part', { range, ...headers });
      for (const [range, start, end] of [
        ['bytes=0-9', 0, 10],
        ['bytes=1000-', 1_000, 300_000],
        ['bytes=-5', 299_995, 300_000],
        ['bytes=299999-400000', 299_999, 300_000],
      ] as const) {
        const { status, headers, bytes } = await part(range);
        expect({ range, status, same: bytes.equals(content.subarray(start, end)) }).toEqual({
          range,
          status: 206,
          same: true,
        });
        expect(headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/300000`);
      }
      for (const range of ['bytes=0-1,5-6', 'lines=1-2', 'bytes=x'])
        expect((await part(range)).bytes.equals(content)).toBe(true);
      const beyond = await part('bytes=300000-');
      expect([codeOf(beyond), beyond.headers.get('content-range')]).toEqual([
        { status: 416, code: 'range_not_satisfiable' },
        'bytes */300000',
      ]);
      expect((await part('bytes=0-9', { 'if-range': '"another"' })).status).toBe(200);
    });

    it('is answered with 304 to a client that has it', async () => {
      const etag = (await files.put('known', 'one')).headers.get('etag')!;
      const { headers } = await files.get('known');
      expect(headers.get('etag')).toBe(etag);
      expect(await files.get('known', { 'if-none-match': etag, 'cache-control': 'max-age=0' })).toMatchObject({
        status: 304,
        bytes: Buffer.alloc(0),
      });
      const head = await files.get('known', {}, 'HEAD');
      expect([head.status, head.headers.get('content-length'), head.headers.get('last-modified')]).toEqual([
        200,
        '3',
        headers.get('last-modified'),
      ]);
      await files.put('known', 'two');
      expect((await files.get('known', { 'if-none-match': etag, 'cache-control': 'max-age=0' })).bytes.toString()).toBe(
        'two',
      );
    });

    it('is changed only under the conditions of the request', async () => {
      const first = await files.put('file', 'one');
      const { etag, 'last-modified': modified } = Object.fromEntries(first.headers);
      expect((await files.get('file')).headers.get('last-modified')).toBe(modified);
      const earlier = new Date(Date.parse(modified!) - 60_000).toUTCString();
      const hold = { 'if-match': etag!, 'if-unmodified-since': earlier };
      const fail: Record<string, string>[] = [
        { 'if-match': '"another"' },
        { 'if-match': `W/${etag}` },
        { 'if-none-match': '*' },
        { 'if-none-match': `"another", ${etag}` },
        { 'if-unmodified-since': earlier },
      ];
      for (const headers of fail) {
        await refused(files.put('file', 'two', headers), 412, 'precondition_failed');
        await refused(files.remove('file', headers), 412, 'precondition_failed');
      }
      for (const headers of fail.filter((each) => !('if-none-match' in each)))
        await refused(files.get('file', headers), 412, 'precondition_failed');
      expect((await files.get('file', { 'if-match': etag! })).bytes.toString()).toBe('one');
      expect((await files.put('file', 'two', hold)).status).toBe(200);
      await refused(files.put('file', 'three', hold), 412, 'precondition_failed');
      await refused(files.put('new/file', 'x', { 'if-match': '*' }), 412, 'precondition_failed');
      expect((await files.put('new/file', 'x', { 'if-none-match': '*' })).status).toBe(201);
      await refused(files.remove('new', { 'if-match': etag! }), 412, 'precondition_failed');
      expect((await files.remove('new', { 'if-match': '*' })).status).toBe(204);
      expect((await files.remove('file', { 'if-match': `${etag}, *` })).status).toBe(400);
      expect((await files.get('file')).bytes.toString()).toBe('two');
      await inside('ln -s file link');
      const seen = (await files.get('link')).headers.get('etag')!;
      await refused(files.remove('link', { 'if-match': etag! }), 412, 'precondition_failed');
      expect((await files.remove('link', { 'if-match': seen })).status).toBe(204);
      expect((await files.remove('file', { 'if-match': seen })).status).toBe(204);
      expect(await names('')).toEqual([]);
    });

    it('is changed by one of several requests for the same version', async () => {
      for (let round = 0; round < 20; round++) {
        const etag = (await files.put('file', 'start')).headers.get('etag')!;
        const statuses = await Promise.all(
          Array.from(
            { length: 6 },
            async (_, index) => (await files.put('file', `${index}`, { 'if-match': etag })).status,
          ),
        );
        expect(statuses.toSorted()).toEqual([200, 412, 412, 412, 412, 412]);
        expect((await files.get('file')).bytes.toString()).toBe(String(statuses.indexOf(200)));
      }
      await files.remove('file');
      const created = await Promise.all(
        Array.from({ length: 6 }, async () => (await files.put('file', 'x', { 'if-none-match': '*' })).status),
      );
      expect(created.toSorted()).toEqual([201, 412, 412, 412, 412, 412]);
    });

    it('stays what a program of the workspace has made of it between the check and the change', async () => {
      const output = await inside(`cat > script.py <<'END'
import os, sys
sys.path.insert(0, '/usr/local/lib/devforge/tools')
from errors import RequestError
from replace import remove_unchanged, replace_unchanged
folder = os.open('/workspace', os.O_PATH)
def version(name, text):
    with open(name, 'w') as file: file.write(text)
    return os.stat(name)
checked = version('file', 'checked')
version('.new', 'by the program')
os.rename('.new', 'file')
for change in (replace_unchanged, remove_unchanged):
    if change is replace_unchanged: version('.temporary', 'by the client')
    try: change(folder, b'file', b'.temporary', checked)
    except RequestError as error: print(error.code, open('file').read())
version('.temporary', 'by the client')
replace_unchanged(folder, b'file', b'.temporary', os.stat('file'))
print(open('file').read())
remove_unchanged(folder, b'file', b'.temporary', os.stat('file'))
os.unlink('script.py')
print(os.listdir('.'))
END
python3 script.py`);
      expect(output.trim().split('\n')).toEqual([
        'precondition_failed by the program',
        'precondition_failed by the program',
        'by the client',
        '[]',
      ]);
    });

    it('is replaced atomically', async () => {
      await files.put('file', 'old');
      const sending = files.upload('file', { 'content-length': 2 * MIB });
      sending.on('error', () => undefined);
      sending.write(Buffer.alloc(MIB));
      await until(
        'it arrives',
        async () => (await inside('ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c "/workspace/#" || true')).trim() !== '0',
      );
      expect((await files.get('file')).bytes.toString()).toBe('old');
      expect(await names('')).toEqual(['file']);
      sending.destroy();
      await until(
        'the helper to end',
        async () => !(await inside('ls -l /proc/[0-9]*/fd 2>/dev/null | grep "/workspace/#" || true')).includes('#'),
      );
      expect((await files.get('file')).bytes.toString()).toBe('old');
    });

    it('whose upload is aborted leaves neither the file nor its parent directories', async () => {
      const sending = files.upload('new/folder/file', { 'content-length': MIB });
      sending.on('error', () => undefined);
      sending.write(Buffer.alloc(1_000));
      await until('the helper to run', async () => (await inside('ps -eo args')).includes('devforge-files'), 60_000);
      sending.destroy();
      await until('the helper to end', async () => !(await inside('ps -eo args')).includes('devforge-files'), 60_000);
      expect(await names('')).toEqual([]);
    }, 120_000);

    it('whose download is aborted leaves no process', async () => {
      await inside('truncate -s 3G huge; mkdir many; truncate -s 3G many/huge');
      for (const accept of ['*/*', 'application/x-tar']) {
        const left = new AbortController();
        const response = await fetch(files.at(accept === '*/*' ? 'huge' : 'many'), {
          headers: { authorization: `Bearer ${workspace.server.devforge.token}`, accept },
          signal: left.signal,
        });
        await response.body!.getReader().read();
        expect(await inside('ps -eo args')).toContain('devforge-files');
        left.abort();
        await until(
          'nothing is left',
          async () => !/devforge-files|tar --create/.test(await inside('ps -eo args')),
          60_000,
        );
      }
    }, 180_000);

    it('is written ten thousand times in acceptable time', async () => {
      const count = 10_000;
      let next = 0;
      const statuses = new Map<number, number>();
      const writer = async (): Promise<void> => {
        for (let index = next++; index < count; index = next++) {
          const { status } = await files.put(`tiny/${index % 100}/${index}`, String(index));
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: 16 }, writer));
      expect(Object.fromEntries(statuses)).toEqual({ 201: count });
      expect(await inside('find tiny -type f | wc -l; cat tiny/*/* | wc -c')).toBe(
        `${count}\n${Array.from({ length: count }, (_, index) => String(index)).join('').length}\n`,
      );
    }, 400_000);

    it('of 200 MB is uploaded and downloaded in bounded memory', async () => {
      const size = 200 * MIB;
      const block = randomBytes(MIB);
      const transfer = async (): Promise<void> => {
        const sent = createHash('sha256');
        function* blocks(): Generator<Buffer> {
          for (let at = 0; at < size; at += MIB) {
            block.writeUInt32LE(at);
            sent.update(block);
            yield Buffer.from(block);
          }
        }
        expect((await files.send('large', Readable.from(blocks()), { 'content-length': size })).status).toBeLessThan(
          300,
        );
        const received = createHash('sha256');
        const response = await fetch(files.at('large'), {
          headers: { authorization: `Bearer ${workspace.server.devforge.token}` },
        });
        for await (const chunk of response.body!) received.update(chunk);
        expect(received.digest('hex')).toBe(sent.digest('hex'));
      };
      const growthOf = async (work: () => Promise<void>): Promise<number> => {
        const memory = watchMemory(workspace.server.devforge.pid);
        try {
          const before = await memory.settled();
          await work();
          return memory.highest() - before;
        } finally {
          memory.stop();
        }
      };
      // The first one also makes the young generation and the socket buffers as large as they get.
      expect(await growthOf(transfer)).toBeLessThan(128);
      expect(await growthOf(transfer)).toBeLessThan(64);
    }, 240_000);
  });

  describe('a directory', () => {
    it('is listed by name with the type of each entry', async () => {
      await inside(
        "mkdir d; cd d; mkdir sub; printf 12345 > file; chmod 600 file; touch -d 2001-02-03T04:05:06.789Z file; ln -s ../elsewhere link; mkfifo fifo; python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('socket')\"; touch $'bad\\xff'",
      );
      const answer = await files.get('d');
      expect(answer.headers.get('content-type')).toContain('application/json');
      const { path, entries } = json<Listing>(answer);
      expect(path).toBe('d');
      expect(entries.map(({ name, type }) => `${name} ${type}`)).toEqual([
        'bad\ufffd file',
        'fifo fifo',
        'file file',
        'link symlink',
        'socket socket',
        'sub directory',
      ]);
      expect(entries[2]).toEqual({
        name: 'file',
        type: 'file',
        size: 5,
        modifiedAt: '2001-02-03T04:05:06.789Z',
        mode: '0600',
      });
      expect(entries[3]).toMatchObject({ target: '../elsewhere' });
      expect(await names('d/')).toHaveLength(6);
      expect(await names('d/sub')).toEqual([]);
    });

    it('of twenty thousand files is listed', async () => {
      await inside('mkdir many; cd many; seq 1 20000 | xargs touch');
      expect(await names('many')).toHaveLength(20_000);
    }, 180_000);

    it('is removed with everything in it, including unreadable and deep directories', async () => {
      await inside(
        'mkdir -p d/closed/in; touch d/closed/in/file; chmod 500 d/closed/in; chmod 000 d/closed; ln -s /etc d/out',
      );
      await inside("python3 -c \"\nimport os\nos.chdir('d')\nfor _ in range(3000):\n  os.mkdir('x'); os.chdir('x')\"");
      expect((await files.remove('d')).status).toBe(204);
      expect(await names('')).toEqual([]);
      await refused(files.remove('d'), 404, 'file_not_found');
      expect(await inside('ls /etc/passwd')).toBe('/etc/passwd\n');
    }, 180_000);

    it('is not removed through a link to it', async () => {
      await inside('mkdir d; touch d/file; ln -s d link; ln -s /etc out');
      expect(await names('link')).toEqual(['file']);
      expect((await files.remove('link')).status).toBe(204);
      expect((await files.remove('out')).status).toBe(204);
      expect(await inside('ls; ls d')).toBe('d\nfile\n');
    });
  });

  it('are available after a stop and a start of the container, and after the death of a helper', async () => {
    await files.put('file', 'one');
    await inside('pkill -9 -f [d]evforge-files');
    expect((await files.get('file')).bytes.toString()).toBe('one');
    ok(await workspace.server.api.stop(workspace.container.id));
    await refused(files.get('file'), 409, 'invalid_state');
    workspace.container = ok(await workspace.server.api.start(workspace.container.id));
    await workspace.mark();
    expect((await files.get('file')).bytes.toString()).toBe('one');
  }, 180_000);
});

/** The resident memory of a process in MB, looked at often. */
function watchMemory(pid: number): { settled: () => Promise<number>; highest: () => number; stop: () => void } {
  const read = (): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  let highest = read();
  const timer = setInterval(() => (highest = Math.max(highest, read())), 20);
  return {
    settled: async () => {
      // What was freed before is given back in the meantime.
      await delay(500);
      return (highest = read());
    },
    highest: () => highest,
    stop: () => clearInterval(timer),
  };
}
