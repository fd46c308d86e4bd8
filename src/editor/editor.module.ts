import { type MiddlewareConsumer, Module, type NestModule, type OnApplicationBootstrap } from '@nestjs/common';
import type { Request, Response } from 'express';
import { ContainersModule } from '../containers/containers.module.js';
import { EditorController } from './editor.controller.js';
import { EditorCookie } from './editor-cookie.js';
import { EditorProxy } from './editor-proxy.js';
import { EditorService } from './editor.service.js';
import { EditorTickets } from './editor-tickets.js';

@Module({
  imports: [ContainersModule],
  controllers: [EditorController],
  providers: [EditorService, EditorTickets, EditorCookie, EditorProxy],
})
export class EditorModule implements NestModule, OnApplicationBootstrap {
  constructor(private readonly proxy: EditorProxy) {}

  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply((request: Request, response: Response) => {
        request.url = request.originalUrl;
        void this.proxy.handle(request, response);
      })
      .forRoutes('/editor/*path');
  }

  onApplicationBootstrap(): void {
    this.proxy.attach();
  }
}
