ALTER TABLE "instructions" ADD COLUMN "cost_estimated" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "instructions" ADD COLUMN "diff_files" integer;--> statement-breakpoint
ALTER TABLE "instructions" ADD COLUMN "diff_insertions" integer;--> statement-breakpoint
ALTER TABLE "instructions" ADD COLUMN "diff_deletions" integer;--> statement-breakpoint
CREATE INDEX "instructions_owner" ON "instructions" USING btree ("owner_id","position");