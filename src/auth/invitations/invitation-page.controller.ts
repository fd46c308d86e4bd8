import { Controller, Get, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import { Public } from '../requires.js';
import { INVITATION_PAGE } from './invitation-page.js';

/** A page for people; programs use the API. */
@ApiExcludeController()
@Public()
@Controller('invitation')
export class InvitationPageController {
  @Get()
  show(@Res() response: Response): void {
    response.set(INVITATION_PAGE.headers).send(INVITATION_PAGE.html);
  }
}
