import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { codeOf, type FilesAnswer, FilesClient } from '../support/e2e/files-client.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { paxOf, type TarMember, tarOf } from '../support/e2e/tar.js';
import { until } from '../support/e2e/until.js';

interface Listing {
  path: string;
  entries: { name: string; type: string; size: number; modifiedAt: string; mode: string; target?: string }[];
}

const MIB = 1024 * 1024;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const json = <Document>({ bytes }: FilesAnswer): Document => JSON.parse(bytes.toString('utf8')) as Document;

describe('files', () => {
  let server: TestServer;
  let container: Container;
  let files: FilesClient;

  const running = async (extra: object = {}): Promise<Container> => ok(await server.api.create({ name: uniqueName('files'), template: 'claude', ...extra }, { prefer: 'wait=60' }));
  const inside = async (script: string, { dockerId } = container): Promise<string> => {
    const { exitCode, stdout, stderr } = await server.engine.exec(dockerId!, ['bash', '-c', script], { timeoutMs: 60_000 });
    expect({ script, exitCode, stderr }).toMatchObject({ exitCode: 0 });
    return stdout;
  };
  const names = async (path: string): Promise<string[]> => json<Listing>(await files.get(path)).entries.map(({ name }) => name);
  const refused = async (answer: Promise<FilesAnswer>, status: number, code: string): Promise<void> => expect(codeOf(await answer)).toEqual({ status, code });
  /** Everything outside the workspace that the user could write to. */
  const outside = () => inside('find /tmp /home/dev /var/lib/devforge /var/tmp /dev/shm -newer /tmp/outside-mark ! -path "/tmp/outside-mark" 2>/dev/null | grep -v "^/home/dev/.claude" | sort');

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'claude');
    container = await running();
    files = new FilesClient(server.devforge.url, server.devforge.token, container.id);
    await inside('touch /tmp/outside-mark');
  }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 60_000);

  afterEach(async () => {
    // Nothing is ever left beside what was asked for, and nothing is written anywhere else.
    const left = await inside('chmod -R u+rwX /workspace; find /workspace -name ".devforge-*"; find /workspace -mindepth 1 -maxdepth 1 -exec rm -rf {} +');
    expect({ left, outside: await outside() }).toEqual({ left: '', outside: '' });
  });

  describe('a file', () => {
    it('comes back as it was written, whatever is in it and however it is named', async () => {
      const odd = ['plain', 'with space', 'grüße 🎉', '-rf', '--help', "it's", '"', '$HOME', '`id`', '*', '?', '\\', 'line\nbreak', '\ttab', '%2e%2e', '..hidden', '...', '~', '#', '&a=b', 'a+b', '\u0001', '\u202e', 'é', 'e\u0301', 'x'.repeat(255), 'ü'.repeat(127)];
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
        expect({ path, status: read.status, same: read.bytes.equals(content) }).toEqual({ path, status: 200, same: true });
        expect(read.headers.get('content-length')).toBe(String(content.length));
        expect(await names(index % 2 === 0 ? '' : path.slice(0, path.lastIndexOf('/')))).toContain(name);
      }
      for (const [index, name] of odd.entries()) expect((await files.remove(index % 2 === 0 ? name : `deep ${index}`)).status).toBe(204);
      expect(await names('')).toEqual([]);
    }, 60_000);

    it.each(['a/b', '/workspace/a/b', './a//b', '/workspace//a/./b', '//workspace/a/b'])('is the same one as %s', async (path) => {
      await files.put('a/b', 'here');
      expect((await files.get(path)).bytes.toString()).toBe('here');
      expect(json(await files.put(path, 'there'))).toMatchObject({ path: 'a/b' });
      expect(await inside('cat a/b')).toBe('there');
    });

    it('belongs to the user of the workspace, and keeps its mode when it is replaced', async () => {
      expect((await files.put('a/script', 'one')).status).toBe(201);
      expect(await inside('stat -c "%u:%g %a" a a/script')).toBe('1000:1000 755\n1000:1000 644\n');
      await inside('chmod 750 a/script');
      const replaced = await files.put('a/script', 'two');
      expect([replaced.status, json(replaced)]).toEqual([200, expect.objectContaining({ mode: '0750', size: 3 })]);
      expect(await inside('stat -c %a a/script; cat a/script')).toBe('750\ntwo');
    });

    it('is taken with any type of content, JSON of any size among them', async () => {
      const body = JSON.stringify({ text: 'x'.repeat(3 * MIB) });
      for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain; charset=utf-8', 'multipart/form-data; boundary=x', 'application/x-tarot']) {
        expect((await files.put('typed', body, { 'content-type': type })).status).toBeLessThan(300);
        expect((await files.get('typed')).bytes.equals(Buffer.from(body))).toBe(true);
      }
      expect((await files.put('empty', '')).status).toBe(201);
      expect((await files.get('empty')).bytes.length).toBe(0);
    });

    it('may be had in part', async () => {
      const content = randomBytes(300_000);
      await files.put('part', content);
      const part = async (range: string, headers = {}) => files.get('part', { range, ...headers });
      for (const [range, start, end] of [['bytes=0-9', 0, 10], ['bytes=1000-', 1_000, 300_000], ['bytes=-5', 299_995, 300_000], ['bytes=299999-400000', 299_999, 300_000]] as const) {
        const { status, headers, bytes } = await part(range);
        expect({ range, status, same: bytes.equals(content.subarray(start, end)) }).toEqual({ range, status: 206, same: true });
        expect(headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/300000`);
      }
      for (const range of ['bytes=0-1,5-6', 'lines=1-2', 'bytes=x']) expect((await part(range)).bytes.equals(content)).toBe(true);
      const beyond = await part('bytes=300000-');
      expect([codeOf(beyond), beyond.headers.get('content-range')]).toEqual([{ status: 416, code: 'range_not_satisfiable' }, 'bytes */300000']);
      expect((await part('bytes=0-9', { 'if-range': '"another"' })).status).toBe(200);
    });

    it('is not sent again to those who have it', async () => {
      const etag = (await files.put('known', 'one')).headers.get('etag')!;
      const { headers } = await files.get('known');
      expect(headers.get('etag')).toBe(etag);
      expect(await files.get('known', { 'if-none-match': etag, 'cache-control': 'max-age=0' })).toMatchObject({ status: 304, bytes: Buffer.alloc(0) });
      const head = await files.get('known', {}, 'HEAD');
      expect([head.status, head.headers.get('content-length'), head.headers.get('last-modified')]).toEqual([200, '3', headers.get('last-modified')]);
      await files.put('known', 'two');
      expect((await files.get('known', { 'if-none-match': etag, 'cache-control': 'max-age=0' })).bytes.toString()).toBe('two');
    });

    it('shows whole or not at all', async () => {
      await files.put('file', 'old');
      const sending = files.upload('file', { 'content-length': 2 * MIB });
      sending.on('error', () => undefined);
      sending.write(Buffer.alloc(MIB));
      await until('it arrives', async () => (await inside('ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c "/workspace/#" || true')).trim() !== '0');
      expect((await files.get('file')).bytes.toString()).toBe('old');
      expect(await names('')).toEqual(['file']);
      sending.destroy();
      await until('the helper is gone', async () => !(await inside('ls -l /proc/[0-9]*/fd 2>/dev/null | grep "/workspace/#" || true')).includes('#'));
      expect((await files.get('file')).bytes.toString()).toBe('old');
    });

    it('that is cut off leaves nothing, and no folders on its way', async () => {
      const sending = files.upload('new/folder/file', { 'content-length': MIB });
      sending.on('error', () => undefined);
      sending.write(Buffer.alloc(1_000));
      await delay(500);
      sending.destroy();
      await until('the helper is gone', async () => !(await inside('ps -eo args')).includes('devforge-files'), 20_000);
      expect(await names('')).toEqual([]);
    }, 30_000);

    it('that nobody takes to its end leaves no process behind', async () => {
      await inside('truncate -s 3G huge; mkdir many; truncate -s 3G many/huge');
      for (const accept of ['*/*', 'application/x-tar']) {
        const left = new AbortController();
        const response = await fetch(files.at(accept === '*/*' ? 'huge' : 'many'), { headers: { authorization: `Bearer ${server.devforge.token}`, accept }, signal: left.signal });
        await response.body!.getReader().read();
        expect(await inside('ps -eo args')).toContain('devforge-files');
        left.abort();
        await until('nothing is left', async () => !/devforge-files|tar --create/.test(await inside('ps -eo args')), 20_000);
      }
    }, 60_000);

    it('is written ten thousand times in a decent time', async () => {
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
      expect(await inside('find tiny -type f | wc -l; cat tiny/*/* | wc -c')).toBe(`${count}\n${Array.from({ length: count }, (_, index) => String(index)).join('').length}\n`);
    }, 240_000);

    it('of 200 MB takes the server no memory to speak of, either way', async () => {
      const size = 200 * MIB;
      const hash = createHash('sha256');
      function* blocks(): Generator<Buffer> {
        const block = randomBytes(MIB);
        for (let at = 0; at < size; at += MIB) {
          hash.update(block);
          yield block;
        }
      }
      const memory = watchMemory(server.devforge.pid);
      const before = await memory.settled();
      expect(await files.send('large', Readable.from(blocks()), { 'content-length': size })).toMatchObject({ status: 201 });
      const received = createHash('sha256');
      const response = await fetch(files.at('large'), { headers: { authorization: `Bearer ${server.devforge.token}` } });
      for await (const chunk of response.body!) received.update(chunk);
      expect(received.digest('hex')).toBe(hash.digest('hex'));
      expect(memory.highest() - before).toBeLessThan(64);
      memory.stop();
    }, 120_000);
  });

  describe('a directory', () => {
    it('is listed in the order of names, with what each thing is', async () => {
      await inside('mkdir d; cd d; mkdir sub; printf 12345 > file; chmod 600 file; touch -d 2001-02-03T04:05:06.789Z file; ln -s ../elsewhere link; mkfifo fifo; python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\'socket\')"; touch $\'bad\\xff\'');
      const answer = await files.get('d');
      expect(answer.headers.get('content-type')).toContain('application/json');
      const { path, entries } = json<Listing>(answer);
      expect(path).toBe('d');
      expect(entries.map(({ name, type }) => `${name} ${type}`)).toEqual(['bad\ufffd file', 'fifo fifo', 'file file', 'link symlink', 'socket socket', 'sub directory']);
      expect(entries[2]).toEqual({ name: 'file', type: 'file', size: 5, modifiedAt: '2001-02-03T04:05:06.789Z', mode: '0600' });
      expect(entries[3]).toMatchObject({ target: '../elsewhere' });
      expect(await names('d/')).toHaveLength(6);
      expect(await names('d/sub')).toEqual([]);
    });

    it('of twenty thousand files is listed', async () => {
      await inside('mkdir many; cd many; seq 1 20000 | xargs touch');
      expect(await names('many')).toHaveLength(20_000);
    });

    it('is removed with all that is in it, closed and deep as it may be', async () => {
      await inside('mkdir -p d/closed/in; touch d/closed/in/file; chmod 500 d/closed/in; chmod 000 d/closed; ln -s /etc d/out');
      await inside('python3 -c "\nimport os\nos.chdir(\'d\')\nfor _ in range(3000):\n  os.mkdir(\'x\'); os.chdir(\'x\')"');
      expect((await files.remove('d')).status).toBe(204);
      expect(await names('')).toEqual([]);
      await refused(files.remove('d'), 404, 'file_not_found');
      expect(await inside('ls /etc/passwd')).toBe('/etc/passwd\n');
    });

    it('is not what a link to it is', async () => {
      await inside('mkdir d; touch d/file; ln -s d link; ln -s /etc out');
      expect(await names('link')).toEqual(['file']);
      expect((await files.remove('link')).status).toBe(204);
      expect((await files.remove('out')).status).toBe(204);
      expect(await inside('ls; ls d')).toBe('d\nfile\n');
    });
  });

  describe('an archive', () => {
    const tar = (path: string) => files.get(path, { accept: 'application/x-tar' });
    const tree = (folder: string) => inside(`cd ${folder}; find . -mindepth 1 -printf "%P %y %m %l " -exec sh -c 'test -f "$1" -a ! -L "$1" && sha256sum < "$1" || echo' sh {} \\; | sort`);

    it('of a directory makes the same directory again', async () => {
      await inside(
        'mkdir -p a/deep/er a/empty; head -c 1000000 /dev/urandom > a/random; touch a/none; cd a; ln -s deep/er link; ln -s ../../a/random deep/up; ln random hard; chmod 751 deep; chmod 640 random; ' +
          `touch $'bad\\xff' 'with space' $'line\\nbreak' -- -rf 'grüße'; mkfifo fifo; name=$(printf '%0200d' 0); mkdir -p "$name/$name"; echo long > "$name/$name/$name"`,
      );
      const { status, headers, bytes } = await tar('a');
      expect([status, headers.get('content-type')]).toEqual([200, 'application/x-tar']);
      const unpacked = await files.putTar('b', bytes);
      expect([unpacked.status, json(unpacked)]).toEqual([200, { path: 'b', entries: expect.any(Number), bytes: expect.any(Number) }]);
      await inside('rm a/fifo');
      expect(await tree('b')).toBe(await tree('a'));
      expect(await inside('stat -c %u b b/random; test b/random -ef b/hard && echo same')).toBe('1000\n1000\nsame\n');
    });

    it('of everything is had from the workspace itself, and unpacked into it', async () => {
      await inside('mkdir -p a/b; echo one > a/b/c');
      const { bytes } = await tar('');
      await inside('rm -r a');
      expect((await files.putTar('', bytes)).status).toBe(200);
      expect(await inside('cat a/b/c')).toBe('one\n');
    });

    it('is merged with what is there', async () => {
      await inside('mkdir -p d/sub; echo kept > d/sub/kept; echo old > d/sub/new; chmod 700 d/sub');
      expect((await files.putTar('d', tarOf([{ name: 'sub/', type: '5' }, { name: 'sub/new', content: 'new\n', mode: 0o755 }, { name: 'more/deep/file', content: 'x' }]))).status).toBe(200);
      expect(await inside('cd d; cat sub/kept sub/new; stat -c %a sub/new sub; ls more/deep')).toBe('kept\nnew\n755\n700\nfile\n');
    });

    it.each<[string, TarMember[]]>([
      ['the header of POSIX for long names', [paxOf({ path: 'long/grüße', mtime: '1.5', comment: 'x' }), { name: 'short', content: 'x' }]],
      ['the header of GNU for long names', [{ name: '././@LongLink', type: 'L', content: `long/${'y'.repeat(150)}\0`, magic: 'ustar  \0' }, { name: 'short', content: 'x', magic: 'ustar  \0' }]],
      ['a global header', [{ name: 'g', type: 'g', content: '52 comment=0123456789012345678901234567890123456789\n' }, { name: 'long/x', content: 'x' }]],
      ['no magic at all', [{ name: 'long/', type: '\0', magic: '' }, { name: 'long/x', type: '\0', content: 'x', magic: '' }]],
    ])('with %s is understood', async (_, members) => {
      expect((await files.putTar('d', tarOf(members))).status).toBe(200);
      expect(await inside('cat d/long/*')).toBe('x');
    });

    it('may have links that stay inside', async () => {
      const members = [{ name: 'sub/up', type: '2', link: '../../there' }, { name: 'abs', type: '2', link: '/workspace/there' }, { name: 'file', content: 'x' }, { name: 'sub/hard', type: '1', link: 'file' }];
      expect((await files.putTar('d', tarOf(members))).status).toBe(200);
      await files.put('there', 'found');
      expect(await inside('cat d/sub/up d/abs d/sub/hard')).toBe('foundfoundx');
    });

    const file = { name: 'good', content: 'good' };
    it.each<[string, Buffer]>([
      ['..', tarOf([file, { name: '../evil', content: 'x' }])],
      ['.. in the middle', tarOf([file, { name: 'a/../../evil', content: 'x' }])],
      ['.. in a long name', tarOf([file, paxOf({ path: '../../evil' }), { name: 'x', content: 'x' }])],
      ['an absolute name', tarOf([file, { name: '/tmp/evil', content: 'x' }])],
      ['an absolute name in the workspace', tarOf([file, { name: '/workspace/evil', content: 'x' }])],
      ['a link out', tarOf([file, { name: 'l', type: '2', link: '/etc' }])],
      ['a link up and out', tarOf([file, { name: 'a/l', type: '2', link: '../../../../../etc' }])],
      ['a link out by a detour', tarOf([file, { name: 'a/s', type: '2', link: '.' }, { name: 'l', type: '2', link: 'a/s/../..' }])],
      ['a link out through /workspace', tarOf([file, { name: 'l', type: '2', link: '/workspace/../etc' }])],
      ['a long link out', tarOf([file, paxOf({ linkpath: `/etc/${'x'.repeat(200)}` }), { name: 'l', type: '2', link: 'x' }])],
      ['a file behind a link', tarOf([file, { name: 'l', type: '2', link: 'good' }, { name: 'l/evil', content: 'x' }])],
      ['a file behind a link to a directory', tarOf([{ name: 'd', type: '5' }, { name: 'l', type: '2', link: 'd' }, { name: 'l/evil', content: 'x' }])],
      ['a hard link out', tarOf([file, { name: 'l', type: '1', link: '/etc/passwd' }])],
      ['a hard link up and out', tarOf([file, { name: 'l', type: '1', link: '../../etc/passwd' }])],
      ['a hard link to a link', tarOf([file, { name: 'a/b/s', type: '2', link: '../../x' }, { name: 'l', type: '1', link: 'a/b/s' }])],
      ['a hard link to what is not in it', tarOf([file, { name: 'l', type: '1', link: 'present' }])],
      ['a character device', tarOf([file, { name: 'dev', type: '3' }])],
      ['a block device', tarOf([file, { name: 'dev', type: '4' }])],
      ['a FIFO', tarOf([file, { name: 'fifo', type: '6' }])],
      ['a sparse file', tarOf([file, { name: 'sparse', type: 'S' }])],
      ['a kind that nobody knows', tarOf([file, { name: 'what', type: '?' }])],
      ['both a file and a directory', tarOf([file, { name: 'good/below', content: 'x' }])],
      ['both a directory and a file', tarOf([{ name: 'd/x', content: 'x' }, { name: 'd', content: 'x' }])],
      ['a name that is too long', tarOf([file, paxOf({ path: 'x'.repeat(300) }), { name: 'x', content: 'x' }])],
      ['a tree that is too deep', tarOf([file, paxOf({ path: `${'d/'.repeat(200)}x` }), { name: 'x', content: 'x' }])],
      ['no name', tarOf([file, { name: '', content: 'x' }])],
      ['the name of the folder', tarOf([file, { name: './', type: '0', content: '' }, { name: '.', content: 'x' }])],
      ['a header that does not end', tarOf([file, { name: 'x', type: 'x', size: 1e12 }])],
      ['a long name that does not end', tarOf([file, { name: 'x', type: 'L', size: 1e9 }])],
      ['a header that lies', tarOf([file, { name: 'x', type: 'x', content: '99 path=x\n' }])],
      ['a header without sense', tarOf([file, { name: 'x', type: 'x', content: 'path=x\n' }])],
      ['less than it says', tarOf([file, { name: 'x', size: 100_000 }], { end: false })],
      ['no end', tarOf([file], { end: false })],
      ['nothing', Buffer.alloc(0)],
      ['half a block', Buffer.alloc(100)],
      ['no archive', randomBytes(10_240)],
      ['something packed', Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), randomBytes(2_000)])],
    ])('with %s is refused, and changes nothing', async (_, archive) => {
      await inside('mkdir -p d/sub; echo old > d/good; touch d/present');
      const before = await tree('.');
      const answer = await files.putTar('d', archive);
      expect(codeOf(answer)).toEqual({ status: 400, code: 'tar_refused' });
      await refused(files.putTar('made/for/it', archive), 400, 'tar_refused');
      expect(await tree('.')).toBe(before);
    });

    it('of more than the disk takes is refused before it is unpacked', async () => {
      const declared = tarOf([file, { name: 'bomb', size: 20 * 1024 ** 3 }], { end: false });
      await refused(files.putTar('', declared), 413, 'payload_too_large');
      const huge = tarOf([paxOf({ size: '999999999999999999' }), { name: 'bomb' }]);
      await refused(files.putTar('', huge), 413, 'payload_too_large');
      expect(await names('')).toEqual([]);
    });

    it('is not unpacked over what is in its way, nor into a file', async () => {
      await inside('mkdir -p d/sub/full; echo x > d/file; touch d/sub/full/x; mkfifo pipe');
      const before = await tree('.');
      await refused(files.putTar('d', tarOf([{ name: 'new', content: 'x' }, { name: 'sub/full', content: 'x' }])), 409, 'is_a_directory');
      await refused(files.putTar('d', tarOf([{ name: 'new', content: 'x' }, { name: 'file/x', content: 'x' }])), 409, 'not_a_directory');
      await refused(files.putTar('d/file', tarOf([file])), 409, 'not_a_directory');
      await refused(files.putTar('pipe', tarOf([file])), 409, 'not_a_directory');
      await refused(tar('d/file'), 409, 'not_a_directory');
      await refused(tar('nothing'), 404, 'file_not_found');
      expect(await tree('.')).toBe(before);
    });

    it('that is cut off changes nothing', async () => {
      const sending = files.upload('d', { 'content-type': 'application/x-tar', 'content-length': 10 * MIB });
      sending.on('error', () => undefined);
      sending.write(tarOf([file, { name: 'half', size: 5 * MIB }], { end: false }));
      await until('it is being unpacked', async () => (await inside('ls -a')).includes('.devforge-unpack-'));
      sending.destroy();
      await until('it is gone', async () => !(await inside('ls -a')).includes('.devforge-unpack-'));
      expect(await names('')).toEqual([]);
    });

    it('whose unpacking was killed is cleared away by the next one', async () => {
      await inside('mkdir -p .devforge-unpack-0/x; touch .devforge-unpack-0/x/file; touch -d "1 hour ago" .devforge-unpack-0; pkill -f "[d]evforge-files" || true');
      await until('helpers are gone', async () => !(await inside('ps -eo args')).includes('devforge-files'));
      expect((await files.putTar('', tarOf([file]))).status).toBe(200);
      expect((await inside('ls -A')).trim()).toBe('good');
    });

    it('without all that is there is not made', async () => {
      await inside('mkdir -p d/closed; echo x > d/secret; chmod 000 d/secret');
      await refused(tar('d'), 403, 'file_not_accessible');
      await inside('chmod 600 d/secret; chmod 000 d/closed');
      await refused(tar('d'), 403, 'file_not_accessible');
    });
  });

  describe('the workspace has an end', () => {
    it.each(['..', '../etc/passwd', 'a/../../etc', '/etc/passwd', '/', '/workspaces/x', '/workspace/../etc/passwd', '//etc', '/proc/self/environ', 'a/..'])('at %j', async (path) => {
      await refused(files.get(path), 400, 'path_outside_workspace');
      await refused(files.get(path, { accept: 'application/x-tar' }), 400, 'path_outside_workspace');
      await refused(files.put(path, 'x'), 400, 'path_outside_workspace');
      await refused(files.putTar(path, tarOf([{ name: 'x' }])), 400, 'path_outside_workspace');
      await refused(files.remove(path), 400, 'path_outside_workspace');
    });

    it('behind every kind of link', async () => {
      await inside('mkdir sub; ln -s /etc abs; ln -s ../etc rel; ln -s ../../etc sub/rel; ln -s abs/passwd chain; ln -s /proc/self/root proc; ln -s / root; ln -s .. up; ln -s /tmp/new dangling; ln -s /dev/zero device; ln -s sub/../../tmp/x detour');
      for (const path of ['abs/passwd', 'rel/passwd', 'sub/rel/passwd', 'chain', 'proc/etc/passwd', 'root/workspace/sub', 'up/etc/passwd', 'dangling', 'device', 'detour', 'abs']) {
        await refused(files.get(path), 400, 'path_outside_workspace');
        await refused(files.get(path, { accept: 'application/x-tar' }), 400, 'path_outside_workspace');
        await refused(files.put(path, 'x'), 400, 'path_outside_workspace');
        await refused(files.putTar(path, tarOf([{ name: 'x' }])), 400, 'path_outside_workspace');
        await refused(files.remove(`${path}/x`), 400, 'path_outside_workspace');
      }
      await refused(files.put('abs/new', 'x'), 400, 'path_outside_workspace');
      await refused(files.put('up/tmp/a/b/new', 'x'), 400, 'path_outside_workspace');
    });

    it('also for those who move things while one looks', async () => {
      await inside('mkdir real /tmp/secret; echo public > real/file; echo secret > /tmp/secret/file');
      const race = 'while :; do ln -sfn /tmp/secret swap; rm -f swap; mkdir swap; echo public > swap/file; rm -r swap; ln -sfn real swap; rm -f swap; done';
      await inside(`(setsid bash -c '${race}' > /dev/null 2>&1 &)`);
      const seen = new Set<string>();
      for (let round = 0; round < 60; round++) {
        const answers = await Promise.all([files.get('swap/file'), files.put('swap/file', 'public\n'), files.put('swap/new/file', 'x'), files.remove('swap/file'), files.putTar('swap', tarOf([{ name: 'file', content: 'public\n' }])), files.get('swap', { accept: 'application/x-tar' })]);
        for (const answer of answers) {
          expect({ status: answer.status, body: answer.status < 500 ? '' : answer.bytes.toString() }).toMatchObject({ body: '' });
          expect(answer.bytes.includes('secret\n')).toBe(false);
          seen.add(codeOf(answer).code);
        }
      }
      await inside('pkill -f [s]ecret || true; sleep 0.2; chmod -R u+rwx swap 2>/dev/null || true');
      expect(seen).toContain('path_outside_workspace');
      expect(seen).toContain('');
      expect(await inside('ls /tmp/secret; cat /tmp/secret/file; rm -r /tmp/secret')).toBe('file\nsecret\n');
      await inside('touch /tmp/outside-mark');
    }, 120_000);

    it('and is not removed itself', async () => {
      for (const path of ['', '/workspace', '/workspace/', '.', './.']) expect(codeOf(await files.remove(path))).toEqual({ status: 400, code: 'validation_failed' });
      await inside('ln -s . here; ln -s /workspace there');
      expect((await files.remove('here')).status).toBe(204);
      expect((await files.remove('there')).status).toBe(204);
    });
  });

  describe('what is refused', () => {
    it('a FIFO, a socket and what is behind them, at once', async () => {
      await inside('mkfifo fifo; python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\'socket\')"');
      for (const path of ['fifo', 'socket']) {
        await refused(files.get(path), 409, 'special_file');
        await refused(files.put(path, 'x'), 409, 'special_file');
        await refused(files.get(`${path}/x`), 409, 'not_a_directory');
        expect((await files.remove(path)).status).toBe(204);
      }
    });

    it('what is not there, not open, or something else', async () => {
      await inside('mkdir d closed; echo x > file; echo x > d/secret; chmod 000 d/secret; chmod 500 closed; ln -s loop loop');
      await refused(files.get('nothing'), 404, 'file_not_found');
      await refused(files.remove('nothing/at/all'), 404, 'file_not_found');
      await refused(files.get('file/x'), 409, 'not_a_directory');
      await refused(files.put('file/x', 'x'), 409, 'not_a_directory');
      await refused(files.put('d', 'x'), 409, 'is_a_directory');
      await refused(files.put('', 'x'), 409, 'is_a_directory');
      await refused(files.get('d/secret'), 403, 'file_not_accessible');
      await refused(files.put('closed/new', 'x'), 403, 'file_not_accessible');
      for (const path of ['loop', 'x'.repeat(256), 'x'.repeat(5_000), 'a\u0000b']) await refused(files.get(path), 400, 'validation_failed');
      await refused(files.put('name/', 'x'), 400, 'validation_failed');
    });

    it('what is no query, and what is packed', async () => {
      const ask = (query: string) => server.api.request('GET', `/api/containers/${container.id}/files?${query}`);
      for (const query of ['path=a&path=b', 'other=1', 'path[]=a']) expect((await ask(query)).status).toBe(400);
      await refused(files.put('x', 'x', { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type');
      expect(await names('')).toEqual([]);
    });

    it('what does not fit, however it is sent', async () => {
      const small = await running({ diskLimit: 256 });
      const its = new FilesClient(server.devforge.url, server.devforge.token, small.id);
      expect(await its.send('big', Readable.from([Buffer.alloc(1_000)]), { 'content-length': 300 * MIB })).toMatchObject({ status: 413 });
      await inside('fallocate -l 230M filling', small);
      expect(await its.send('big', Readable.from([Buffer.alloc(1_000)]), { 'content-length': 40 * MIB })).toMatchObject({ status: 413 });
      const block = Buffer.alloc(MIB);
      const answer = await its.send('big', Readable.from(Array.from({ length: 40 }, () => block)));
      expect(answer).toMatchObject({ status: 413, text: expect.stringContaining('payload_too_large') });
      expect(json<Listing>(await its.get('')).entries.map(({ name }) => name)).toEqual(['filling']);
      ok(await server.api.remove(small.id));
    }, 120_000);

    it('what a full disk does not take', async () => {
      const full = await running();
      ok(await server.api.stop(full.id));
      const name = `devforge-${full.id}-workspace`;
      const { docker } = server.engine;
      const { Labels } = await docker.getVolume(name).inspect();
      await docker.getContainer(full.dockerId!).remove({ v: true });
      await docker.getVolume(name).remove();
      await docker.createVolume({ Name: name, Driver: 'local', Labels, DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=8m,uid=1000,gid=1000' } });
      await server.api.waitForStatus(full.id, 'missing');
      const again = ok(await server.api.start(full.id));
      const its = new FilesClient(server.devforge.url, server.devforge.token, full.id);
      await its.put('kept', 'kept');
      await refused(its.put('kept', randomBytes(12 * MIB)), 507, 'disk_full');
      await refused(its.putTar('', tarOf([{ name: 'big', content: randomBytes(12 * MIB) }])), 507, 'disk_full');
      expect((await its.get('kept')).bytes.toString()).toBe('kept');
      expect(await inside('ls -A /workspace', again)).toBe('kept\n');
      ok(await server.api.remove(full.id));
    }, 120_000);

    it('a container that does not run, is not there, or cannot do it yet', async () => {
      const stopped = await running();
      ok(await server.api.stop(stopped.id));
      const its = new FilesClient(server.devforge.url, server.devforge.token, stopped.id);
      const answers = [await its.get(''), await its.put('x', 'x'), await its.remove('x'), await its.putTar('', tarOf([]))];
      for (const answer of answers) expect([codeOf(answer), json(answer)]).toEqual([{ status: 409, code: 'invalid_state' }, expect.objectContaining({ currentStatus: 'stopped' })]);
      ok(await server.api.remove(stopped.id));
      await refused(new FilesClient(server.devforge.url, server.devforge.token, uniqueName()).get(''), 404, 'container_not_found');
      const program = '/usr/local/bin/devforge-files';
      await server.engine.exec(container.dockerId!, ['sh', '-c', `mv ${program} ${program}.away; pkill -f [d]evforge-files || true`], { user: '0' });
      await refused(files.get(''), 409, 'image_outdated');
      await server.engine.exec(container.dockerId!, ['mv', `${program}.away`, program], { user: '0' });
      expect((await files.get('')).status).toBe(200);
    }, 60_000);
  });

  it('are had again after the container was stopped and started, and when helpers die', async () => {
    await files.put('file', 'one');
    await inside('pkill -9 -f [d]evforge-files');
    expect((await files.get('file')).bytes.toString()).toBe('one');
    ok(await server.api.stop(container.id));
    await refused(files.get('file'), 409, 'invalid_state');
    container = ok(await server.api.start(container.id));
    await inside('touch /tmp/outside-mark');
    expect((await files.get('file')).bytes.toString()).toBe('one');
  }, 60_000);
});

/** The resident memory of a process in MB, looked at often. */
function watchMemory(pid: number): { settled: () => Promise<number>; highest: () => number; stop: () => void } {
  const read = (): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  let highest = read();
  const timer = setInterval(() => (highest = Math.max(highest, read())), 20);
  return {
    settled: async () => {
      await delay(500);
      return (highest = read());
    },
    highest: () => highest,
    stop: () => clearInterval(timer),
  };
}
