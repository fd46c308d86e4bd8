const BLOCK = 512;

export interface TarMember {
  name: string | Buffer;
  /** The letter of the header: `0` a file, `1` a hard link, `2` a link, `3` a device, `5` a directory, `6` a FIFO, … */
  type?: string;
  link?: string;
  content?: Buffer | string;
  /** When the header is to lie about the content. */
  size?: number;
  mode?: number;
  magic?: string;
}

/** A tar archive, byte by byte as its maker wants it, since hostile ones are not made by libraries. */
export function tarOf(members: TarMember[], { end = true } = {}): Buffer {
  return Buffer.concat([...members.map(member), ...(end ? [Buffer.alloc(2 * BLOCK)] : [])]);
}

/** An extended header of POSIX, with records for the member after it. */
export function paxOf(records: Record<string, string>): TarMember {
  const lines = Object.entries(records).map(([name, value]) => {
    const rest = ` ${name}=${value}\n`;
    const length = (digits: number): number => Buffer.byteLength(rest) + digits;
    const digits = String(length(String(length(1)).length)).length;
    return `${length(digits)}${rest}`;
  });
  return { name: 'PaxHeader', type: 'x', content: lines.join('') };
}

function member({
  name,
  type = '0',
  link = '',
  content = '',
  size,
  mode = 0o644,
  magic = 'ustar\x0000',
}: TarMember): Buffer {
  const data = Buffer.from(content as string);
  const header = Buffer.alloc(BLOCK);
  header.set(Buffer.from(name as string).subarray(0, 100), 0);
  header.write(mode.toString(8).padStart(7, '0'), 100);
  header.write('0001750', 108);
  header.write('0001750', 116);
  writeSize(header, size ?? data.length);
  header.write('00000000001', 136);
  header.write('        ', 148);
  header.write(type, 156, 'latin1');
  header.write(link, 157);
  header.write(magic, 257, 'latin1');
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)]);
}

function writeSize(header: Buffer, size: number): void {
  if (size < 8 ** 11) header.write(size.toString(8).padStart(11, '0'), 124);
  else {
    header[124] = 0x80;
    header.writeBigUInt64BE(BigInt(size), 128);
  }
}
