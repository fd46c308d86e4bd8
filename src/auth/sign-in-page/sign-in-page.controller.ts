import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import { Settings } from '../../config/settings.js';
import { ownPath } from '../oidc/return-path.js';
import { Public } from '../requires.js';
import { signInPage } from './sign-in-page.js';

/** What of the page's own address the page needs again after a sign-in elsewhere. */
const KEPT = ['container', 'port', 'returnTo'];

/** A page for people; programs use the API. */
@ApiExcludeController()
@Public()
@Controller('sign-in')
export class SignInPageController {
  constructor(private readonly settings: Settings) {}

  @Get()
  show(@Query() query: Record<string, unknown>, @Res() response: Response): void {
    const { oidc, editorDomain } = this.settings;
    const hasSessions = editorDomain !== null;
    const { html, headers } = signInPage({
      hasSessions,
      provider: oidc === null || !hasSessions ? null : { name: oidc.name, url: startUrl(query) },
      returnTo: ownPath(query['returnTo']),
    });
    response.set(headers).send(html);
  }
}

/** The provider sends the browser back to this page, which then goes on. */
function startUrl(query: Record<string, unknown>): string {
  const kept = KEPT.flatMap((name) =>
    typeof query[name] === 'string' ? [[name, query[name]] as [string, string]] : [],
  );
  const search = new URLSearchParams(kept).toString();
  const page = search === '' ? '/sign-in' : `/sign-in?${search}`;
  return `/api/auth/oidc/start?${new URLSearchParams({ returnTo: page }).toString()}`;
}
