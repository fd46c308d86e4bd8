import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import { codeOf, type FilesClient } from '../support/e2e/files-client.js';
import { FilesWorkspace, json, type Listing, refused } from '../support/e2e/files-workspace.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { tarOf } from '../support/e2e/tar.js';
import { until } from '../support/e2e/until.js';

const MIB = 1024 * 1024;

describe('files that are refused', () => {
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

  describe('paths outside the workspace are refused', () => {
    it.each([
      '..',
      '../etc/passwd',
      'a/../../etc',
      '/etc/passwd',
      '/',
      '/workspaces/x',
      '/workspace/../etc/passwd',
      '//etc',
      '/proc/self/environ',
      'a/..',
    ])('at %j', async (path) => {
      await refused(files.get(path), 400, 'path_outside_workspace');
      await refused(files.get(path, { accept: 'application/x-tar' }), 400, 'path_outside_workspace');
      await refused(files.put(path, 'x'), 400, 'path_outside_workspace');
      await refused(files.putTar(path, tarOf([{ name: 'x' }])), 400, 'path_outside_workspace');
      await refused(files.remove(path), 400, 'path_outside_workspace');
    });

    it('through every kind of link', async () => {
      await inside(
        'mkdir sub; ln -s /etc abs; ln -s ../etc rel; ln -s ../../etc sub/rel; ln -s abs/passwd chain; ln -s /proc/self/root proc; ln -s / root; ln -s .. up; ln -s /tmp/new dangling; ln -s /dev/zero device; ln -s sub/../../tmp/x detour',
      );
      for (const path of [
        'abs/passwd',
        'rel/passwd',
        'sub/rel/passwd',
        'chain',
        'proc/etc/passwd',
        'root/workspace/sub',
        'up/etc/passwd',
        'dangling',
        'device',
        'detour',
        'abs',
      ]) {
        await refused(files.get(path), 400, 'path_outside_workspace');
        await refused(files.get(path, { accept: 'application/x-tar' }), 400, 'path_outside_workspace');
        await refused(files.put(path, 'x'), 400, 'path_outside_workspace');
        await refused(files.putTar(path, tarOf([{ name: 'x' }])), 400, 'path_outside_workspace');
        await refused(files.remove(`${path}/x`), 400, 'path_outside_workspace');
      }
      await refused(files.put('abs/new', 'x'), 400, 'path_outside_workspace');
      await refused(files.put('up/tmp/a/b/new', 'x'), 400, 'path_outside_workspace');
    });

    it('also when entries are swapped during the check', async () => {
      await inside('mkdir real /tmp/secret; echo public > real/file; echo secret > /tmp/secret/file');
      const race =
        'while :; do ln -sfn /tmp/secret swap; rm -f swap; mkdir swap; echo public > swap/file; rm -r swap; ln -sfn real swap; rm -f swap; done';
      await inside(`(setsid bash -c '${race}' > /dev/null 2>&1 &)`);
      const seen = new Set<string>();
      for (let round = 0; round < 60; round++) {
        const answers = await Promise.all([
          unlessBrokenOff(files.get('swap/file')),
          files.put('swap/file', 'public\n'),
          files.put('swap/new/file', 'x'),
          files.remove('swap/file'),
          files.putTar('swap', tarOf([{ name: 'file', content: 'public\n' }])),
          unlessBrokenOff(files.get('swap', { accept: 'application/x-tar' })),
          unlessBrokenOff(files.get('', { accept: 'application/x-tar' })),
        ]);
        for (const answer of answers) {
          if (answer === undefined) continue;
          expect({ status: answer.status, body: answer.status < 500 ? '' : answer.bytes.toString() }).toMatchObject({
            body: '',
          });
          expect(answer.bytes.includes('secret\n')).toBe(false);
          seen.add(codeOf(answer).code);
        }
      }
      await inside('pkill -f [s]ecret || true; sleep 0.2; chmod -R u+rwx swap 2>/dev/null || true');
      expect(seen).toContain('path_outside_workspace');
      expect(seen).toContain('');
      expect(await inside('ls /tmp/secret; cat /tmp/secret/file; rm -r /tmp/secret')).toBe('file\nsecret\n');
      await workspace.mark();
    }, 240_000);

    it('and the workspace itself cannot be removed', async () => {
      for (const path of ['', '/workspace', '/workspace/', '.', './.'])
        expect(codeOf(await files.remove(path))).toEqual({ status: 400, code: 'validation_failed' });
      await inside('ln -s . here; ln -s /workspace there');
      expect((await files.remove('here')).status).toBe(204);
      expect((await files.remove('there')).status).toBe(204);
    });
  });

  describe('requests are refused', () => {
    it('for FIFOs, sockets and paths below them, without waiting', async () => {
      await inside('mkfifo fifo; python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\'socket\')"');
      for (const path of ['fifo', 'socket']) {
        await refused(files.get(path), 409, 'special_file');
        await refused(files.put(path, 'x'), 409, 'special_file');
        await refused(files.get(`${path}/x`), 409, 'not_a_directory');
        expect((await files.remove(path)).status).toBe(204);
      }
    });

    it('for entries that are missing, unreadable or of another type', async () => {
      await inside(
        'mkdir d closed; echo x > file; echo x > d/secret; chmod 000 d/secret; chmod 500 closed; ln -s loop loop',
      );
      await refused(files.get('nothing'), 404, 'file_not_found');
      await refused(files.remove('nothing/at/all'), 404, 'file_not_found');
      await refused(files.get('file/x'), 409, 'not_a_directory');
      await refused(files.put('file/x', 'x'), 409, 'not_a_directory');
      await refused(files.put('d', 'x'), 409, 'is_a_directory');
      await refused(files.put('', 'x'), 409, 'is_a_directory');
      await refused(files.get('d/secret'), 403, 'file_not_accessible');
      await refused(files.put('closed/new', 'x'), 403, 'file_not_accessible');
      for (const path of ['loop', 'x'.repeat(256), 'x'.repeat(5_000), 'a\u0000b'])
        await refused(files.get(path), 400, 'validation_failed');
      await refused(files.put('name/', 'x'), 400, 'validation_failed');
    });

    it('for invalid queries, compressed bodies and forms', async () => {
      const ask = (query: string) =>
        workspace.server.api.request('GET', `/api/containers/${workspace.container.id}/files?${query}`);
      for (const query of ['path=a&path=b', 'other=1', 'path[]=a']) expect((await ask(query)).status).toBe(400);
      await refused(files.put('x', 'x', { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type');
      const form = await files.put('x', 'x', { 'content-type': 'multipart/form-data; boundary=x' });
      expect([codeOf(form), form.bytes.toString()]).toEqual([
        { status: 415, code: 'unsupported_media_type' },
        expect.stringContaining('the bytes of one file'),
      ]);
      for (const condition of ['if-match', 'if-none-match', 'if-unmodified-since'])
        await refused(files.put('x', 'x', { [condition]: 'x' }), 400, 'validation_failed');
      expect(await names('')).toEqual([]);
    });

    it('for content that exceeds the limit, however it is sent', async () => {
      const small = await workspace.running({ diskLimit: 256 });
      const its = workspace.filesOf(small);
      expect(
        await its.send('big', Readable.from([Buffer.alloc(1_000)]), { 'content-length': 300 * MIB }),
      ).toMatchObject({ status: 413 });
      await inside('fallocate -l 230M filling', small);
      await until(
        'that is known',
        async () =>
          ok(
            await workspace.server.api.request<{ disk: { usedMB: number } }>(
              'GET',
              `/api/containers/${small.id}/metrics`,
            ),
          ).disk.usedMB >= 230,
        60_000,
      );
      expect(await its.send('big', Readable.from([Buffer.alloc(1_000)]), { 'content-length': 40 * MIB })).toMatchObject(
        { status: 413 },
      );
      const block = Buffer.alloc(MIB);
      const answer = await its.send('big', Readable.from(Array.from({ length: 40 }, () => block)));
      expect(answer).toMatchObject({ status: 413, text: expect.stringContaining('payload_too_large') });
      expect(json<Listing>(await its.get('')).entries.map(({ name }) => name)).toEqual(['filling']);
      // What was freed counts at once, although it is measured only now and then.
      await inside('rm filling', small);
      expect(await its.send('big', Readable.from(Array.from({ length: 40 }, () => block)))).toMatchObject({
        status: 201,
      });
      ok(await workspace.server.api.remove(small.id));
    }, 240_000);

    it('for content that a full disk cannot store', async () => {
      const full = await workspace.running();
      ok(await workspace.server.api.stop(full.id));
      const name = `devforge-${full.id}-workspace`;
      const { docker } = workspace.server.engine;
      const { Labels } = await docker.getVolume(name).inspect();
      await docker.getContainer(full.dockerId!).remove({ v: true });
      await docker.getVolume(name).remove();
      await docker.createVolume({
        Name: name,
        Driver: 'local',
        Labels,
        DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=8m,uid=1000,gid=1000' },
      });
      await workspace.server.api.waitForStatus(full.id, 'missing');
      const again = ok(await workspace.server.api.start(full.id));
      const its = workspace.filesOf(full);
      await its.put('kept', 'kept');
      await refused(its.put('kept', randomBytes(12 * MIB)), 507, 'disk_full');
      await refused(its.putTar('', tarOf([{ name: 'big', content: randomBytes(12 * MIB) }])), 507, 'disk_full');
      expect((await its.get('kept')).bytes.toString()).toBe('kept');
      expect(await inside('ls -A /workspace', again)).toBe('kept\n');
      ok(await workspace.server.api.remove(full.id));
    }, 240_000);

    it('for containers that are stopped, unknown or of an older image', async () => {
      const stopped = await workspace.running();
      ok(await workspace.server.api.stop(stopped.id));
      const its = workspace.filesOf(stopped);
      const answers = [
        await its.get(''),
        await its.put('x', 'x'),
        await its.remove('x'),
        await its.putTar('', tarOf([])),
      ];
      for (const answer of answers)
        expect([codeOf(answer), json(answer)]).toEqual([
          { status: 409, code: 'invalid_state' },
          expect.objectContaining({ currentStatus: 'stopped' }),
        ]);
      ok(await workspace.server.api.remove(stopped.id));
      await refused(workspace.filesOf({ id: uniqueName() }).get(''), 404, 'container_not_found');
      const program = '/usr/local/bin/devforge-files';
      await workspace.server.engine.exec(
        workspace.container.dockerId!,
        ['sh', '-c', `mv ${program} ${program}.away; pkill -f [d]evforge-files || true`],
        { user: '0' },
      );
      await refused(files.get(''), 409, 'image_outdated');
      await workspace.server.engine.exec(workspace.container.dockerId!, ['mv', `${program}.away`, program], {
        user: '0',
      });
      expect((await files.get('')).status).toBe(200);
    }, 180_000);
  });
});

/** The answer, or undefined where the server broke it off: the files that it had announced changed while they were read. */
async function unlessBrokenOff<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  return answer.catch((error: unknown) => {
    if (error instanceof TypeError && error.message === 'terminated') return undefined;
    throw error;
  });
}
