import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import { IdGenerator } from '../../common/id-generator.js';
import { Settings } from '../../config/settings.js';
import type { Invitation } from '../../persistence/auth/users/users.repository.js';
import { hashOfSecret, SECRET_BYTES } from '../credentials/secret-token.js';

const LIFETIME_MS = 7 * 24 * 60 * 60_000;
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** Links with which users set a password. The secret is in the fragment, which browsers send to no server. */
@Injectable()
export class InvitationLinks {
  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  create(): { invitation: Invitation; url: string } {
    const secret = this.ids.secret(SECRET_BYTES);
    return {
      invitation: {
        hash: hashOfSecret(secret),
        expiresAt: new Date(this.clock.now().getTime() + LIFETIME_MS),
      },
      url: `${this.settings.publicUrl}/invitation#${secret}`,
    };
  }

  /** @returns null for what is no secret of a link */
  hashOf(secret: string): string | null {
    return SECRET.test(secret) ? hashOfSecret(secret) : null;
  }
}
