-- The days from this one on have their visits by hour. A partition that was derived before there were any has none: it goes back through them.
ALTER TABLE derivation_progress_local{{on_cluster}} ADD COLUMN IF NOT EXISTS visits_from DateTime64(3, 'UTC') DEFAULT '2100-01-01 00:00:00' AFTER past_from;
