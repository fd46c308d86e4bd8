import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Faults } from './faults.js';
import { createSshKey } from './ssh-key.js';
import { type Sshd, startSshd } from './sshd.js';

/**
 * git over SSH: a real OpenSSH server on loopback, and before it a TCP relay that listens on every address,
 * holds the port while sshd is replaced, and brings the {@link Faults}.
 */
export class SshGitServer {
  readonly faults = new Faults();
  private readonly relay: Server;
  private readonly sockets = new Set<Socket>();
  private authorised: string[] = [];
  private sshd: Sshd | null = null;
  private hostKey = '';
  private accepted = 0;

  private constructor(
    private readonly dir: string,
    private readonly repositoriesRoot: string,
  ) {
    this.relay = createServer({ allowHalfOpen: true }, (client) => void this.forward(client));
  }

  /** @param dir an empty folder for its keys and configuration */
  static async start(dir: string, repositoriesRoot: string): Promise<SshGitServer> {
    const server = new SshGitServer(dir, repositoriesRoot);
    await server.writeKeys();
    await server.rotateHostKey();
    server.relay.listen(0, '0.0.0.0');
    await once(server.relay, 'listening');
    return server;
  }

  get port(): number {
    return (this.relay.address() as AddressInfo).port;
  }

  /** How many connections were accepted so far. */
  get connections(): number {
    return this.accepted;
  }

  /** What sshd wrote since its host key was last rotated: which keys it accepted and refused. */
  log(): string {
    return this.sshd?.process.output() ?? '';
  }

  /** Lets a key in: the one line of its public half. */
  async authorize(publicKey: string): Promise<void> {
    this.authorised.push(publicKey.trim());
    await this.writeKeys();
  }

  async revoke(publicKey: string): Promise<void> {
    this.authorised = this.authorised.filter((key) => key !== publicKey.trim());
    await this.writeKeys();
  }

  /** The line for `known_hosts` with which a client may insist on this very server. */
  knownHosts(host: string): string {
    return `[${host}]:${this.port} ${this.hostKey}\n`;
  }

  /** Gives the server another identity on the same port, as an impostor or a rebuilt server would have. */
  async rotateHostKey(): Promise<void> {
    await this.endSshd();
    const name = 'host_ed25519';
    await Promise.all([name, `${name}.pub`].map((file) => rm(join(this.dir, file), { force: true })));
    const key = await createSshKey(this.dir, { name, comment: '' });
    this.hostKey = key.publicKey;
    this.sshd = await startSshd({
      dir: this.dir,
      hostKeyPath: key.privateKeyPath,
      authorizedKeysPath: this.authorizedKeysPath,
      repositoriesRoot: this.repositoriesRoot,
    });
  }

  async close(): Promise<void> {
    const closed = this.relay.listening ? once(this.relay, 'close') : undefined;
    this.relay.close();
    await this.endSshd();
    this.faults.reset();
    await closed;
  }

  private get authorizedKeysPath(): string {
    return join(this.dir, 'authorized_keys');
  }

  private async writeKeys(): Promise<void> {
    await writeFile(this.authorizedKeysPath, this.authorised.map((key) => `${key}\n`).join(''), { mode: 0o600 });
  }

  /** Sessions are processes of their own and outlive sshd; each ends with its connection. */
  private async endSshd(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await this.sshd?.process.end();
    this.sshd = null;
  }

  private async forward(client: Socket): Promise<void> {
    this.accepted += 1;
    this.track(client);
    if (this.faults.takeFailure()) return void client.destroy();
    await this.faults.open();
    if (!this.sshd || client.destroyed) return void client.destroy();
    const server = this.track(connect({ host: '127.0.0.1', port: this.sshd.port, allowHalfOpen: true }));
    const relay = (from: Socket, to: Socket) =>
      pipeline(from, (source: AsyncIterable<Buffer>) => this.faults.paced(source), to);
    await Promise.all([relay(client, server), relay(server, client)]).catch(() => undefined);
    client.destroy();
    server.destroy();
  }

  private track(socket: Socket): Socket {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.once('close', () => this.sockets.delete(socket));
    return socket;
  }
}
