import { Injectable } from '@nestjs/common';
import { EncryptJWT, jwtDecrypt } from 'jose';
import { Clock } from '../../common/time/clock.js';
import { Settings } from '../../config/settings.js';
import { AdminToken } from '../admin-token.js';
import { HostCookie } from '../credentials/host-cookie.js';

const NAME = 'devforge_oidc';
const LIFETIME_SECONDS = 10 * 60;
const ALGORITHM = { alg: 'dir', enc: 'A256GCM' } as const;

/** What a browser has to bring back from the provider. */
export interface OidcFlow {
  state: string;
  nonce: string;
  codeVerifier: string;
  /** The path where the browser goes on. */
  returnTo: string;
}

/** Keeps a sign-in that is under way in the browser that began it, encrypted, so that no other browser can end it. */
@Injectable()
export class OidcFlowCookie {
  private readonly key: Buffer;
  private readonly cookie: HostCookie;

  constructor(
    token: AdminToken,
    { publicUrl }: Settings,
    private readonly clock: Clock,
  ) {
    this.key = token.deriveKey(NAME);
    this.cookie = new HostCookie(NAME, publicUrl);
  }

  /** The value of a `Set-Cookie` header. */
  async issue(flow: OidcFlow): Promise<string> {
    const expiresAt = new Date(this.clock.now().getTime() + LIFETIME_SECONDS * 1_000);
    const jwt = new EncryptJWT({ ...flow }).setProtectedHeader(ALGORITHM).setExpirationTime(expiresAt);
    return this.cookie.issue(await jwt.encrypt(this.key), LIFETIME_SECONDS);
  }

  /** The value of a `Set-Cookie` header that removes the cookie. */
  clear(): string {
    return this.cookie.clear();
  }

  /**
   * @param state as the provider sent it back
   * @returns null when no cookie is of this sign-in, or it is too old
   */
  async read(header: string | undefined, state: string): Promise<OidcFlow | null> {
    for (const value of this.cookie.read(header)) {
      const flow = await this.decrypt(value);
      if (flow?.state === state) return flow;
    }
    return null;
  }

  private async decrypt(token: string): Promise<OidcFlow | null> {
    try {
      const { payload } = await jwtDecrypt<OidcFlow>(token, this.key, {
        keyManagementAlgorithms: [ALGORITHM.alg],
        contentEncryptionAlgorithms: [ALGORITHM.enc],
        requiredClaims: ['exp'],
        currentDate: this.clock.now(),
      });
      return payload;
    } catch {
      return null;
    }
  }
}
