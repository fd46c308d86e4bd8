import { Controller, Get, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import { Public } from '../../auth/requires.js';
import { SIGN_IN_PAGE } from '../pages/sign-in-page.js';

/** A page for people; programs get links from the API. */
@ApiExcludeController()
@Public()
@Controller('sign-in')
export class SignInPageController {
  @Get()
  show(@Res() response: Response): void {
    response.set(SIGN_IN_PAGE.headers).send(SIGN_IN_PAGE.html);
  }
}
