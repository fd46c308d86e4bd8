import { Module } from '@nestjs/common';
import { ContainersModule } from '../containers/containers.module.js';
import { TerminalsGateway } from './terminals.gateway.js';
import { PtyHost } from './pty-host.js';
import { TerminalHub } from './terminal-hub.js';
import { TerminalsController } from './terminals.controller.js';

@Module({
  imports: [ContainersModule],
  controllers: [TerminalsController],
  providers: [PtyHost, TerminalHub, TerminalsGateway],
})
export class TerminalsModule {}
