import { TypedChannel } from '../../../common/typed-channel.js';
import type { DriverErrorCode } from '../../driver-error.js';

/** What the engine is asked for. What a call says about itself begins with one of these; the rest names the object. */
export const ENGINE_OPERATIONS = [
  'ping',
  'info',
  'watch events',
  'create container',
  'start container',
  'stop container',
  'pause container',
  'unpause container',
  'remove container',
  'inspect container',
  'list containers',
  'measure container',
  'usage of container',
  'logs of container',
  'exec',
  'open process',
  'inspect image',
  'pull image',
  'build image',
  'remove image',
  'list volumes',
  'inspect volume',
  'remove volume',
  'ensure network',
  'remove network',
] as const;
export type EngineOperation = (typeof ENGINE_OPERATIONS)[number];
export type EngineCallName = EngineOperation | `${EngineOperation} ${string}`;

export interface EngineCall {
  operation: EngineOperation;
  outcome: 'ok' | DriverErrorCode;
  seconds: number;
}

/** Every call of the engine once it is over; of one that opens a stream, once the stream is open. */
export const engineCalls = new TypedChannel<EngineCall>('devforge.engine-call');

export function operationOf(name: EngineCallName): EngineOperation {
  return ENGINE_OPERATIONS.find((operation) => name === operation || name.startsWith(`${operation} `))!;
}
