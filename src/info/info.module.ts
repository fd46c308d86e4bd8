import { Module } from '@nestjs/common';
import { ContainersModule } from '../containers/containers.module.js';
import { AboutPageController } from './about-page.controller.js';
import { InfoController } from './info.controller.js';

@Module({ imports: [ContainersModule], controllers: [InfoController, AboutPageController] })
export class InfoModule {}
