import { Injectable } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { HostCookie } from '../credentials/host-cookie.js';

/** The cookie that a browser's session is known by. */
@Injectable()
export class SessionCookie extends HostCookie {
  constructor({ publicUrl }: Settings) {
    super('devforge_session', publicUrl);
  }
}
