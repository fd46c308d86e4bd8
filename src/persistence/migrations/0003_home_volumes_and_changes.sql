ALTER TABLE "containers" ADD COLUMN "data_id" uuid;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "recreate" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "containers" ADD COLUMN "pending_changes" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "containers_data" ON "containers" USING btree ("data_id") WHERE deleted_at is null;