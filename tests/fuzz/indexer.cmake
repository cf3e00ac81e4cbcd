cx_fuzz(refusal cx_indexer)
