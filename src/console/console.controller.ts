import { Controller, Get, NotFoundException, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Public } from '../auth/requires.js';
import { ConsoleFiles } from './console-files.js';

/** What is below these is for programs, also where a browser asks for it. */
const NOT_PAGES = /^\/(?:api|docs|health|metrics|socket\.io)(?:\/|$)/;

/**
 * Serves the console: its files, and its page at every address that no other route has and that a browser navigates to.
 * Its module has to be the last one.
 */
@ApiExcludeController()
@Public()
@Controller()
export class ConsoleController {
  constructor(private readonly files: ConsoleFiles) {}

  @Get()
  async home(@Req() request: Request, @Res() response: Response): Promise<void> {
    if (!(await this.files.sendIndex(request, response))) response.redirect('/about');
  }

  @Get('*path')
  async other(@Req() request: Request, @Res() response: Response): Promise<void> {
    const isSent =
      (await this.files.sendFile(request, response, request.path.slice(1))) ||
      (isNavigation(request) && (await this.files.sendIndex(request, response)));
    // As it is answered where no route matches.
    if (!isSent) throw new NotFoundException(`Cannot ${request.method} ${request.originalUrl}`);
  }
}

function isNavigation(request: Request): boolean {
  return !NOT_PAGES.test(request.path) && request.accepts(['json', 'html']) === 'html';
}
