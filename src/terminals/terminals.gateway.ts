import { type OnGatewayDisconnect, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { DomainError } from '../common/errors/domain-error.js';
import { ErrorTranslators } from '../common/errors/error-translators.js';
import { ContainersService } from '../containers/containers.service.js';
import { acknowledge } from '../realtime/acknowledge.js';
import type { OutboxSource } from '../realtime/outbox.js';
import type { Acknowledgement } from '@devforge/contract';
import { SocketCounters } from '../realtime/socket-counters.js';
import type { ServerMessage } from '../realtime/server-message.js';
import type { TypedSocket } from '../realtime/typed-socket.js';
import { OpenTerminalDto, ResizeTerminalDto, TerminalInputDto, TerminalReferenceDto } from './dto/terminal.dto.js';
import { TerminalHub } from './terminal-hub.js';
import { terminalNotFound } from './pty-host.js';
import type { TerminalStream } from './terminal-stream.js';
import { TerminalViewer, type ViewerEntry } from './terminal-viewer.js';

const MOST_TERMINALS = 50;

interface OpenTerminal {
  stream: TerminalStream;
  viewer: TerminalViewer;
  source: OutboxSource;
}

interface Client {
  terminals: Map<string, OpenTerminal>;
  /** Terminals that are being opened. */
  opening: number;
  /** Settles when what the client sent before has been done. */
  turn: Promise<unknown>;
}

/** Shells in containers, for people and programs. */
@WebSocketGateway()
export class TerminalsGateway implements OnGatewayDisconnect<TypedSocket> {
  private readonly clients = new Map<TypedSocket, Client>();

  constructor(
    private readonly containers: ContainersService,
    private readonly hub: TerminalHub,
    private readonly translators: ErrorTranslators,
    tally: SocketCounters,
  ) {
    tally.countSubscriptions('terminal', () =>
      [...this.clients.values()].reduce((sum, { terminals }) => sum + terminals.size, 0),
    );
  }

  handleDisconnect(socket: TypedSocket): void {
    for (const id of this.clients.get(socket)?.terminals.keys() ?? []) this.leave(socket, id);
    this.clients.delete(socket);
  }

  @SubscribeMessage('terminal:open')
  open(socket: TypedSocket, payload: unknown): Promise<Acknowledgement<{ terminalId: string }>> {
    return acknowledge(payload, OpenTerminalDto, this.translators, async ({ containerId, cols, rows, terminalId }) => {
      const client = this.clientOf(socket);
      if (client.terminals.size + client.opening >= MOST_TERMINALS && !client.terminals.has(terminalId ?? '')) {
        throw new DomainError('too_many_subscriptions', `One connection has at most ${MOST_TERMINALS} terminals open.`);
      }
      client.opening += 1;
      try {
        const row = await this.containers.find(socket.data.principal, containerId);
        const size = { columns: cols, rows };
        const stream = await (terminalId === undefined ? this.hub.open(row, size) : this.hub.join(row, terminalId));
        if (terminalId !== undefined) stream.resize(size);
        this.hub.used(row.id);
        if (socket.connected) this.view(socket, client, stream);
        // Nobody has learnt of it.
        else if (terminalId === undefined) stream.hangUp();
        return { terminalId: stream.id };
      } finally {
        client.opening -= 1;
      }
    });
  }

  @SubscribeMessage('terminal:input')
  input(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return this.inTurn(socket, payload, TerminalInputDto, ({ stream }, { data }) => {
      stream.input(data);
      this.hub.used(stream.containerId);
    });
  }

  @SubscribeMessage('terminal:resize')
  resize(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return this.inTurn(socket, payload, ResizeTerminalDto, ({ stream }, { cols, rows }) =>
      stream.resize({ columns: cols, rows }),
    );
  }

  @SubscribeMessage('terminal:detach')
  detach(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return this.inTurn(socket, payload, TerminalReferenceDto, ({ stream }) => this.leave(socket, stream.id));
  }

  @SubscribeMessage('terminal:close')
  close(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return this.inTurn(socket, payload, TerminalReferenceDto, ({ stream }) => stream.hangUp());
  }

  /** What a client types is done in the order in which it came. */
  private inTurn<Dto extends TerminalReferenceDto>(
    socket: TypedSocket,
    payload: unknown,
    Payload: new () => Dto,
    work: (terminal: OpenTerminal, dto: Dto) => void,
  ): Promise<Acknowledgement> {
    const client = this.clientOf(socket);
    const done = client.turn.then(() =>
      acknowledge(payload, Payload, this.translators, (dto) => {
        const terminal = client.terminals.get(dto.terminalId);
        if (terminal === undefined) throw terminalNotFound(dto.terminalId);
        work(terminal, dto);
      }),
    );
    client.turn = done;
    return done;
  }

  private clientOf(socket: TypedSocket): Client {
    const known = this.clients.get(socket);
    if (known !== undefined) return known;
    const client: Client = { terminals: new Map(), opening: 0, turn: Promise.resolve() };
    // One that has gone would be kept for ever.
    if (socket.connected) this.clients.set(socket, client);
    return client;
  }

  private view(socket: TypedSocket, client: Client, stream: TerminalStream): void {
    // Opening it again shows its screen again.
    this.leave(socket, stream.id);
    const source: OutboxSource = { take: () => this.next(socket, stream.id, viewer) };
    const viewer = new TerminalViewer(
      () => socket.data.outbox.wake(source),
      () => stream.askForScreen(),
      () => performance.now(),
    );
    const terminal = { stream, viewer, source };
    client.terminals.set(stream.id, terminal);
    // The acknowledgement, with the terminal's id, goes first.
    setImmediate(() => {
      if (client.terminals.get(stream.id) === terminal) stream.add(viewer);
    });
  }

  private leave(socket: TypedSocket, id: string): void {
    const terminals = this.clients.get(socket)?.terminals;
    const terminal = terminals?.get(id);
    if (terminal === undefined) return;
    terminals?.delete(id);
    socket.data.outbox.forget(terminal.source);
    terminal.stream.delete(terminal.viewer);
    this.hub.release(terminal.stream);
  }

  private next(socket: TypedSocket, terminalId: string, viewer: TerminalViewer): ServerMessage | undefined {
    const entry = viewer.take();
    if (entry?.kind === 'end') this.leave(socket, terminalId);
    return entry === undefined ? undefined : toMessage(terminalId, entry);
  }
}

function toMessage(terminalId: string, entry: ViewerEntry): ServerMessage {
  switch (entry.kind) {
    case 'output': {
      const { text: data, screen } = entry;
      return {
        event: 'terminal:output',
        payload: {
          terminalId,
          data,
          ...(screen === undefined ? {} : { screen: { cols: screen.columns, rows: screen.rows } }),
        },
      };
    }
    case 'resized':
      return { event: 'terminal:resized', payload: { terminalId, cols: entry.size.columns, rows: entry.size.rows } };
    case 'end':
      return { event: 'terminal:exit', payload: { terminalId, exitCode: entry.exitCode, reason: entry.reason } };
  }
}
