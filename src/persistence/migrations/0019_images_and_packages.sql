ALTER TABLE "projects" ADD COLUMN "allowed_images" jsonb;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "image_reference" text;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "packages" jsonb DEFAULT '[]'::jsonb NOT NULL;