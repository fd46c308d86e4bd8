import type { EngineClient } from '../engine/engine-client.js';
import { LABEL_PROGRAMS_OF } from '../labels.js';

/** The workspace image whose programs were laid over an image; undefined for one that DevForge has built as a whole. */
export async function programsOf(engine: EngineClient, image: string): Promise<string | undefined> {
  return (await engine.images.inspect(image))?.labels[LABEL_PROGRAMS_OF];
}
