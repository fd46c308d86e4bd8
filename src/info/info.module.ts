import { Module } from '@nestjs/common';
import { ContainersModule } from '../containers/containers.module.js';
import { HomePageController } from './home-page.controller.js';
import { InfoController } from './info.controller.js';

@Module({ imports: [ContainersModule], controllers: [InfoController, HomePageController] })
export class InfoModule {}
