import { Module } from '@nestjs/common';
import { WorkspaceImages } from './workspace-images.js';

@Module({ providers: [WorkspaceImages], exports: [WorkspaceImages] })
export class ImagesModule {}
