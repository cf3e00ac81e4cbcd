foreach(name filter follow head range refusal schema)
  cx_test(${name} cx_indexer)
endforeach()
cx_test(indexer_ready cx_indexer)
