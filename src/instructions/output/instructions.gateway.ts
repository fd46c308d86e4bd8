import { type OnGatewayDisconnect, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ErrorTranslators } from '../../common/errors/error-translators.js';
import { principalOf } from '../../realtime/principal-of.js';
import { acknowledge } from '../../realtime/acknowledge.js';
import type { Acknowledgement } from '@devforge/contract';
import type { TypedSocket } from '../../realtime/typed-socket.js';
import { SubscribeInstructionDto, UnsubscribeInstructionDto } from '../api/dto/subscribe-instruction.dto.js';
import { InstructionsService } from '../api/instructions.service.js';
import { InstructionSubscriptions } from './instruction-subscriptions.js';

/** Sends the output of Claude Code to subscribed sockets as it is stored. */
@WebSocketGateway()
export class InstructionsGateway implements OnGatewayDisconnect<TypedSocket> {
  constructor(
    private readonly instructions: InstructionsService,
    private readonly subscriptions: InstructionSubscriptions,
    private readonly translators: ErrorTranslators,
  ) {}

  handleDisconnect(socket: TypedSocket): void {
    this.subscriptions.endAll(socket);
  }

  @SubscribeMessage('subscribe:instruction')
  subscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, SubscribeInstructionDto, this.translators, async ({ instructionId, after }) => {
      const row = await this.instructions.find(principalOf(socket, 'subscribe:instruction'), instructionId);
      this.subscriptions.start(socket, row, after);
    });
  }

  @SubscribeMessage('unsubscribe:instruction')
  unsubscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, UnsubscribeInstructionDto, this.translators, async ({ instructionId }) => {
      const { id } = await this.instructions.find(principalOf(socket, 'unsubscribe:instruction'), instructionId);
      this.subscriptions.end(socket, id);
    });
  }
}
