import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { type OnGatewayDisconnect, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { DomainError } from '../../common/errors/domain-error.js';
import { ErrorTranslators } from '../../common/errors/error-translators.js';
import { InstructionEventsRepository } from '../../persistence/instructions/instruction-events.repository.js';
import { InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { acknowledge } from '../../realtime/acknowledge.js';
import type { Acknowledgement } from '@devforge/contract';
import { SocketCounters } from '../../realtime/socket-counters.js';
import type { TypedSocket } from '../../realtime/typed-socket.js';
import { SubscribeInstructionDto, UnsubscribeInstructionDto } from '../api/dto/subscribe-instruction.dto.js';
import { InstructionChanges } from '../follow/instruction-changes.js';
import { InstructionView } from '../api/instruction-view.js';
import { InstructionsService } from '../api/instructions.service.js';
import { POLL_MS } from './event-feed.js';
import { InstructionSubscription } from './instruction-subscription.js';

const MOST_SUBSCRIPTIONS = 100;

interface Reader {
  subscription: InstructionSubscription;
  unwatch: () => void;
}

/** Pushes what Claude Code prints as it prints it. */
@WebSocketGateway()
export class InstructionsGateway implements OnApplicationBootstrap, OnModuleDestroy, OnGatewayDisconnect<TypedSocket> {
  private readonly readers = new Map<TypedSocket, Map<string, Reader>>();
  private poll: NodeJS.Timeout | undefined;

  constructor(
    private readonly service: InstructionsService,
    private readonly instructions: InstructionsRepository,
    private readonly events: InstructionEventsRepository,
    private readonly view: InstructionView,
    private readonly changes: InstructionChanges,
    private readonly translators: ErrorTranslators,
    tally: SocketCounters,
  ) {
    tally.countSubscriptions('instruction', () => [...this.readers.values()].reduce((sum, { size }) => sum + size, 0));
  }

  /** Another process may write the events, whose word may not be heard here. */
  onApplicationBootstrap(): void {
    this.poll = setInterval(() => {
      for (const readers of this.readers.values())
        for (const { subscription } of readers.values()) subscription.changed();
    }, POLL_MS);
  }

  onModuleDestroy(): void {
    clearInterval(this.poll);
  }

  handleDisconnect(socket: TypedSocket): void {
    for (const id of this.readers.get(socket)?.keys() ?? []) this.leave(socket, id);
    this.readers.delete(socket);
  }

  @SubscribeMessage('subscribe:instruction')
  subscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, SubscribeInstructionDto, this.translators, async ({ instructionId, after }) => {
      const { id } = await this.service.find(socket.data.principal, instructionId);
      if (!socket.connected) return;
      // Asking again begins again, from the new position.
      this.leave(socket, id);
      const readers = this.readersOf(socket);
      if (readers.size >= MOST_SUBSCRIPTIONS) {
        throw new DomainError(
          'too_many_subscriptions',
          `One connection has at most ${MOST_SUBSCRIPTIONS} subscriptions to instructions.`,
        );
      }
      const { instructions, events, view } = this;
      // What has come to its end takes up no subscription.
      const leave = (): void => this.leave(socket, id);
      const subscription = new InstructionSubscription(
        id,
        after,
        socket.data.outbox,
        { instructions, events, view },
        leave,
      );
      readers.set(id, { subscription, unwatch: this.changes.watch(id, () => subscription.changed()) });
      subscription.changed();
    });
  }

  @SubscribeMessage('unsubscribe:instruction')
  unsubscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, UnsubscribeInstructionDto, this.translators, async ({ instructionId }) => {
      this.leave(socket, (await this.service.find(socket.data.principal, instructionId)).id);
    });
  }

  private readersOf(socket: TypedSocket): Map<string, Reader> {
    const known = this.readers.get(socket) ?? new Map<string, Reader>();
    this.readers.set(socket, known);
    return known;
  }

  private leave(socket: TypedSocket, id: string): void {
    const reader = this.readers.get(socket)?.get(id);
    if (reader === undefined) return;
    this.readers.get(socket)?.delete(id);
    reader.unwatch();
    reader.subscription.close();
  }
}
