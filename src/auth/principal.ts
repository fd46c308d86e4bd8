/** The authenticated caller of a request. Every query is scoped to `ownerId`. */
export interface Principal {
  ownerId: string;
}

export const ADMINISTRATOR: Principal = { ownerId: 'admin' };
