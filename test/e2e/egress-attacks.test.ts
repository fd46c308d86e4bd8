/**
 * What a workspace that is not open must not reach, tried from inside a real one. Whatever must not be reached has a
 * listener, which stays silent.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:net';
import type { WorkspaceRef } from '../../src/drivers/workspace.js';
import { EgressRoom } from '../support/egress/egress-room.js';
import { Listeners } from '../support/egress/listeners.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';

/** `CONNECT` and what comes after it, as a program of Python: prints the status and what came back. */
const CONNECT = `
import json, socket, ssl
def connect(authority, then=b'', host=None):
    s = socket.create_connection(('127.0.0.1', 3128), timeout=20)
    s.sendall(f'CONNECT {authority} HTTP/1.1\\r\\nHost: {host or authority}\\r\\n\\r\\n'.encode())
    answer = b''
    while b'\\r\\n\\r\\n' not in answer:
        chunk = s.recv(4096)
        if not chunk: break
        answer += chunk
    status = int(answer.split()[1])
    if status != 200:
        while True:
            chunk = s.recv(4096)
            if not chunk: break
            answer += chunk
        return status, answer.decode()
    if then:
        s.sendall(then)
        answer = b''
        while True:
            try: chunk = s.recv(4096)
            except OSError: break
            if not chunk: break
            answer += chunk
        return status, answer.hex()
    return status, s
def tls(authority, name):
    status, s = connect(authority)
    if status != 200: return 'refused ' + str(status)
    context = ssl._create_unverified_context()
    try:
        with context.wrap_socket(s, server_hostname=name) as t:
            t.sendall(b'GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')
            return t.recv(100).decode()
    except (OSError, ssl.SSLError) as error:
        return type(error).__name__
`;

