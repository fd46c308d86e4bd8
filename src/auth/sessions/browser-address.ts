import type { Request } from 'express';
import type { BrowserAddress } from './sessions.service.js';

export function browserAddressOf(request: Request): BrowserAddress {
  return { address: request.ip ?? '', userAgent: request.headers['user-agent'] ?? '' };
}
