import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { codeOf, type FilesClient } from '../support/e2e/files-client.js';
import { FilesWorkspace, json, refused } from '../support/e2e/files-workspace.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { paxOf, type TarMember, tarOf } from '../support/e2e/tar.js';
import { until } from '../support/e2e/until.js';

const MIB = 1024 * 1024;

describe('archives of files', () => {
  let workspace: FilesWorkspace;
  let files: FilesClient;
  const inside: FilesWorkspace['inside'] = (script, container) => workspace.inside(script, container);
  const names = (path: string): Promise<string[]> => workspace.names(path);

  beforeAll(async () => {
    workspace = await FilesWorkspace.start();
    ({ files } = workspace);
  }, IMAGE_BUILD_MS);
  afterAll(() => workspace?.server.dispose(), 60_000);
  afterEach(() => workspace.clean(), 60_000);

  const tar = (path: string) => files.get(path, { accept: 'application/x-tar' });
  const tree = (folder: string) =>
    inside(
      `cd ${folder}; find . -mindepth 1 -printf "%P %y %m %l " -exec sh -c 'test -f "$1" -a ! -L "$1" && sha256sum < "$1" || echo' sh {} \\; | sort`,
    );

  const file = { name: 'good', content: 'good' };

  it('of a directory unpacks to the same directory', async () => {
    await inside(
      'mkdir -p a/deep/er a/empty; head -c 1000000 /dev/urandom > a/random; touch a/none; cd a; ln -s deep/er link; ln -s ../../a/random deep/up; ln random hard; chmod 751 deep; chmod 640 random; ' +
        `touch $'bad\\xff' 'with space' $'line\\nbreak' -- -rf 'grüße'; mkfifo fifo; name=$(printf '%0200d' 0); mkdir -p "$name/$name"; echo long > "$name/$name/$name"`,
    );
    const { status, headers, bytes } = await tar('a');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/x-tar']);
    const unpacked = await files.putTar('b', bytes);
    expect([unpacked.status, json(unpacked)]).toEqual([
      200,
      { path: 'b', entries: expect.any(Number), bytes: expect.any(Number) },
    ]);
    await inside('rm a/fifo');
    expect(await tree('b')).toBe(await tree('a'));
    expect(await inside('stat -c %u b b/random; test b/random -ef b/hard && echo same')).toBe('1000\n1000\nsame\n');
  });

  it('of the whole workspace can be downloaded and unpacked', async () => {
    await inside('mkdir -p a/b; echo one > a/b/c');
    const { bytes } = await tar('');
    await inside('rm -r a');
    expect((await files.putTar('', bytes)).status).toBe(200);
    expect(await inside('cat a/b/c')).toBe('one\n');
  });

  it('is merged with existing files', async () => {
    await inside('mkdir -p d/sub; echo kept > d/sub/kept; echo old > d/sub/new; chmod 700 d/sub');
    expect(
      (
        await files.putTar(
          'd',
          tarOf([
            { name: 'sub/', type: '5' },
            { name: 'sub/new', content: 'new\n', mode: 0o755 },
            { name: 'more/deep/file', content: 'x' },
          ]),
        )
      ).status,
    ).toBe(200);
    expect(await inside('cd d; cat sub/kept sub/new; stat -c %a sub/new sub; ls more/deep')).toBe(
      'kept\nnew\n755\n700\nfile\n',
    );
  });

  it.each<[string, TarMember[]]>([
    [
      'the header of POSIX for long names',
      [paxOf({ path: 'long/grüße', mtime: '1.5', comment: 'x' }), { name: 'short', content: 'x' }],
    ],
    [
      'the header of GNU for long names',
      [
        { name: '././@LongLink', type: 'L', content: `long/${'y'.repeat(150)}\0`, magic: 'ustar  \0' },
        { name: 'short', content: 'x', magic: 'ustar  \0' },
      ],
    ],
    [
      'a global header',
      [
        { name: 'g', type: 'g', content: '52 comment=0123456789012345678901234567890123456789\n' },
        { name: 'long/x', content: 'x' },
      ],
    ],
    [
      'no magic at all',
      [
        { name: 'long/', type: '\0', magic: '' },
        { name: 'long/x', type: '\0', content: 'x', magic: '' },
      ],
    ],
  ])('with %s is understood', async (_, members) => {
    expect((await files.putTar('d', tarOf(members))).status).toBe(200);
    expect(await inside('cat d/long/*')).toBe('x');
  });

  it('may contain links that stay inside the workspace', async () => {
    const members = [
      { name: 'sub/up', type: '2', link: '../../there' },
      { name: 'abs', type: '2', link: '/workspace/there' },
      { name: 'file', content: 'x' },
      { name: 'sub/hard', type: '1', link: 'file' },
      { name: 'detour', type: '2', link: 'sub/../sub/./up' },
    ];
    expect((await files.putTar('d', tarOf(members))).status).toBe(200);
    await files.put('there', 'found');
    expect(await inside('cat d/sub/up d/abs d/sub/hard d/detour')).toBe('foundfoundxfound');
  });

  it('may contain absolute links, as a virtual environment of Python does, which are never followed', async () => {
    await inside('python3 -m venv --without-pip venv && mkdir /tmp/there');
    const before = await tree('venv');
    const { bytes } = await tar('venv');
    await inside('rm -r venv');
    expect((await files.putTar('venv', bytes)).status).toBe(200);
    expect(await tree('venv')).toBe(before);
    expect(await inside('venv/bin/python -c "import sys; print(sys.prefix)"')).toBe('/workspace/venv\n');
    const out = tarOf([{ name: 'out', type: '2', link: '/tmp/there' }]);
    expect((await files.putTar('', out)).status).toBe(200);
    expect(await inside('readlink out; rmdir /tmp/there')).toBe('/tmp/there\n');
    await workspace.mark();
    await refused(files.putTar('', tarOf([{ name: 'out/evil', content: 'x' }])), 409, 'not_a_directory');
    await refused(files.put('out/evil', 'x'), 400, 'path_outside_workspace');
    await refused(files.get('out'), 400, 'path_outside_workspace');
  });

  it('may be compressed with gzip, in one piece or several', async () => {
    const archive = tarOf([
      { name: 'random', content: randomBytes(700_000) },
      { name: 'zeros', content: Buffer.alloc(3 * MIB) },
    ]);
    const several = Buffer.concat([
      gzipSync(archive.subarray(0, 100_000)),
      gzipSync(archive.subarray(100_000)),
      Buffer.alloc(512),
    ]);
    expect((await files.putTar('plain', archive)).status).toBe(200);
    expect((await files.putTar('one', gzipSync(archive))).status).toBe(200);
    expect((await files.putTar('several', several)).status).toBe(200);
    expect((await files.putTar('coded', gzipSync(archive), { 'content-encoding': 'gzip' })).status).toBe(200);
    for (const folder of ['one', 'several', 'coded']) expect(await tree(folder)).toBe(await tree('plain'));
  });

  it('that is compressed in another way is refused with its name', async () => {
    const made = 'echo x > file; tar -cf file.tar file; xz -k file.tar';
    await inside(
      `${made}; python3 -c "import shutil; shutil.make_archive('/workspace/file', 'zip', '/workspace', 'file')"`,
    );
    for (const [name, text] of [
      ['file.tar.xz', 'compressed with xz'],
      ['file.zip', 'compressed with zip'],
    ] as const) {
      const answer = await files.putTar('d', (await files.get(name)).bytes);
      expect([codeOf(answer), answer.bytes.toString()]).toEqual([
        { status: 400, code: 'tar_refused' },
        expect.stringContaining(text),
      ]);
    }
    await refused(files.putTar('d', Buffer.alloc(0), { 'content-encoding': 'br' }), 415, 'unsupported_media_type');
  });

  it('is unpacked only under the conditions of the request', async () => {
    await inside('mkdir d');
    await refused(files.putTar('d', tarOf([file]), { 'if-none-match': '*' }), 412, 'precondition_failed');
    await refused(files.putTar('new/one', tarOf([file]), { 'if-match': '*' }), 412, 'precondition_failed');
    expect(await names('')).toEqual(['d']);
    expect((await files.putTar('new/one', tarOf([file]), { 'if-none-match': '*' })).status).toBe(200);
    expect(await names('new/one')).toEqual(['good']);
  });

  it.each<[string, Buffer]>([
    ['..', tarOf([file, { name: '../evil', content: 'x' }])],
    ['.. in the middle', tarOf([file, { name: 'a/../../evil', content: 'x' }])],
    ['.. in a long name', tarOf([file, paxOf({ path: '../../evil' }), { name: 'x', content: 'x' }])],
    ['an absolute name', tarOf([file, { name: '/tmp/evil', content: 'x' }])],
    ['an absolute name in the workspace', tarOf([file, { name: '/workspace/evil', content: 'x' }])],
    ['a link up and out', tarOf([file, { name: 'a/l', type: '2', link: '../../../../../etc' }])],
    [
      'a link out by a detour',
      tarOf([file, { name: 'a/s', type: '2', link: '.' }, { name: 'l', type: '2', link: 'a/s/../..' }]),
    ],
    ['a link out behind a name', tarOf([file, { name: 'l', type: '2', link: 'good/../../../../../../etc' }])],
    [
      'a long link out',
      tarOf([file, paxOf({ linkpath: `../../../../${'x'.repeat(200)}` }), { name: 'l', type: '2', link: 'x' }]),
    ],
    [
      'a link whose detour becomes a link later',
      tarOf([file, { name: 'l', type: '2', link: 's/../x' }, { name: 's', type: '2', link: '/tmp/there' }]),
    ],
    [
      'a file behind an absolute link',
      tarOf([file, { name: 'l', type: '2', link: '/tmp' }, { name: 'l/evil', content: 'x' }]),
    ],
    ['an empty link', tarOf([file, { name: 'l', type: '2', link: '' }])],
    ['a file behind a link', tarOf([file, { name: 'l', type: '2', link: 'good' }, { name: 'l/evil', content: 'x' }])],
    [
      'a file behind a link to a directory',
      tarOf([
        { name: 'd', type: '5' },
        { name: 'l', type: '2', link: 'd' },
        { name: 'l/evil', content: 'x' },
      ]),
    ],
    ['a hard link out', tarOf([file, { name: 'l', type: '1', link: '/etc/passwd' }])],
    ['a hard link up and out', tarOf([file, { name: 'l', type: '1', link: '../../etc/passwd' }])],
    [
      'a hard link to a link',
      tarOf([file, { name: 'a/b/s', type: '2', link: '../../x' }, { name: 'l', type: '1', link: 'a/b/s' }]),
    ],
    ['a hard link to what is not in it', tarOf([file, { name: 'l', type: '1', link: 'present' }])],
    ['a character device', tarOf([file, { name: 'dev', type: '3' }])],
    ['a block device', tarOf([file, { name: 'dev', type: '4' }])],
    ['a FIFO', tarOf([file, { name: 'fifo', type: '6' }])],
    ['a sparse file', tarOf([file, { name: 'sparse', type: 'S' }])],
    ['a kind that nobody knows', tarOf([file, { name: 'what', type: '?' }])],
    ['both a file and a directory', tarOf([file, { name: 'good/below', content: 'x' }])],
    [
      'both a directory and a file',
      tarOf([
        { name: 'd/x', content: 'x' },
        { name: 'd', content: 'x' },
      ]),
    ],
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
    ['truncated compression', gzipSync(tarOf([file])).subarray(0, -9)],
    ['damaged compression', Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), randomBytes(2_000)])],
  ])('with %s is refused, and changes nothing', async (_, archive) => {
    await inside('mkdir -p d/sub; echo old > d/good; touch d/present');
    const before = await tree('.');
    const answer = await files.putTar('d', archive);
    expect(codeOf(answer)).toEqual({ status: 400, code: 'tar_refused' });
    await refused(files.putTar('made/for/it', archive), 400, 'tar_refused');
    expect(await tree('.')).toBe(before);
  });

  it('that exceeds the disk is refused before it is unpacked', async () => {
    const declared = tarOf([file, { name: 'bomb', size: 20 * 1024 ** 3 }], { end: false });
    await refused(files.putTar('', declared), 413, 'payload_too_large');
    const huge = tarOf([paxOf({ size: '999999999999999999' }), { name: 'bomb' }]);
    await refused(files.putTar('', huge), 413, 'payload_too_large');
    await refused(files.putTar('', gzipSync(declared)), 413, 'payload_too_large');
    expect(await names('')).toEqual([]);
  });

  it('is refused when an existing entry is in the way or the target is a file', async () => {
    await inside('mkdir -p d/sub/full; echo x > d/file; touch d/sub/full/x; mkfifo pipe');
    const before = await tree('.');
    await refused(
      files.putTar(
        'd',
        tarOf([
          { name: 'new', content: 'x' },
          { name: 'sub/full', content: 'x' },
        ]),
      ),
      409,
      'is_a_directory',
    );
    await refused(
      files.putTar(
        'd',
        tarOf([
          { name: 'new', content: 'x' },
          { name: 'file/x', content: 'x' },
        ]),
      ),
      409,
      'not_a_directory',
    );
    await refused(files.putTar('d/file', tarOf([file])), 409, 'not_a_directory');
    await refused(files.putTar('pipe', tarOf([file])), 409, 'not_a_directory');
    await refused(tar('d/file'), 409, 'not_a_directory');
    await refused(tar('nothing'), 404, 'file_not_found');
    expect(await tree('.')).toBe(before);
  });

  it('whose upload is aborted changes nothing', async () => {
    const sending = files.upload('d', { 'content-type': 'application/x-tar', 'content-length': 10 * MIB });
    sending.on('error', () => undefined);
    sending.write(tarOf([file, { name: 'half', size: 5 * MIB }], { end: false }));
    await until('it is being unpacked', async () => (await inside('ls -a')).includes('.devforge-unpack-'));
    sending.destroy();
    await until('it is gone', async () => !(await inside('ls -a')).includes('.devforge-unpack-'));
    expect(await names('')).toEqual([]);
  });

  it('whose unpacking was killed is removed by the next one', async () => {
    await inside(
      'mkdir -p .devforge-unpack-0/x; touch .devforge-unpack-0/x/file; touch -d "1 hour ago" .devforge-unpack-0; pkill -f "[d]evforge-files" || true',
    );
    await until('helpers are gone', async () => !(await inside('ps -eo args')).includes('devforge-files'));
    expect((await files.putTar('', tarOf([file]))).status).toBe(200);
    expect((await inside('ls -A')).trim()).toBe('good');
  });

  it('is not created when a file cannot be read', async () => {
    await inside('mkdir -p d/closed; echo x > d/secret; chmod 000 d/secret');
    await refused(tar('d'), 403, 'file_not_accessible');
    await inside('chmod 600 d/secret; chmod 000 d/closed');
    await refused(tar('d'), 403, 'file_not_accessible');
  });
});
