/** The parts of the egress gateway that decide, with what an attacker might send. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';

interface Denial {
  seq: number;
  host: string;
  attempts: number;
}
interface Denials {
  add(reason: string, host: string, port: number, now?: number): void;
  after(seq: number): Denial[];
}
interface Programs {
  isPublic(address: string): boolean;
  matches(pattern: string, host: string): boolean;
  parseAuthority(authority: string): { host: string; port: number } | undefined;
  PrivateHosts: new (entries: string[]) => { has(host: string, address: string): boolean };
  readClientHello(bytes: Buffer): { kind: string; name?: string };
  Policy: new (egress: object) => object;
  relay(
    workspace: object,
    client: Socket,
    server: Socket,
    target: { host: string; port: number },
    head: Buffer,
  ): Promise<void>;
  Denials: new (file: string, onDenial: (denial: Denial) => void) => Denials;
}

const MINUTE_MS = 60_000;
const FOLDER = '../../images/workspace/gateway';

/** Programs of the image have no declarations. */
async function load(): Promise<Programs> {
  const modules = await Promise.all(
    ['addresses', 'client-hello', 'denials', 'policy', 'tunnel'].map(
      (name) => import(`${FOLDER}/${name}.mjs`) as Promise<object>,
    ),
  );
  return Object.assign({}, ...modules) as Programs;
}

/** What a real client sends first. */
async function clientHello(servername: string | undefined): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    ...(servername === undefined ? {} : { servername }),
  });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [import('node:net').Socket];
  const [hello] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return hello;
}

