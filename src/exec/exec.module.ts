import { Module } from '@nestjs/common';
import { ContainersModule } from '../containers/containers.module.js';
import { ExecController } from './exec.controller.js';
import { ExecService } from './exec.service.js';

@Module({ imports: [ContainersModule], controllers: [ExecController], providers: [ExecService] })
export class ExecModule {}
