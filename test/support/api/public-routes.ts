/** Routes for callers who are nobody before: those that sign somebody in. */
export const PUBLIC_ROUTES = [
  'GET /api/auth/oidc/callback',
  'GET /api/auth/oidc/start',
  'GET /api/auth/options',
  'POST /api/invitations/accept',
  'POST /api/sessions',
  'POST /api/sessions/by-link',
  'POST /api/sessions/by-token',
];

/** What is shown to everybody, and is not part of the API. */
export const PAGES = ['/', '/about', '/docs', '/docs/errors', '/docs/sockets', '/sign-in'];
