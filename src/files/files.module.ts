import { Module } from '@nestjs/common';
import { ContainersModule } from '../containers/containers.module.js';
import { FileHelpers } from './file-helpers.js';
import { FilesController } from './files.controller.js';
import { FilesService } from './files.service.js';
import { UploadRoom } from './upload-room.js';

@Module({
  imports: [ContainersModule],
  controllers: [FilesController],
  providers: [FileHelpers, FilesService, UploadRoom],
})
export class FilesModule {}
