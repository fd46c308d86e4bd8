import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { DiskUsage } from '../usage/disk-usage.js';

const MIB = 1024 * 1024;
/** How many bytes a byte of gzip becomes at most. */
const MAX_EXPANSION = 1_032;

export interface Upload {
  body: AsyncIterable<Buffer>;
  /** Bytes; undefined when the client does not declare it. */
  length: number | undefined;
}

/** What is sent to the file helper, and how much of it the helper may store. */
export interface BoundedUpload {
  body: AsyncIterable<Buffer>;
  maxBytes: number;
}

/**
 * Bounds uploads by what a container's disk limit leaves. The last measurement may be half a minute old, so an upload is
 * refused only by a new one.
 */
@Injectable()
export class UploadRoom {
  constructor(private readonly disk: DiskUsage) {}

  /** @throws DomainError `payload_too_large` when the file does not fit; also its body does, once it turns out not to */
  async forFile(row: ContainerRow, { body, length }: Upload, signal: AbortSignal): Promise<BoundedUpload> {
    if (length === undefined) return { body: this.bounded(row, body, signal), maxBytes: limitOf(row) };
    if (length <= this.known(row)) return { body, maxBytes: this.known(row) };
    return { body, maxBytes: await this.measured(row, length, signal) };
  }

  /** @throws DomainError `payload_too_large` when even the archive itself does not fit */
  async forArchive(row: ContainerRow, { body, length }: Upload, signal: AbortSignal): Promise<BoundedUpload> {
    const fits = length !== undefined && length * MAX_EXPANSION <= this.known(row);
    return { body, maxBytes: fits ? this.known(row) : await this.measured(row, length ?? 0, signal) };
  }

  private async *bounded(
    row: ContainerRow,
    body: AsyncIterable<Buffer>,
    signal: AbortSignal,
  ): AsyncGenerator<Buffer, void> {
    let room = this.known(row);
    let sent = 0;
    for await (const piece of body) {
      sent += piece.length;
      // What was sent so far has no name yet, and is not measured.
      if (sent > room) room = await this.measured(row, sent, signal);
      yield piece;
    }
  }

  private known(row: ContainerRow): number {
    return limitOf(row) - (this.disk.last(row.id) ?? 0) * MIB;
  }

  /** @throws DomainError `payload_too_large` when less than `wanted` */
  private async measured(row: ContainerRow, wanted: number, signal: AbortSignal): Promise<number> {
    const room = Math.max(limitOf(row) - (await this.disk.measure(row, signal)) * MIB, 0);
    if (wanted <= room) return room;
    throw new DomainError('payload_too_large', `The container's disk limit leaves ${Math.floor(room / MIB)} MB.`);
  }
}

function limitOf({ diskLimit }: ContainerRow): number {
  return diskLimit * MIB;
}
