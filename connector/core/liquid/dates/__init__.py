"""Points in time as JavaScript knows them: read from texts, shown in a zone, printed by strftime."""
