import { Controller, Get, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import { Public } from '../auth/requires.js';
import { renderPage } from '../http/page.js';

const PAGE = renderPage({
  title: 'DevForge',
  body: `<h1>DevForge</h1>
<p>Dev containers with Claude Code and VS Code inside, driven over REST and Socket.io.</p>
<p><a class="action" href="/">Console</a></p>
<p><a href="/docs">API documentation</a> · <a href="/docs/sockets">Socket.io events</a> · <a href="/docs/errors">Errors</a> · <a href="/docs/openapi.json">OpenAPI</a></p>
<p><a href="/sign-in">Sign in</a> to the VS Code of a container · <a href="/health">Health</a></p>`,
  frameAncestors: "'none'",
});

/** Links to everything that DevForge shows beside its console. */
@ApiExcludeController()
@Public()
@Controller('about')
export class AboutPageController {
  @Get()
  show(@Res() response: Response): void {
    response.set(PAGE.headers).send(PAGE.html);
  }
}