describe('egress of a restricted workspace under attack', () => {
  let room: EgressRoom;
  let listeners: Listeners;
  let ref: WorkspaceRef;
  let abstract: Server;
  let names: Record<string, string[]>;

  beforeAll(async () => {
    room = await EgressRoom.open(['*.allowed.test', 'allowed.test', 'other.test']);
    listeners = await Listeners.open(room.host);
    const { httpsPort, httpPort, canaryPort } = listeners;
    abstract = createServer(() => listeners.reached.push('abstract socket')).listen('\0devforge-egress-canary');
    const ports = [httpsPort, httpPort, canaryPort];
    const hosts = ['allowed.test', 'private.test', 'rebinding.test', 'localhost', room.host, '127.0.0.1', '::1'];
    const more = ['169.254.169.254', '10.0.0.1', '::ffff:127.0.0.1', 'fe80::1', '224.0.0.1', '0.0.0.0'];
    ref = await room.workspace({ mode: 'restricted', allow: [...hosts, ...more].map((host) => ({ host, ports })) });
    names = { 'allowed.test': [room.host], 'other.test': [room.host], 'private.test': [room.host] };
    await room.setNames(names);
    room.watchDenials();
  }, IMAGE_BUILD_MS);

  afterEach(() => {
    expect(listeners.reached).toEqual([]);
    listeners.seen.length = 0;
  });

  afterAll(async () => {
    abstract.close();
    await room.close();
    await listeners.close();
  });

  it('reaches an allowed host, and nothing else of it than the ports of the rule', async () => {
    const allowed = await room.run(ref, `curl -sS -k https://allowed.test:${listeners.httpsPort}/path`);
    expect(allowed).toMatchObject({ exitCode: 0, stdout: 'reached\n' });
    expect(listeners.seen).toMatchObject([{ name: 'allowed.test', url: '/path' }]);
    const plain = await room.run(ref, `curl -sS http://allowed.test:${listeners.httpPort}/plain`);
    expect(plain).toMatchObject({ exitCode: 0, stdout: 'reached\n' });
    const refused = await room.run(ref, 'curl -sS -k https://allowed.test:1/');
    expect(refused.stderr).toContain('403');
    await expect(room.denial(ref, 'allowed.test', 1)).resolves.toMatchObject({ reason: 'not_allowed' });
  });

  it('says which rule would allow what it refuses', async () => {
    const { stdout } = await room.run(ref, 'curl -sS http://strange.test/');
    expect(stdout).toContain('{"host":"strange.test","ports":[80]}');
    const denial = await room.denial(ref, 'strange.test', 80);
    expect(denial).toMatchObject({ reason: 'not_allowed', attempts: 1 });
  });

  it('has no interface, no route and no names', async () => {
    const seen = await room.python<Record<string, string>>(
      ref,
      `
import json, os, socket
found = {}
def attempt(name, work):
    try:
        work()
        found[name] = 'reached'
    except OSError as error:
        found[name] = type(error).__name__
def tcp(family, address):
    s = socket.socket(family, socket.SOCK_STREAM); s.settimeout(3); s.connect(address)
host, port = '${room.host}', ${listeners.canaryPort}
attempt('tcp', lambda: tcp(socket.AF_INET, (host, port)))
attempt('metadata', lambda: tcp(socket.AF_INET, ('169.254.169.254', 80)))
attempt('ipv6', lambda: tcp(socket.AF_INET6, ('2001:db8::1', 443)))
attempt('udp', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', (host, port)))
attempt('name', lambda: socket.getaddrinfo('allowed.test', 443))
attempt('dns', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.11', 53)) and tcp(socket.AF_INET, ('127.0.0.11', 53)))
attempt('raw', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
attempt('ping', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).sendto(b'\\x08\\x00' + b'\\x00' * 6, (host, 0)))
attempt('packet', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt('abstract', lambda: tcp(socket.AF_UNIX, '\\0devforge-egress-canary'))
attempt('docker', lambda: tcp(socket.AF_UNIX, '/var/run/docker.sock'))
attempt('control', lambda: tcp(socket.AF_UNIX, '/run/devforge-gateway/control.sock'))
found['interfaces'] = ' '.join(sorted(os.listdir('/sys/class/net')))
print(json.dumps(found))
`,
    );
    const { interfaces, ...attempts } = seen;
    expect(interfaces).toBe('lo');
    expect(Object.keys(attempts)).toHaveLength(12);
    expect(Object.values(attempts)).not.toContain('reached');
  });

  it('sees of the gateway its own folder alone, and cannot write there', async () => {
    const { stdout } = await room.run(
      ref,
      'ls -A /run/devforge/egress | tr "\\n" " "; touch /run/devforge/egress/x 2>/dev/null || echo read-only; cat /run/devforge/egress/*config /run/devforge/egress/fenced',
    );
    expect(stdout).toMatch(/^fenced gateway\.sock gitconfig read-only\n/);
    expect(stdout).toContain('restricted');
  });

  it('connects to no address that is not public, however it is written', async () => {
    const { canaryPort: port } = listeners;
    const written = [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      `LOCALHOST.:${port}`,
      `2130706433:${port}`,
      `0x7f.1:${port}`,
      `0177.0.0.1:${port}`,
      `[::1]:${port}`,
      `[::ffff:127.0.0.1]:${port}`,
      `[fe80::1]:${port}`,
      `169.254.169.254:${port}`,
      `10.0.0.1:${port}`,
      `224.0.0.1:${port}`,
      `0.0.0.0:${port}`,
      `${room.host}:${port}`,
      `private.test:${port}`,
    ];
    const answers = await room.python<[number, string][]>(
      ref,
      `${CONNECT}\nprint(json.dumps([connect(each) for each in ${JSON.stringify(written)}]))`,
    );
    expect(answers.map(([status], index) => `${written[index]} ${status}`)).toEqual(
      written.map((each) => `${each} 403`),
    );
    await expect(room.denial(ref, '127.0.0.1', port)).resolves.toMatchObject({ reason: 'private_address' });
    await expect(room.denial(ref, 'private.test', port)).resolves.toMatchObject({ reason: 'private_address' });
  });

  it('connects to the addresses that it has checked, when a name stands for others as well, or a moment later', async () => {
    const { httpsPort, canaryPort } = listeners;
    await room.setNames({ ...names, 'rebinding.test': ['127.0.0.1', '10.255.255.1'] });
    const [first] = await room.python<[number, string]>(
      ref,
      `${CONNECT}\nprint(json.dumps(connect('rebinding.test:${canaryPort}')))`,
    );
    expect(first).toBe(403);
    await expect(room.denial(ref, 'rebinding.test', canaryPort)).resolves.toMatchObject({ reason: 'private_address' });
    await room.setNames(names);
    const { stdout } = await room.run(ref, `curl -sS -k https://allowed.test:${httpsPort}/`);
    expect(stdout).toBe('reached\n');
  });

  it('lets no TLS through that names another host, or none', async () => {
    const port = listeners.httpsPort;
    const program = `${CONNECT}
print(json.dumps([tls('allowed.test:${port}', name) for name in ('allowed.test', 'other.test', 'sub.allowed.test', None)]))`;
    const [right, ...wrong] = await room.python<string[]>(ref, program);
    expect(right).toContain('200 OK');
    for (const each of wrong) expect(each).toMatch(/Error$/);
    expect(listeners.seen.map(({ name }) => name)).toEqual(['allowed.test']);
    await expect(room.denial(ref, 'allowed.test', port)).resolves.toMatchObject({ reason: 'host_mismatch' });
  });

  it('lets nothing through a tunnel but TLS and SSH', async () => {
    const port = listeners.httpPort;
    const programs = [
      'GET / HTTP/1.1\\r\\nHost: allowed.test\\r\\n\\r\\n',
      'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n',
      'GET / HTTP/1.1\\r\\nHost: allowed.test\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: x\\r\\n\\r\\n',
      '\\x16\\x03\\x01\\x00\\x05\\x02\\x00\\x00\\x01\\x00',
      '\\x16\\x03\\x01\\x40\\x01',
    ];
    const answers = await room.python<[number, string][]>(
      ref,
      `${CONNECT}\nprint(json.dumps([connect('allowed.test:${port}', each.encode('latin1')) for each in (${programs.map((each) => `'${each}'`).join(', ')})]))`,
    );
    // A fatal alert: access denied.
    expect(answers).toEqual(programs.map(() => [200, '15030100020231']));
    expect(listeners.seen).toEqual([]);
    await expect(room.denial(ref, 'allowed.test', port)).resolves.toMatchObject({ reason: 'protocol' });
  });

  it('tells of no attack when a client goes away before it has said what it speaks', async () => {
    const other = await room.workspace({
      mode: 'restricted',
      allow: [{ host: 'allowed.test', ports: [listeners.httpsPort] }],
    });
    const authority = `allowed.test:${listeners.httpsPort}`;
    await room.python(
      other,
      `${CONNECT}
for then in (b'', b'\\x16\\x03\\x01'):
    for leave in (lambda s: s.close(), lambda s: (s.shutdown(socket.SHUT_WR), s.recv(1))):
        status, s = connect('${authority}')
        s.sendall(then)
        leave(s)
try: connect('strange.test:443')
except Exception: pass
print(json.dumps(True))`,
    );
    await room.denial(other, 'strange.test', 443);
    expect(room.denials.filter(({ id }) => id === other.id).map(({ host }) => host)).toEqual(['strange.test']);
  });

  it('sends no plain request that names two hosts, goes elsewhere, or hides another', async () => {
    const { httpPort: port, canaryPort } = listeners;
    const answers = await room.python<string[]>(
      ref,
      `
import json, re, socket
def send(text):
    s = socket.create_connection(('127.0.0.1', 3128), timeout=20)
    s.sendall(text.encode()); s.shutdown(socket.SHUT_WR)
    answer = b''
    while True:
        chunk = s.recv(4096)
        if not chunk: break
        answer += chunk
    return ' '.join(re.findall(r'HTTP/1.1 (\\d+)', answer.decode()))
allowed, canary = 'http://allowed.test:${port}/', 'http://private.test:${canaryPort}/'
print(json.dumps([
  send(f'GET {allowed} HTTP/1.1\\r\\nHost: other.test\\r\\n\\r\\n'),
  send(f'GET {allowed} HTTP/1.1\\r\\nHost: allowed.test:1\\r\\n\\r\\n'),
  send(f'GET {canary} HTTP/1.1\\r\\nHost: private.test:${canaryPort}\\r\\n\\r\\n'),
  send(f'GET https://allowed.test:${port}/ HTTP/1.1\\r\\nHost: allowed.test:${port}\\r\\n\\r\\n'),
  send(f'GET ftp://allowed.test:${port}/ HTTP/1.1\\r\\nHost: allowed.test:${port}\\r\\n\\r\\n'),
  send(f'GET http://allowed.test@private.test:${canaryPort}/ HTTP/1.1\\r\\nHost: private.test:${canaryPort}\\r\\n\\r\\n'),
  send(f'GET {allowed} HTTP/1.1\\r\\nHost: allowed.test:${port}\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\nGET {canary} HTTP/1.1\\r\\nHost: private.test:${canaryPort}\\r\\n\\r\\n'),
  send(f'GET {allowed} HTTP/1.1\\r\\nHost: allowed.test:${port}\\r\\n\\r\\nGET {canary} HTTP/1.1\\r\\nHost: private.test:${canaryPort}\\r\\nConnection: close\\r\\n\\r\\n'),
  send(f'GET http://strange.test/ HTTP/1.1\\r\\nHost: strange.test\\r\\n\\r\\n'),
  send('GET /model/v1/messages HTTP/1.1\\r\\nHost: 127.0.0.1:3128\\r\\n\\r\\n'),
  send('GET /git/private.test/x/info/refs HTTP/1.1\\r\\nHost: 127.0.0.1:3128\\r\\n\\r\\n'),
]))
`,
    );
    expect(answers).toEqual(['403', '403', '403', '403', '403', '403', '400', '200 403', '403', '404', '404']);
    expect(listeners.seen.map(({ url }) => url)).toEqual(['/']);
  });

  it('follows no redirect to what is not allowed', async () => {
    const { httpPort, canaryPort } = listeners;
    for (const target of [`http://private.test:${canaryPort}/`, `http://strange.test:${canaryPort}/`]) {
      const url = `http://allowed.test:${httpPort}/redirect/${encodeURIComponent(target)}`;
      const { stdout } = await room.run(ref, `curl -sS -L -o /dev/null -w '%{http_code} %{num_redirects}' ${url}`);
      expect(stdout).toBe('403 1');
    }
  });

  it('refuses by SOCKS what it refuses by HTTP', async () => {
    const { httpsPort, canaryPort } = listeners;
    const curl = (url: string): Promise<{ exitCode: number; stdout: string; stderr: string }> =>
      room.run(
        ref,
        `env -u https_proxy -u HTTPS_PROXY -u http_proxy curl -sS -k --socks5-hostname 127.0.0.1:3128 ${url}`,
      );
    await expect(curl(`https://allowed.test:${httpsPort}/`)).resolves.toMatchObject({ stdout: 'reached\n' });
    for (const url of [
      `https://strange.test:${httpsPort}/`,
      `https://private.test:${canaryPort}/`,
      `https://127.0.0.1:${canaryPort}/`,
      `http://allowed.test:${listeners.httpPort}/`,
    ])
      await expect(curl(url)).resolves.toMatchObject({ stdout: '' });
    // UDP ASSOCIATE and BIND: commands that are not supported.
    const replies = await room.python<number[]>(
      ref,
      `
import json, socket
def command(code):
    s = socket.create_connection(('127.0.0.1', 3128), timeout=20)
    s.sendall(bytes([5, 1, 0])); s.recv(2)
    s.sendall(bytes([5, code, 0, 1, 127, 0, 0, 1, 0, 80]))
    return s.recv(10)[1]
print(json.dumps([command(2), command(3)]))
`,
    );
    expect(replies).toEqual([7, 7]);
  });
});
