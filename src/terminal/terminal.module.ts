import { Module } from '@nestjs/common';
import { ContainersModule } from '../containers/containers.module.js';
import { TerminalGateway } from './terminal.gateway.js';
import { TerminalHolder } from './terminal-holder.js';
import { TerminalHub } from './terminal-hub.js';
import { TerminalsController } from './terminals.controller.js';

@Module({
  imports: [ContainersModule],
  controllers: [TerminalsController],
  providers: [TerminalHolder, TerminalHub, TerminalGateway],
})
export class TerminalModule {}
