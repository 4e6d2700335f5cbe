-- Words are folded differently now (tokenizer.rs), so the search index is built anew in the background (indexer.rs).
-- Meanwhile a search scans the messages that are not in it yet. The previous index is removed step by step after that.
ALTER TABLE words RENAME TO words_old;
CREATE VIRTUAL TABLE words USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'ascii');
UPDATE room SET indexed = 0;