/** Both ends of a connection. */
async function pair(): Promise<[Socket, Socket]> {
  const listener = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const near = connectTcp((listener.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(listener, 'connection')) as [Socket];
  listener.close();
  for (const socket of [near, far]) socket.on('error', () => undefined);
  return [near, far];
}

describe('the egress gateway', () => {
  let programs: Programs;
  let folder: string;

  beforeAll(async () => {
    programs = await load();
    folder = await mkdtemp(join(tmpdir(), 'devforge-gateway-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([
    ['93.184.216.34', true],
    ['2606:2800:220:1::1', true],
    ['0.0.0.0', false],
    ['10.255.255.255', false],
    ['100.64.0.1', false],
    ['127.8.8.8', false],
    ['169.254.169.254', false],
    ['172.31.0.1', false],
    ['172.32.0.1', true],
    ['192.168.1.1', false],
    ['198.18.0.1', false],
    ['224.0.0.1', false],
    ['255.255.255.255', false],
    ['::', false],
    ['::1', false],
    ['::ffff:93.184.216.34', false],
    ['64:ff9b::1', false],
    ['fe80::1', false],
    ['fd00::1', false],
    ['ff02::1', false],
    ['2001:db8::1', false],
    ['2002:7f00:1::1', false],
    ['2001:0:1::1', false],
    ['not an address', false],
  ])('takes %s for public: %s', (address, expected) => {
    expect(programs.isPublic(address)).toBe(expected);
  });

  it.each([
    ['example.org', 'example.org', true],
    ['example.org', 'www.example.org', false],
    ['*.example.org', 'a.b.example.org', true],
    ['*.example.org', 'example.org', false],
    ['*.example.org', 'badexample.org', false],
    ['*.example.org', 'example.org.evil.test', false],
    ['*.0.0.1', '127.0.0.1', false],
  ])('matches the pattern %s with %s: %s', (pattern, host, expected) => {
    expect(programs.matches(pattern, host)).toBe(expected);
  });

  it.each([
    ['Example.ORG.:443', { host: 'example.org', port: 443 }],
    ['0x7f.1:80', { host: '127.0.0.1', port: 80 }],
    ['2130706433:80', { host: '127.0.0.1', port: 80 }],
    ['[::FFFF:127.0.0.1]:80', { host: '::ffff:7f00:1', port: 80 }],
    ['bücher.example:443', { host: 'xn--bcher-kva.example', port: 443 }],
    ['example.org', undefined],
    ['example.org:0', undefined],
    ['example.org:65536', undefined],
    ['user@example.org:443', undefined],
    ['example.org/path:443', undefined],
    ['example.org:443:443', undefined],
    ['exa mple.org:443', undefined],
    [':443', undefined],
  ])('reads the authority %s', (authority, expected) => {
    expect(programs.parseAuthority(authority)).toEqual(expected);
  });

  it('lets the operator name hosts, addresses and networks', () => {
    const hosts = new programs.PrivateHosts(['git.test', '*.inner.test', '10.1.0.0/16', '192.168.7.7', 'fd00::/8']);
    expect(hosts.has('git.test', '127.0.0.1')).toBe(true);
    expect(hosts.has('a.inner.test', '172.17.0.1')).toBe(true);
    expect(hosts.has('other.test', '10.1.2.3')).toBe(true);
    expect(hosts.has('other.test', 'fd00::5')).toBe(true);
    expect(hosts.has('other.test', '192.168.7.7')).toBe(true);
    for (const address of ['10.2.0.1', '192.168.7.8', '127.0.0.1', '::1'])
      expect(hosts.has('other.test', address)).toBe(false);
  });

  it('reads the server name of a handshake, however it arrives', async () => {
    const hello = await clientHello('Allowed.TEST');
    const { readClientHello } = programs;
    for (let length = 1; length < hello.length; length++)
      expect(readClientHello(hello.subarray(0, length))).toEqual({ kind: 'incomplete' });
    const expected = { kind: 'hello', name: 'allowed.test' };
    expect(readClientHello(hello)).toEqual(expected);
    expect(readClientHello(Buffer.concat([hello, Buffer.from('later')]))).toEqual(expected);
    // One message in several records.
    const message = hello.subarray(5);
    const records = [message.subarray(0, 3), message.subarray(3, 90), message.subarray(90)].map((part) => {
      const header = Buffer.from([22, 3, 1, 0, 0]);
      header.writeUInt16BE(part.length, 3);
      return Buffer.concat([header, part]);
    });
    expect(readClientHello(Buffer.concat(records))).toEqual(expected);
    expect(readClientHello(await clientHello(undefined))).toEqual({ kind: 'hello', name: undefined });
  });

  it('survives every handshake with a byte that is not what it should be, and never takes one for another name', async () => {
    const hello = await clientHello('allowed.test');
    const at = hello.indexOf('allowed.test');
    const taken = [];
    for (let index = 0; index < hello.length; index++)
      for (const value of [0, 1, 127, 255]) {
        const broken = Buffer.from(hello);
        broken[index] = value;
        const { name } = programs.readClientHello(broken);
        const isInName = index >= at && index < at + 'allowed.test'.length;
        if (name !== undefined && name !== 'allowed.test' && !isInName) taken.push({ index, value, name });
      }
    expect(taken).toEqual([]);
  });

  it.each([
    ['git.test', 443, 'SSH-2.0-x\r\n', 'carried'],
    ['git.test', 443, 'GET / HTTP/1.1\r\n\r\n', 'protocol'],
    ['git.test', 443, 'SSX-2.0-x\r\n', 'protocol'],
    ['any.suffix.test', 443, 'SSH-2.0-x\r\n', 'protocol'],
    ['any.suffix.test', 22, 'SSH-2.0-x\r\n', 'carried'],
  ])('takes SSH at port 443 only to a host that a rule names: %s:%i, %j: %s', async (host, port, said, expected) => {
    const allow = [
      { host: 'git.test', ports: [443] },
      { host: '*.suffix.test', ports: [22, 443] },
    ];
    const denied: string[] = [];
    const workspace = {
      policy: new programs.Policy({ mode: 'restricted', allow, privateHosts: [] }),
      enter: () => () => undefined,
      deny: ({ reason }: { reason: string }) => denied.push(reason),
    };
    const [client, clientEnd] = await pair();
    const [serverEnd, server] = await pair();
    const got = once(server, 'data').then(([bytes]) => String(bytes));
    const closed = once(server, 'end').then(() => 'closed');
    const relayed = programs.relay(workspace, clientEnd, serverEnd, { host, port }, Buffer.alloc(0));
    // In two parts, as any connection may bring it.
    client.write(said.slice(0, 2), () => setImmediate(() => client.write(said.slice(2))));
    await relayed;
    await expect(Promise.race([got, closed])).resolves.toBe(expected === 'carried' ? said : 'closed');
    expect(denied).toEqual(expected === 'carried' ? [] : [expected]);
    for (const socket of [client, clientEnd, serverEnd, server]) socket.destroy();
  });

  it('counts the repeats of a refusal, bounds them, and keeps the latest of them', async () => {
    const file = join(folder, 'w.denials');
    const seen: Denial[] = [];
    const denials = new programs.Denials(file, (denial) => seen.push(denial));
    const begun = Date.now();
    for (let times = 0; times < 5; times++) denials.add('not_allowed', 'a.test', 443, begun);
    denials.add('not_allowed', 'a.test', 443, begun + MINUTE_MS);
    expect(seen.map(({ seq, attempts }) => [seq, attempts])).toEqual([
      [1, 1],
      [2, 5],
    ]);
    for (let host = 0; host < 1_000; host++) denials.add('not_allowed', `${host}.test`, 443, begun + MINUTE_MS);
    expect(seen).toHaveLength(121);
    for (let host = 0; host < 1_000; host++)
      denials.add('not_allowed', `x${host}.test`, 443, begun + (host + 3) * MINUTE_MS);
    expect(denials.after(0)).toHaveLength(500);
    expect(denials.after(1_120).map(({ seq }) => seq)).toEqual([1_121]);
    expect((await readFile(file, 'utf8')).split('\n').length).toBeLessThan(1_100);
    // The last line of a gateway that was killed, and a receiver that knows more than the file.
    await appendFile(file, '{"seq":112');
    const again = new programs.Denials(file, (denial) => seen.push(denial));
    expect(again.after(2_000)).toEqual([]);
    again.add('not_allowed', 'b.test', 443);
    expect(seen.at(-1)).toMatchObject({ seq: 2_001, host: 'b.test' });
  });
});
