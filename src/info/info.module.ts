import { Module } from '@nestjs/common';
import { ContainersModule } from '../containers/containers.module.js';
import { InfoController } from './info.controller.js';

@Module({ imports: [ContainersModule], controllers: [InfoController] })
export class InfoModule {}
