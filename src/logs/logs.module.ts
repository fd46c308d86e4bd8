import { Module } from '@nestjs/common';
import { ContainersModule } from '../containers/containers.module.js';
import { LogHub } from './log-hub.js';
import { LogsController } from './logs.controller.js';
import { LogsGateway } from './logs.gateway.js';

@Module({ imports: [ContainersModule], controllers: [LogsController], providers: [LogHub, LogsGateway] })
export class LogsModule {}
