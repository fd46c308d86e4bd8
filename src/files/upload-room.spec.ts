import { beforeEach, describe, expect, it } from '@jest/globals';
import { buffer } from 'node:stream/consumers';
import { containerRow } from '../../test/support/rows.js';
import type { DiskUsage } from '../usage/disk-usage.js';
import { UploadRoom } from './upload-room.js';

const MIB = 1024 * 1024;

async function* pieces(count: number): AsyncGenerator<Buffer> {
  for (let sent = 0; sent < count; sent += 1) yield Buffer.alloc(MIB);
}

describe('UploadRoom', () => {
  const row = containerRow({ diskLimit: 100 });
  const { signal } = new AbortController();
  let usedMB: { last: number | undefined; now: number };
  let measurements: number;
  let room: UploadRoom;

  beforeEach(() => {
    measurements = 0;
    room = new UploadRoom({
      last: () => usedMB.last,
      measure: async () => {
        measurements += 1;
        return usedMB.now;
      },
    } as unknown as DiskUsage);
  });

  describe('for a file', () => {
    it.each<[string, number | undefined, number, number, number]>([
      ['nothing is known', undefined, 0, 100, 0],
      ['there is room by the last figure', 90, 0, 10, 0],
      ['there is room by now', 100, 40, 60, 1],
    ])('of known length is what the disk limit leaves, when %s', async (_, last, now, expectedMB, measured) => {
      usedMB = { last, now };
      await expect(room.forFile(row, { body: pieces(0), length: 5 * MIB }, signal)).resolves.toMatchObject({
        maxBytes: expectedMB * MIB,
      });
      expect(measurements).toBe(measured);
    });

    it('of known length is refused when not even a new measurement leaves enough', async () => {
      usedMB = { last: 0, now: 95 };
      await expect(room.forFile(row, { body: pieces(0), length: 101 * MIB }, signal)).rejects.toMatchObject({
        code: 'payload_too_large',
        message: expect.stringContaining('5 MB'),
      });
    });

    it('of unknown length is measured again only when it becomes larger than the last figure leaves', async () => {
      usedMB = { last: 95, now: 40 };
      const small = await room.forFile(row, { body: pieces(5), length: undefined }, signal);
      expect((await buffer(small.body)).length).toBe(5 * MIB);
      expect(measurements).toBe(0);
      const large = await room.forFile(row, { body: pieces(60), length: undefined }, signal);
      expect((await buffer(large.body)).length).toBe(60 * MIB);
      expect(measurements).toBe(1);
    });

    it('of unknown length ends as soon as it is too large', async () => {
      usedMB = { last: 120, now: 97 };
      const { body } = await room.forFile(row, { body: pieces(50), length: undefined }, signal);
      const sent: number[] = [];
      const sending = (async () => {
        for await (const piece of body) sent.push(piece.length);
      })();
      await expect(sending).rejects.toMatchObject({ code: 'payload_too_large' });
      expect(sent).toHaveLength(3);
    });
  });

  describe('for an archive', () => {
    it.each<[string, number | undefined, number, number, number]>([
      ['is small, however well it is compressed', 10_000, 80, 20, 0],
      ['could become large', MIB, 80, 90, 1],
      ['is of unknown length', undefined, 80, 90, 1],
    ])('that %s', async (_, length, last, expectedMB, measured) => {
      usedMB = { last, now: 10 };
      await expect(room.forArchive(row, { body: pieces(0), length }, signal)).resolves.toMatchObject({
        maxBytes: expectedMB * MIB,
      });
      expect(measurements).toBe(measured);
    });

    it('is refused when its own length does not fit', async () => {
      usedMB = { last: 0, now: 95 };
      await expect(room.forArchive(row, { body: pieces(0), length: 6 * MIB }, signal)).rejects.toMatchObject({
        code: 'payload_too_large',
      });
    });
  });
});
