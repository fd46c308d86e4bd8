import { type OnGatewayDisconnect, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type AuditedContainer, AuditLog } from '../auth/audit/audit-log.js';
import { ErrorTranslators } from '../common/errors/error-translators.js';
import { SerialQueue } from '../common/concurrency/serial-queue.js';
import { ContainerActivity } from '../containers/activity/container-activity.js';
import { ContainersService } from '../containers/containers.service.js';
import { acknowledge } from '../realtime/acknowledge.js';
import type { OutboxSource } from '../realtime/outbox.js';
import { principalOf } from '../realtime/principal-of.js';
import { PerSocket } from '../realtime/per-socket.js';
import type { Acknowledgement } from '@devforge/contract';
import { SocketCounters } from '../realtime/socket-counters.js';
import { SocketSubscriptions } from '../realtime/socket-subscriptions.js';
import type { ServerMessage } from '../realtime/server-message.js';
import type { TypedSocket } from '../realtime/typed-socket.js';
import { OpenTerminalDto, ResizeTerminalDto, TerminalInputDto, TerminalReferenceDto } from './dto/terminal.dto.js';
import { TerminalHub } from './terminal-hub.js';
import { terminalNotFound } from './pty-host.js';
import type { TerminalStream } from './terminal-stream.js';
import { TerminalViewer, type ViewerEntry } from './terminal-viewer.js';

const MAX_TERMINALS = 50;

interface OpenTerminal {
  container: AuditedContainer;
  stream: TerminalStream;
  viewer: TerminalViewer;
  source: OutboxSource;
}

/** The `terminal:*` events: opening, using and closing terminals in containers. */
@WebSocketGateway()
export class TerminalsGateway implements OnGatewayDisconnect<TypedSocket> {
  /** By id of the terminal. */
  private readonly terminals: SocketSubscriptions<OpenTerminal>;
  /** The input of one client takes effect in the order in which it arrived. */
  private readonly requests = new PerSocket(() => new SerialQueue());

  constructor(
    private readonly containers: ContainersService,
    private readonly hub: TerminalHub,
    private readonly activity: ContainerActivity,
    private readonly translators: ErrorTranslators,
    private readonly audit: AuditLog,
    counters: SocketCounters,
  ) {
    this.terminals = new SocketSubscriptions(counters, {
      kind: 'terminal',
      max: MAX_TERMINALS,
      label: 'terminals open',
      release: ({ stream, viewer, source }, socket) => {
        socket.data.outbox.forget(source);
        stream.delete(viewer);
        this.hub.release(stream);
      },
    });
  }

  handleDisconnect(socket: TypedSocket): void {
    this.terminals.endAll(socket);
  }

  @SubscribeMessage('terminal:open')
  open(socket: TypedSocket, payload: unknown): Promise<Acknowledgement<{ terminalId: string }>> {
    return acknowledge(payload, OpenTerminalDto, this.translators, async ({ containerId, cols, rows, terminalId }) => {
      const cancelReservation = this.terminals.reserve(socket, terminalId);
      try {
        const found = await this.containers.find(principalOf(socket, 'terminal:open'), containerId);
        const row = await this.activity.begin(found, 'terminal');
        const size = { columns: cols, rows };
        await this.audit.recordTerminal('terminal.open', row, terminalId);
        const stream = await (terminalId === undefined ? this.hub.open(row, size) : this.hub.join(row, terminalId));
        if (terminalId !== undefined) stream.resize(size);
        this.hub.used(row.id);
        if (socket.connected) this.view(socket, stream, row);
        // The client disconnected before it was given the id, so nobody could attach to the new terminal.
        else if (terminalId === undefined) stream.endTerminal();
        return { terminalId: stream.id };
      } finally {
        cancelReservation();
      }
    });
  }

  @SubscribeMessage('terminal:input')
  input(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return this.enqueue(socket, payload, TerminalInputDto, ({ stream }, { data }) => {
      this.hub.used(stream.containerId);
      this.activity.note(stream.containerId, 'terminal');
      return stream.input(data);
    });
  }

  @SubscribeMessage('terminal:resize')
  resize(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return this.enqueue(socket, payload, ResizeTerminalDto, ({ stream }, { cols, rows }) =>
      stream.resize({ columns: cols, rows }),
    );
  }

  @SubscribeMessage('terminal:detach')
  detach(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return this.enqueue(socket, payload, TerminalReferenceDto, ({ stream }) => this.terminals.end(socket, stream.id));
  }

  @SubscribeMessage('terminal:close')
  close(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return this.enqueue(socket, payload, TerminalReferenceDto, async ({ container, stream }) => {
      await this.audit.recordTerminal('terminal.close', container, stream.id);
      await stream.endTerminal();
    });
  }

  /** Starts the work in order. Later requests do not wait for its end, so that a terminal whose program reads nothing can be closed. */
  private enqueue<Dto extends TerminalReferenceDto>(
    socket: TypedSocket,
    payload: unknown,
    Payload: new () => Dto,
    work: (terminal: OpenTerminal, dto: Dto) => Promise<void> | void,
  ): Promise<Acknowledgement> {
    const { promise: answer, resolve } = Promise.withResolvers<Acknowledgement>();
    const start = (onStarted: () => void): void => {
      const done = acknowledge(payload, Payload, this.translators, (dto) => {
        const terminal = this.terminals.get(socket, dto.terminalId);
        if (terminal === undefined) throw terminalNotFound(dto.terminalId);
        const working = work(terminal, dto);
        onStarted();
        return working;
      });
      void done.then(onStarted);
      resolve(done);
    };
    void this.requests.of(socket).run(() => new Promise<void>(start));
    return answer;
  }

  private view(socket: TypedSocket, stream: TerminalStream, container: AuditedContainer): void {
    const source: OutboxSource = { take: () => this.next(socket, stream.id, viewer) };
    const viewer = new TerminalViewer(
      () => socket.data.outbox.wake(source),
      () => stream.requestScreen(),
      () => performance.now(),
    );
    const terminal = { container, stream, viewer, source };
    // Opening a terminal again shows its screen again.
    this.terminals.add(socket, stream.id, () => terminal);
    // The acknowledgement, with the terminal's id, is sent first.
    setImmediate(() => {
      if (this.terminals.get(socket, stream.id) === terminal) stream.add(viewer);
    });
  }

  private next(socket: TypedSocket, terminalId: string, viewer: TerminalViewer): ServerMessage | undefined {
    const entry = viewer.take();
    if (entry?.kind === 'end') this.terminals.end(socket, terminalId);
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
