/** Who makes the request. Every query is scoped to `ownerId`. */
export interface Principal {
  ownerId: string;
}

export const ADMINISTRATOR: Principal = { ownerId: 'admin' };
