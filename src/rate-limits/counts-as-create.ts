import { SetMetadata } from '@nestjs/common';

export const COUNTS_AS_CREATE = 'devforge:counts-as-create';

/** Marks a route that makes containers, of which a principal may make only so many in a time. */
export const CountsAsCreate = (): MethodDecorator => SetMetadata(COUNTS_AS_CREATE, true);
