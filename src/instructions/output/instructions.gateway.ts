import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { type OnGatewayDisconnect, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ErrorTranslators } from '../../common/errors/error-translators.js';
import { InstructionEventsRepository } from '../../persistence/instructions/instruction-events.repository.js';
import { InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { acknowledge } from '../../realtime/acknowledge.js';
import type { Acknowledgement } from '../../realtime/socket-events.js';
import { SocketCounters } from '../../realtime/socket-counters.js';
import { SocketSubscriptions } from '../../realtime/socket-subscriptions.js';
import type { TypedSocket } from '../../realtime/typed-socket.js';
import { SubscribeInstructionDto, UnsubscribeInstructionDto } from '../api/dto/subscribe-instruction.dto.js';
import { InstructionChanges } from '../follow/instruction-changes.js';
import { InstructionView } from '../api/instruction-view.js';
import { InstructionsService } from '../api/instructions.service.js';
import { POLL_MS } from './event-feed.js';
import { InstructionSubscription } from './instruction-subscription.js';

const MAX_SUBSCRIPTIONS = 100;

interface Reader {
  subscription: InstructionSubscription;
  unwatch: () => void;
}

/** Pushes what Claude Code prints as it prints it. */
@WebSocketGateway()
export class InstructionsGateway implements OnApplicationBootstrap, OnModuleDestroy, OnGatewayDisconnect<TypedSocket> {
  private readonly subscriptions: SocketSubscriptions<Reader>;
  private poll: NodeJS.Timeout | undefined;

  constructor(
    private readonly service: InstructionsService,
    private readonly instructions: InstructionsRepository,
    private readonly events: InstructionEventsRepository,
    private readonly view: InstructionView,
    private readonly changes: InstructionChanges,
    private readonly translators: ErrorTranslators,
    counters: SocketCounters,
  ) {
    this.subscriptions = new SocketSubscriptions(counters, {
      kind: 'instruction',
      max: MAX_SUBSCRIPTIONS,
      label: 'instruction subscriptions',
      release: ({ subscription, unwatch }) => {
        unwatch();
        subscription.close();
      },
    });
  }

  /** Another process may write the events, whose word may not be heard here. */
  onApplicationBootstrap(): void {
    this.poll = setInterval(() => {
      for (const { subscription } of this.subscriptions.values()) subscription.changed();
    }, POLL_MS);
  }

  onModuleDestroy(): void {
    clearInterval(this.poll);
  }

  handleDisconnect(socket: TypedSocket): void {
    this.subscriptions.endAll(socket);
  }

  @SubscribeMessage('subscribe:instruction')
  subscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, SubscribeInstructionDto, this.translators, async ({ instructionId, after }) => {
      const { id } = await this.service.find(socket.data.principal, instructionId);
      // A repeated subscription starts over, from the new position.
      const reader = this.subscriptions.add(socket, id, () => {
        const { instructions, events, view } = this;
        // A finished instruction must not count against the limit.
        const onEnd = (): void => this.subscriptions.end(socket, id);
        const sources = { instructions, events, view };
        const subscription = new InstructionSubscription(id, after, socket.data.outbox, sources, onEnd);
        return { subscription, unwatch: this.changes.watch(id, () => subscription.changed()) };
      });
      reader?.subscription.changed();
    });
  }

  @SubscribeMessage('unsubscribe:instruction')
  unsubscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, UnsubscribeInstructionDto, this.translators, async ({ instructionId }) => {
      this.subscriptions.end(socket, (await this.service.find(socket.data.principal, instructionId)).id);
    });
  }
}
