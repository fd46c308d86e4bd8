import { Module, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ContainersModule } from '../containers/containers.module.js';
import { EditorController } from './editor.controller.js';
import { EditorHeartbeat } from './editor-heartbeat.js';
import { EditorLauncher } from './editor-launcher.js';
import { LinksService } from './links.service.js';
import { SiteControls } from './controls/site-controls.js';
import { SiblingSignIn } from './sign-in/sibling-sign-in.js';
import { SignInTickets } from './sign-in/sign-in-tickets.js';
import { SiteAccess } from './sign-in/site-access.js';
import { SiteCookie } from './sign-in/site-cookie.js';
import { SiblingOrigins } from './proxy/sibling-origins.js';
import { SiteDirectory } from './proxy/site-directory.js';
import { SiteHandler } from './proxy/site-handler.js';
import { SiteProxy } from './proxy/site-proxy.js';
import { SiteRouter } from './proxy/site-router.js';
import { Tunnels } from './tunnel/tunnels.js';

@Module({
  imports: [ContainersModule],
  controllers: [EditorController],
  providers: [
    EditorHeartbeat,
    EditorLauncher,
    LinksService,
    SiblingOrigins,
    SiblingSignIn,
    SignInTickets,
    SiteAccess,
    SiteControls,
    SiteCookie,
    SiteDirectory,
    SiteHandler,
    SiteProxy,
    SiteRouter,
    Tunnels,
  ],
})
export class EditorModule implements OnApplicationBootstrap {
  constructor(
    private readonly router: SiteRouter,
    private readonly adapter: HttpAdapterHost,
  ) {}

  /** After the gateways have put their own listeners on the server. */
  onApplicationBootstrap(): void {
    this.router.attach(this.adapter);
  }
}
